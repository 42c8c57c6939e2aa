"""``addispatch plugin list|try|new``: what works without a daemon. Mounted by the command line."""

from __future__ import annotations

import asyncio
import json
import signal
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from addispatch.config import Config
    from addispatch.domain.receipt import Receipt

app = typer.Typer(help="Plugins: list, try one alone, begin a new one.", rich_markup_mode=None, no_args_is_help=True)

#: Exit code for a bad configuration (EX_CONFIG of sysexits.h).
EX_CONFIG = 78


class Kind(StrEnum):
    """What a new plugin is to be."""

    CHANNEL = "channel"
    SOURCE = "source"


ConfigOption = Annotated[Path | None, typer.Option("--config", help="Configuration file.", show_default=False)]


@app.callback()
def plugin() -> None:
    """Plugins: list, try one alone, begin a new one."""


@app.command("list")
def list_plugins(
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List all plugins that are installed, and whether the configuration turns them on. Starts nothing."""
    with _errors():
        from addispatch.host import prepare

        settings = _load(config)
        records, errors = prepare(settings.plugins, settings.plugin)
        documents = [record.document() for record in records]
    if as_json:
        typer.echo(json.dumps({"plugins": documents}))
    else:
        _print_table(documents)
    for error in errors:
        typer.echo(str(error), err=True)


@app.command("try")
def try_plugin(
    name: Annotated[str, typer.Argument(help="The plugin's name, as in addispatch plugin list.")],
    to: Annotated[str | None, typer.Option(help="Send one text to this number or address.", show_default=False)] = None,
    text: Annotated[str, typer.Option(help="The text to send.")] = "A test by addispatch plugin try",
    channel: Annotated[str, typer.Option(help="Which channel, if the plugin has several.", show_default=False)] = "",
    confirm: Annotated[bool, typer.Option("--confirm", help="Confirm what comes in: the sender forgets it.")] = False,
    config: ConfigOption = None,
) -> None:
    """Run one plugin alone: send one text with --to, or show the alarms it raises until Ctrl-C."""
    with _errors():
        receipt = asyncio.run(_try(name, _load(config), to, text, channel, confirm=confirm))
    if receipt is not None:
        from addispatch.domain.receipt import Sent
        from addispatch.host.alone import in_words

        typer.echo(in_words(receipt))
        raise typer.Exit(0 if isinstance(receipt, Sent) else 1)


@app.command("new")
def new_plugin(
    name: Annotated[str, typer.Argument(help="Small letters, digits and _.")],
    kind: Annotated[Kind, typer.Option(help="What it is to be.")] = Kind.CHANNEL,
    folder: Annotated[Path, typer.Option("--dir", help="Where to put it.")] = Path(),
) -> None:
    """Write a package with a plugin that works, its tests and its entry point, to be changed as you need."""
    with _errors():
        from addispatch.host.scaffold import write_scaffold

        target = write_scaffold(name, kind.value, folder)
    typer.echo(f"{target} is ready. Next: cd {target} && pip install -e '.[dev]' && pytest")


async def _try(name: str, config: Config, to: str | None, text: str, channel: str, *, confirm: bool) -> Receipt | None:
    from addispatch.domain.errors import ConfigError
    from addispatch.host.alone import running, send_one

    async with running(name, config, typer.echo, confirm=confirm) as (host, core):
        if to is not None:
            return await send_one(host, core, to, text, channel)
        row = next(row for row in host.report() if row["name"] == name)
        if row["capabilities"] == ["channel"] and not host.modems():
            raise ConfigError("--to", "is missing: this plugin only sends", "write --to WHOM")
        typer.echo(f"{name} runs: {row['status_line'] or row['summary']}. Ctrl-C ends.")
        if not confirm:
            typer.echo("What comes in is shown but neither stored nor confirmed: the sender keeps it (see --confirm).")
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await stop.wait()
    return None


def _load(path: Path | None) -> Config:
    """Load the configuration; without a file and without ``--config`` a node with every default."""
    from addispatch.config import Config, load
    from addispatch.config.loading import SEARCHED

    if path is None and not any(candidate.exists() for candidate in SEARCHED):
        return Config()
    return load(path).config


def _print_table(documents: list[dict[str, Any]]) -> None:
    rows = [("NAME", "STATUS", "VERSION", "FROM", "")]
    rows += [(d["name"], d["status"], d["version"], d["origin"], d["reason"] or d["summary"]) for d in documents]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True)]
        typer.echo("  ".join([*cells, row[4]]).rstrip())


@contextmanager
def _errors() -> Iterator[None]:
    """Print errors made on purpose as lines, without traceback, and leave with the right code."""
    from addispatch.domain.errors import AddispatchError, ConfigError, ConfigErrors

    try:
        yield
    except ConfigErrors as errors:
        for error in errors.errors:
            typer.echo(str(error), err=True)
        raise typer.Exit(EX_CONFIG) from None
    except AddispatchError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2 if isinstance(error, ConfigError) else 1) from None
