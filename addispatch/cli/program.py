"""Puts all commands together. Called by ``addispatch.cli.main``."""

from __future__ import annotations

from addispatch.cli import (
    act,
    backup,
    check,
    cluster,
    cluster_key,
    daemon,
    data,
    directory,
    doctor,
    events,
    link_key,
    monitors,
    pair,
    plugin,
    restored,
    send,
    sim,
    test_alert,
    token,
)
from addispatch.cli.guard import run_app
from addispatch.cli.root import app

#: Modules whose import adds their commands to ``app``.
COMMANDS = (
    daemon,
    check,
    doctor,
    data,
    send,
    act,
    test_alert,
    events,
    directory,
    monitors,
    token,
    link_key,
    cluster,
    pair,
    cluster_key,
    backup,
    restored,
)

app.add_typer(plugin.app, name="plugin")
app.add_typer(sim.app, name="sim")


def main() -> int:
    """Run the command line's command and return its exit code."""
    return run_app()
