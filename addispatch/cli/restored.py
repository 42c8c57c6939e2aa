"""``addispatch restored``: what is held since a backup was restored, and what becomes of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from addispatch.cli import views
from addispatch.cli.client import Client, Doc
from addispatch.cli.connected import connected
from addispatch.cli.data import Cursor, Limit
from addispatch.cli.root import app
from addispatch.cli.text import colour


class Decision(StrEnum):
    """What an operator may decide."""

    SEND = "send"
    DROP = "drop"


_DECISION = typer.Argument(help="send: it goes out now, marked as repeats. drop: cancelled, its cases closed.")


def show(document: Doc) -> None:
    """Print what is held, or what was done."""
    if "action" in document:
        done = "on their way" if document["action"] == Decision.SEND else "cancelled"
        print(f"{document['deliveries']} message(s) of {document['cases']} case(s) {done}")
        return
    if not document["case_count"]:
        print("Nothing is held.")
        return
    counts = f"{document['case_count']} case(s) with {document['delivery_count']} message(s) are held"
    print(colour(f"{counts}; decide with 'addispatch restored send' or 'addispatch restored drop'.", "yellow"))
    views.cases(document)


@connected(app, view=show)
def restored(
    client: Client,
    decision: Annotated[Decision | None, _DECISION] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Doc:
    """Show what is held since a backup was restored, or decide about it."""
    if decision is None:
        return client.get("/restored", limit=limit, cursor=cursor)
    return client.post("/restored", {"action": str(decision)})
