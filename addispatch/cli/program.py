"""Puts the commands together and turns errors into lines and exit codes. Called by ``addispatch.cli.main``."""

from __future__ import annotations

import sys

from addispatch.cli import (
    act,
    check,
    daemon,
    data,
    directory,
    doctor,
    events,
    link_key,
    monitors,
    plugin,
    send,
    sim,
    test_alert,
    token,
)
from addispatch.cli.client import Failure
from addispatch.cli.root import app
from addispatch.cli.text import colour, printable
from addispatch.domain.errors import AddispatchError, ConfigError, ConfigErrors

#: Modules whose import adds their commands to ``app``.
COMMANDS = (daemon, check, doctor, data, send, act, test_alert, events, directory, monitors, token, link_key)


def main() -> int:
    """Run the command line's command; errors raised on purpose become lines, without a traceback."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a sign gets "?" instead of ending the command.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    app.add_typer(plugin.app, name="plugin")
    app.add_typer(sim.app, name="sim")
    try:
        app(prog_name="addispatch")
    except (ConfigError, ConfigErrors) as error:
        _complain([str(one) for one in getattr(error, "errors", [error])])
        return check.BAD_CONFIG
    except AddispatchError as error:
        _complain(error.lines if isinstance(error, Failure) else [str(error)])
        return 1
    return 0


def _complain(lines: list[str]) -> None:
    for line in lines:
        print(f"{colour('error:', 'red')} {printable(line)}", file=sys.stderr)
