"""The program's root: commands of the other modules hang themselves onto ``app``."""

from __future__ import annotations

from typing import Annotated

import typer

from addispatch import __version__

app = typer.Typer(
    name="addispatch",
    help="Alarms from plants and homes to the people who must know: SMS, mail, calls.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"addispatch {__version__}")
        raise typer.Exit


@app.callback()
def addispatch(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Alarms from plants and homes to the people who must know: SMS, mail, calls."""
