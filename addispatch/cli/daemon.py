"""``addispatch run`` and ``addispatch demo``: the commands that become a daemon."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Annotated

import typer

from addispatch.cli.root import app

ConfigFile = Annotated[Path | None, typer.Option("--config", help="The configuration file.", metavar="F")]


@app.command()
def run(config: ConfigFile = None) -> None:
    """Run the daemon in the foreground."""
    gc.disable()  # until it has started: see app._settle_memory
    from addispatch.app import run as run_daemon

    run_daemon(config)


@app.command()
def demo(leave: Annotated[bool, typer.Option("--exit", help="Leave after the story.")] = False) -> None:
    """Play a story with a simulated modem, phones and a mailbox."""
    from addispatch.demo import main as play

    raise typer.Exit(play(exit_after=leave) or 0)
