"""``addispatch cluster key``: makes a key for the two nodes to share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from addispatch.cli.cluster import commands
from addispatch.domain.errors import ConfigError

_KID = "Name of the key, 1 to 16 letters, digits, - or _; by default today's date."


@commands.command()
def key(kid: Annotated[str, typer.Option("--kid", metavar="NAME", help=_KID)] = "") -> None:
    """Print a new key for [cluster] key; both nodes need the same. It is shown here and nowhere else."""
    from addispatch.cluster.keyring import generate

    try:
        print(generate(kid or f"k{datetime.now(UTC):%Y%m%d}"))
    except ConfigError as error:
        raise typer.BadParameter(f"{error.problem}, {error.hint}", param_hint="--kid") from None
