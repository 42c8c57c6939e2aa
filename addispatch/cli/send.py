"""``addispatch send``: an alarm from the command line, and with ``--wait`` what became of it."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from addispatch.cli import views
from addispatch.cli.client import Client, Doc
from addispatch.cli.connected import connected
from addispatch.cli.data import split_names
from addispatch.cli.root import app

#: Deliveries in these states do not change any more, but for a delivery report.
GOOD = frozenset({"sent", "delivered"})
FINAL = GOOD | {"undelivered", "failed", "expired", "filtered", "cancelled"}
#: Pause between two looks at a case, in seconds.
LOOK_S = 0.25


def _verdict(answer: Doc) -> int:
    """Exit code: 1 when nobody is told or, after waiting, when a delivery did not leave."""
    listed = [delivery for case in answer["cases"] for delivery in case.get("deliveries", ())]
    if not listed:
        return 1
    return 0 if not answer.get("waited") or all(delivery["state"] in GOOD for delivery in listed) else 1


@connected(app, view=views.sent, verdict=_verdict)
def send(
    client: Client,
    text: Annotated[list[str], typer.Argument(help="What to tell; several words are one text.", metavar="TEXT")],
    to: Annotated[
        str, typer.Option(help="Groups, recipients, numbers, mail addresses; by comma.", metavar="WHO[,WHO]")
    ],
    priority: Annotated[str | None, typer.Option(help="critical, high, medium or low.")] = None,
    key: Annotated[str | None, typer.Option(help="Name of the condition: adds to its open case.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until every delivery is sent or has failed.")] = False,
    timeout: Annotated[float, typer.Option(help="Longest wait in seconds.", min=0)] = 60.0,
) -> Doc:
    """Send an alarm to groups, recipients or addresses."""
    alarm: dict[str, Any] = {"text": " ".join(text), "to": split_names(to) or [], "source": "cli"}
    alarm |= {name: value for name, value in (("priority", priority), ("key", key)) if value is not None}
    answer = client.post("/alarms", alarm)
    ids = [case["id"] for case in answer["cases"]]
    cases = _wait(client, ids, timeout) if wait else [client.get(f"/cases/{ident}") for ident in ids]
    return {**answer, "cases": cases, "waited": wait}


def _wait(client: Client, ids: list[str], timeout_s: float) -> list[Doc]:
    """Look at the cases until all their deliveries are final or the time is over."""
    until_s = time.monotonic() + timeout_s
    while True:
        cases = [client.get(f"/cases/{ident}") for ident in ids]
        states = {delivery["state"] for case in cases for delivery in case.get("deliveries", ())}
        if states <= FINAL or time.monotonic() >= until_s:
            return cases
        time.sleep(LOOK_S)
