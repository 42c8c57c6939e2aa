"""``addispatch doctor``: is everything well, and if not, what is to be done? Asks the daemon, or looks without one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from addispatch.cli.client import Client, Doc, NoAnswer, Target
from addispatch.cli.connected import print_json
from addispatch.cli.daemon import ConfigFile
from addispatch.cli.root import app
from addispatch.cli.text import colour, printable, terminal_columns, width, wrap

#: Where what was seen begins, and how wide the names of things may be.
_MARK, _LONGEST = 5, 28


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    config: ConfigFile = None,
    data_dir: Annotated[Path | None, typer.Option(help="Data directory of the daemon on this machine.")] = None,
    server: Annotated[str | None, typer.Option(help="Ask another node: http://host:5556.", metavar="URL")] = None,
    token_file: Annotated[Path | None, typer.Option(help="File with the token for --server.")] = None,
) -> None:
    """Examine everything, up to 25 s: each line is ok or what to do. Exit 0 only if all is ok."""
    target = Target(server=server, token_file=token_file, data_dir=data_dir, config=config)
    document = _ask(target)
    if as_json:
        print_json(document)
    else:
        show(document)
    raise typer.Exit(0 if document["ok"] else 1)


def _ask(target: Target) -> Doc:
    try:
        return Client(target).get("/doctor")
    except NoAnswer as error:
        if not error.is_absent:
            raise
    return _alone(target.config)


def _alone(named: Path | None) -> Doc:
    from addispatch.config import find
    from addispatch.domain.errors import ConfigErrors
    from addispatch.engine.doctor import document
    from addispatch.engine.doctor_alone import examine_alone
    from addispatch.sdk.protocols import Finding

    try:
        file = find(named)
    except ConfigErrors as error:
        first = error.errors[0]
        found = [Finding("daemon", "does not run"), Finding("configuration", "", first.problem, first.hint)]
        return document("", found, running=False)
    return asyncio.run(examine_alone(file))


def show(document: Doc) -> None:
    """Print the findings, what is wrong with its remedy below it, and a summary."""
    findings = document["findings"]
    names = [printable(finding.get("subject")) for finding in findings]
    longest = min(_LONGEST, terminal_columns() // 3 or _LONGEST)
    room = min(max(map(width, names), default=0), longest) + 2
    for finding, name in zip(findings, names, strict=True):
        _show_one(finding, name, room)
    wrong = sum(1 for finding in findings if finding.get("problem"))
    print()
    if wrong:
        print(colour(f"{wrong} of {len(findings)} {'needs' if wrong == 1 else 'need'} something done.", "red"))
    else:
        print(colour("All is well.", "green"))


def _show_one(finding: dict[str, Any], name: str, room: int) -> None:
    problem, advice = finding.get("problem"), finding.get("advice")
    mark, tint = ("!!", "red") if problem else ("ok", "green")
    lines = _wrapped(printable(problem or finding.get("detail") or ""), _MARK + room)
    head = f"{colour(mark, tint)}{' ' * (_MARK - len(mark))}"
    if width(name) > room - 2:  # a long name has the line to itself
        print(head + name)
        head, name = " " * _MARK, ""
    print(f"{head}{name}{' ' * (room - width(name))}{lines[0]}".rstrip())
    rest = lines[1:] + (_wrapped(f"-> {printable(advice)}", _MARK + room) if problem and advice else [])
    for line in rest:
        print(" " * (_MARK + room) + line)


def _wrapped(text: str, before: int) -> list[str]:
    columns = terminal_columns()
    return wrap(text, max(columns - before, 20)) if columns else [text]
