"""``addispatch monitors``: how they stand, reading once, and editing them."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer
from typer.core import TyperGroup

from addispatch.cli import table
from addispatch.cli.client import Client, Doc, Failure
from addispatch.cli.connected import connected
from addispatch.cli.root import app
from addispatch.cli.text import colour, fold, printable, short_time


class _ListByDefault(TyperGroup):
    """``addispatch monitors`` alone lists them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command in that is meant when none is named."""
        if not args or (args[0].startswith("-") and args[0] != "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)


commands = typer.Typer(cls=_ListByDefault, help="Monitors: what the node looks at itself.", rich_markup_mode=None)
app.add_typer(commands, name="monitors")

Keys = Annotated[list[str] | None, typer.Argument(help="Keys as KEY=VALUE, for example host=10.0.0.20 hi=80.")]
_EXAMPLES = {"must be a list": '["one", "two"]', "must be a table": '{"hihi": "critical"}'}
_COLOURS = {"ok": "green", "alarm": "red", "down": "red", "failing": "yellow"}


def _listed(document: Doc) -> None:
    rows = [
        (
            one["name"], colour(printable(one["state"]), _COLOURS.get(one["state"], "dim")), _seen(one),
            short_time(one["read_at"]),
            one["error"] or (f"beyond {one['limit']}" if one["limit"] else "silent" if one["suppressed"] else ""),
        )
        for one in document["monitors"]
    ]  # fmt: skip
    titles = ("MONITOR", "STATE", "VALUE", "READ", "NOW")
    table.show(titles, rows, nothing="no monitors", whole=True, unbroken=(0,))


def _seen(one: Doc) -> str:
    if one["value"] is None:
        return ""
    value = f"{_plain(one['value'])} {one['units']}".rstrip()
    is_old = one["value_at"] is not None and one["value_at"] != one["read_at"]
    return f"{value} at {short_time(one['value_at'])}" if is_old else value


def _plain(value: Any) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def _tested(document: Doc) -> None:
    if document["problem"]:
        print(fold(f"{colour('no reading', 'red')}: {printable(document['problem'])}"))
    else:
        value = "" if document["value"] is None else f" {_plain(document['value'])}"
        print(f"{colour('good', 'green')}{printable(value)} ({document['latency_ms']:g} ms)")
    if document["details"]:
        table.show(("AS", "VALUE"), [(one["as"], one["value"]) for one in document["details"]], nothing="", whole=True)


def _stored(document: Doc) -> None:
    print(f"monitor {printable(document['name'])} is stored")


def _beaten(document: Doc) -> None:
    print(f"monitor {printable(document['name'])} was told")


def _removed(_document: Doc) -> None:
    print("removed")


@connected(commands, "list", view=_listed)
def show(client: Client) -> Doc:
    """List the monitors with their last values."""
    return client.get("/monitors")


@connected(commands, "test", view=_tested, verdict=lambda document: 1 if document["problem"] else 0)
def read_once(
    client: Client,
    name: Annotated[str | None, typer.Option(help="A monitor that is there; else say what to read.")] = None,
    probe: Annotated[str | None, typer.Option(help="A probe: modbus, ping, tcp, http …")] = None,
    modbus: Annotated[
        str | None, typer.Option(help="Short for --probe modbus host=… port=….", metavar="HOST[:PORT]")
    ] = None,
    keys: Keys = None,
) -> Doc:
    """Read once and show what was seen, in every way it may be meant."""
    request: dict[str, Any] = pairs(keys or [])
    if modbus:
        request = {"probe": "modbus", **place(modbus), **request}
    request |= {key: value for key, value in (("name", name), ("probe", probe)) if value}
    return client.post("/monitors/test", request)


@connected(commands, "set", view=_stored)
def put(client: Client, name: Annotated[str, typer.Argument(help="Its name.")], keys: Keys = None) -> Doc:
    """Add a monitor, or change keys of one: monitors set PLC probe=ping host=10.0.0.20. KEY=null unsets a key."""
    known = [one for one in client.get("/directory/monitor")["monitor"] if one["name"].casefold() == name.casefold()]
    entry = {key: value for key, value in known[0].items() if key not in ("id", "provisioned")} if known else {}
    given = pairs(keys or [])
    entry = {key: value for key, value in {**entry, "name": name, **given}.items() if given.get(key, "") is not None}
    try:
        return client.post("/directory/monitor", entry)
    except Failure as refused:
        raise Failure([_with_example(line) for line in refused.lines]) from None


@connected(commands, "beat", view=_beaten)
def beat(client: Client, name: Annotated[str, typer.Argument(help="Its name.")]) -> Doc:
    """Report to a heartbeat monitor: its source lives."""
    return client.post(f"/monitors/{quote(name, safe='')}/beat", {})


@connected(commands, "remove", view=_removed)
def remove(client: Client, name: Annotated[str, typer.Argument(help="Its name.")]) -> Doc:
    """Remove a monitor; what it raised is over."""
    return client.delete(f"/directory/monitor/{quote(name, safe='')}")


def place(written: str) -> dict[str, Any]:
    """Read ``HOST[:PORT]``; an address of IPv6 with a port stands in brackets."""
    host, separator, port = written.rpartition(":") if written.count(":") == 1 or "]:" in written else (written, "", "")
    if separator and not port.isdecimal():
        raise typer.BadParameter(f"{written!r} is not HOST[:PORT]")
    return {"host": host.removeprefix("[").removesuffix("]"), **({"port": int(port)} if port else {})}


def _with_example(line: str) -> str:
    """Show how a list or a table is written here: the daemon speaks of files."""
    field, _, problem = line.partition(": ")
    example = next((text for words, text in _EXAMPLES.items() if problem.startswith(words)), "")
    return f"{line}, here as {field}='{example}'" if example else line


def pairs(words: list[str]) -> dict[str, Any]:
    """Read ``KEY=VALUE``; values are JSON where they can be (numbers, true, lists), else text."""
    found: dict[str, Any] = {}
    for word in words:
        key, separator, value = word.partition("=")
        if not separator or not key:
            raise typer.BadParameter(f"{word!r} is not KEY=VALUE")
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value
    return found
