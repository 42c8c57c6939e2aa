"""``addispatch link-key rotate``: a new key for acknowledge links."""

from __future__ import annotations

import typer

from addispatch.cli.client import Client, Doc
from addispatch.cli.connected import connected
from addispatch.cli.root import app

commands = typer.Typer(help="The key that signs acknowledge links.", rich_markup_mode=None, no_args_is_help=True)
app.add_typer(commands, name="link-key")


# A callback keeps "rotate" a word of its own although it is the only command here.
@commands.callback()
def link_key() -> None:
    """Keep the key that signs acknowledge links fresh."""


def _rotated(_document: Doc) -> None:
    print("new links are signed by a new key; those sent before stay valid until the next rotation")


@connected(commands, "rotate", view=_rotated)
def rotate(client: Client) -> Doc:
    """Sign acknowledge links with a new key; a second time makes all links sent before the first invalid."""
    return client.post("/link-key/rotate", {})
