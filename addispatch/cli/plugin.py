"""``addispatch plugin list|try|new``: what works without a daemon. Mounted by ``addispatch.cli.program``."""

from __future__ import annotations

import asyncio
import signal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from addispatch.cli.connected import print_json
from addispatch.cli.daemon import ConfigFile
from addispatch.cli.text import printable

if TYPE_CHECKING:
    from addispatch.config import Config
    from addispatch.domain.errors import ConfigError
    from addispatch.domain.receipt import Receipt

app = typer.Typer(help="Plugins: list, try one alone, begin a new one.", rich_markup_mode=None, no_args_is_help=True)


class Kind(StrEnum):
    """What a new plugin is to be."""

    CHANNEL = "channel"
    SOURCE = "source"


@app.callback()
def plugin() -> None:
    """Plugins: list, try one alone, begin a new one."""


@app.command("list")
def list_plugins(
    config: ConfigFile = None, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False
) -> None:
    """List all plugins that are installed, and whether the configuration turns them on. Starts nothing."""
    from addispatch.cli import views
    from addispatch.host import prepare

    settings = _load(config)
    records, errors = prepare(settings.plugins, settings.plugin)
    document = {"plugins": [record.document() for record in records]}
    if as_json:
        print_json(document)
    else:
        views.plugins(document)
    for error in errors:
        typer.echo(printable(error), err=True)


@app.command("try")
def try_plugin(
    name: Annotated[str, typer.Argument(help="The plugin's name, as in addispatch plugin list.")],
    to: Annotated[str | None, typer.Option(help="Send one text to this number or address.", show_default=False)] = None,
    text: Annotated[str, typer.Option(help="The text to send.")] = "A test by addispatch plugin try",
    channel: Annotated[
        str, typer.Option(help="Which channel; unless given, the first the plugin has.", show_default=False)
    ] = "",
    confirm: Annotated[bool, typer.Option("--confirm", help="Confirm what comes in: the sender forgets it.")] = False,
    config: ConfigFile = None,
) -> None:
    """Run one plugin alone: send one text with --to, or show the alarms it raises until Ctrl-C."""
    from addispatch.domain.receipt import Sent
    from addispatch.host.alone import in_words

    receipt = asyncio.run(_try(name, _load(config), to, text, channel, confirm=confirm))
    if receipt is not None:
        _say(in_words(receipt))
        raise typer.Exit(0 if isinstance(receipt, Sent) else 1)


@app.command("new")
def new_plugin(
    name: Annotated[str, typer.Argument(help="Small letters, digits and _.")],
    kind: Annotated[Kind, typer.Option(help="What it is to be.")] = Kind.CHANNEL,
    folder: Annotated[Path, typer.Option("--dir", help="Where to put it.")] = Path(),
) -> None:
    """Write a package with a plugin that works, its tests and its entry point, to be changed as you need."""
    from addispatch.domain.errors import ConfigError
    from addispatch.host.scaffold import write_scaffold

    try:
        target = write_scaffold(name, kind.value, folder)
    except ConfigError as error:
        raise _wrong_usage(error) from None
    print(f"{target} is ready. Next: cd {target} && pip install -e '.[dev]' && pytest")


async def _try(name: str, config: Config, to: str | None, text: str, channel: str, *, confirm: bool) -> Receipt | None:
    from addispatch.domain.errors import ConfigError
    from addispatch.host.alone import running, send_one

    async with running(name, config, _say, confirm=confirm) as (host, core):
        if to is not None:
            try:
                return await send_one(host, core, to, text, channel)
            except ConfigError as error:
                raise _wrong_usage(error) from None
        row = next(row for row in host.report() if row["name"] == name)
        if row["capabilities"] == ["channel"] and not host.modems():
            raise _wrong_usage(ConfigError("--to", "is missing: this plugin only sends", "write --to WHOM"))
        _say(f"{name} runs: {row['status_line'] or row['summary']}. Ctrl-C ends.")
        if not confirm:
            _say("What comes in is shown but neither stored nor confirmed: the sender keeps it (see --confirm).")
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await stop.wait()
    return None


def _say(line: str) -> None:
    print(printable(line), flush=True)


def _wrong_usage(error: ConfigError) -> typer.Exit:
    typer.echo(printable(error), err=True)
    return typer.Exit(2)


def _load(path: Path | None) -> Config:
    """Load the configuration; without a file and without ``--config`` a node with every default."""
    from addispatch.config import Config, load
    from addispatch.config.loading import SEARCHED

    if path is None and not any(candidate.exists() for candidate in SEARCHED):
        return Config()
    return load(path).config
