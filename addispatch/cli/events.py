"""``addispatch events``: the event log, and with ``--follow`` what happens from now on."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from addispatch.cli import views
from addispatch.cli.client import Client, Doc, NoAnswer
from addispatch.cli.connected import connected
from addispatch.cli.data import Limit
from addispatch.cli.root import app
from addispatch.cli.text import colour, event_line

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Pause before asking again for the stream of a daemon that went away, in seconds.
AGAIN_S = 2.0


@connected(app, view=views.events)
def events(
    client: Client,
    as_json: bool,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens; Ctrl-C ends.")] = False,
    limit: Limit = 20,
) -> Doc | None:
    """Show the event log, the latest event last; --follow --json prints a document per line."""
    log = client.get("/events", limit=limit)
    log["events"].reverse()
    if not follow:
        return log
    try:
        for event in _endless(client, log["events"]):
            print(json.dumps(event, ensure_ascii=False) if as_json else event_line(event), flush=True)
    except KeyboardInterrupt:
        pass
    return None


def _endless(client: Client, past: list[Doc]) -> Iterator[Doc]:
    """Yield the past events, then new ones; waits for a daemon that goes away and misses nothing of it."""
    yield from past
    last = past[-1]["id"] if past else None
    while True:
        try:
            for event in client.follow(last):
                last = event["id"]
                yield event
        except NoAnswer as error:
            print(colour(f"… {error}", "dim"), file=sys.stderr)
        time.sleep(AGAIN_S)
