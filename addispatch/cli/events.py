"""``addispatch events``: the event log; with ``--follow`` what happens from now on, with ``--log`` as a file has it."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from addispatch.cli import views
from addispatch.cli.client import Client, Doc, Failure, NoAnswer
from addispatch.cli.connected import connected
from addispatch.cli.root import app
from addispatch.cli.text import colour, event_line, is_terminal, name_zone, use_zone

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Pause before asking again for the stream of a daemon that went away, in seconds.
AGAIN_S = 2.0
#: Most events on the terminal, and how many there are unless told otherwise: there, and in a file.
MOST, USUAL, USUAL_IN_FILE = 500, 20, 1000
#: Most lines in a file.
MOST_IN_FILE = 100_000

Limit = Annotated[
    int | None, typer.Option("--limit", "-n", min=1, help="How many at most: up to 500, with --log 100000.")
]


@connected(app, view=views.events)
def events(
    client: Client,
    as_json: bool,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens; Ctrl-C ends.")] = False,
    as_file: Annotated[
        bool, typer.Option("--log", help="As a file: newest first, whole lines, up to -n 100000.")
    ] = False,
    limit: Limit = None,
) -> Doc | None:
    """Show the event log, the latest event last; --follow --json prints a document per line."""
    if as_file:
        if follow or as_json:
            raise Failure(["--log goes with neither --follow nor --json"])
        if limit is not None and limit > MOST_IN_FILE:
            raise Failure([f"--limit: at most {MOST_IN_FILE}"])
        _download(client, limit or USUAL_IN_FILE)
        return None
    if limit is not None and limit > MOST:
        raise Failure([f"--limit: at most {MOST}, or up to {MOST_IN_FILE} with --log"])
    log = client.get("/events", limit=limit or USUAL)
    log["events"].reverse()
    if not follow:
        return log
    use_zone(client.timezone)
    if not as_json and is_terminal():
        name_zone()
    try:
        for event in _endless(client, log["events"]):
            print(json.dumps(event, ensure_ascii=False) if as_json else event_line(event), flush=True)
    except KeyboardInterrupt:
        pass
    return None


def _download(client: Client, limit: int) -> None:
    """Write the lines as the daemon sends them."""
    for piece in client.text("/events.txt", limit=limit):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


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
