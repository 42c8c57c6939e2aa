"""``addispatch test-alert``: does anybody hear of trouble with addispatch itself? One request and its view."""

from __future__ import annotations

from addispatch.cli import table
from addispatch.cli.client import Client, Doc
from addispatch.cli.connected import connected
from addispatch.cli.root import app
from addispatch.cli.text import colour, fold, printable


def _verdict(document: Doc) -> int:
    return 1 if document["problem"] else 0


def told(document: Doc) -> None:
    """Print who is told by what."""
    rows = [
        (way.get("channel"), way.get("recipient"), way.get("to"), way.get("problem") or way.get("waits") or "queued")
        for way in document["told"]
    ]
    if rows:
        table.show(("CHANNEL", "TO", "ADDRESS", "NOW"), rows, nothing="", whole=True)
    if document["problem"]:
        print(fold(colour(f"Nobody is told: {printable(document['problem'])}", "red")))
    else:
        print(fold("'addispatch deliveries' shows what becomes of it."))


@connected(app, "test-alert", view=told, verdict=_verdict)
def send_test_alert(client: Client) -> Doc:
    """Send a test to those who hear of trouble with addispatch itself, by every channel each of them has."""
    return client.post("/test-alert", {})
