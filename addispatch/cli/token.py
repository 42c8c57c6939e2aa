"""``addispatch token add|list|remove``: API tokens for programs that reach the daemon over TCP."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from addispatch.cli import views
from addispatch.cli.client import Client, Doc
from addispatch.cli.connected import connected
from addispatch.cli.root import app

commands = typer.Typer(help="API tokens for other programs.", rich_markup_mode=None, no_args_is_help=True)
app.add_typer(commands, name="token")

Name = Annotated[str, typer.Argument(help="Whose token: a program or a person.")]


@connected(commands, "list", view=views.tokens)
def tokens(client: Client) -> Doc:
    """List the tokens, without their secrets."""
    return client.get("/tokens")


@connected(commands, "add", view=views.new_token)
def add(
    client: Client, name: Name, role: Annotated[str, typer.Option(help="admin, operator or viewer.")] = "operator"
) -> Doc:
    """Make a token and print it; it is shown only now."""
    return client.post("/tokens", {"name": name, "role": role})


@connected(commands, "remove", view=views.removed)
def remove(client: Client, name: Name) -> Doc:
    """Remove a token; it stops working at once."""
    return client.delete(f"/tokens/{quote(name, errors='replace')}")
