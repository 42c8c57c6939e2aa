"""Runs the command of the command line and turns errors into lines and exit codes. Used by ``program`` and ``main``."""

from __future__ import annotations

import sys

from addispatch.cli.root import app
from addispatch.cli.text import colour, printable
from addispatch.domain.errors import AddispatchError, ConfigError, ConfigErrors

#: The exit code of a wrong configuration (sysexits.h, EX_CONFIG): systemd does not start the daemon again after it.
BAD_CONFIG = 78


def run_app() -> int:
    """Run it; errors raised on purpose become lines, without a traceback."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a sign gets "?" instead of ending the command.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        app(prog_name="addispatch")
    except (ConfigError, ConfigErrors) as error:
        _complain([str(one) for one in getattr(error, "errors", [error])])
        return BAD_CONFIG
    except AddispatchError as error:
        _complain(getattr(error, "lines", [str(error)]))  # those of ``client.Failure``
        return 1
    return 0


def _complain(lines: list[str]) -> None:
    for line in lines:
        print(f"{colour('error:', 'red')} {printable(line)}", file=sys.stderr)
