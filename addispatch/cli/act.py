"""The commands by which an operator acts: acknowledge, pause, resume, cancel, unlock; and the roll-call of a recall."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from addispatch.cli import answers
from addispatch.cli.client import Client, Doc
from addispatch.cli.connected import connected
from addispatch.cli.data import split_names
from addispatch.cli.root import app

Codes = Annotated[str, typer.Argument(help="A code, or several by comma: A123,B456.", metavar="CODE[,CODE]")]
Comment = Annotated[str | None, typer.Option(help="What to tell the others.")]


def _verdict(document: Doc) -> int:
    return 0 if all(case["result"] != "refused" for case in document["cases"]) else 1


@connected(app, view=answers.answered, verdict=_verdict)
def ack(
    client: Client,
    codes: Codes,
    by: Annotated[str | None, typer.Option(help="As this recipient; else on behalf of all.")] = None,
    recipients: Annotated[str | None, typer.Option(help="In a recall: for whom, by comma.", metavar="WHO")] = None,
    comment: Comment = None,
    decline: Annotated[bool, typer.Option("--decline", help="They cannot come.")] = False,
) -> Doc:
    """Acknowledge cases by their codes."""
    request: dict[str, Any] = {
        "codes": split_names(codes) or [],
        "by": by,
        "recipients": split_names(recipients),
        "comment": comment,
        "action": "decline" if decline else None,
    }
    return client.post("/ack", {name: value for name, value in request.items() if value is not None})


@connected(app, view=answers.answered, verdict=_verdict)
def comment(
    client: Client,
    codes: Codes,
    text: Annotated[list[str], typer.Argument(help="What to tell everybody who knows of it.", metavar="TEXT")],
    by: Annotated[str | None, typer.Option(help="As this recipient.")] = None,
) -> Doc:
    """Comment on cases; everybody who was told of them is told."""
    request = {"codes": split_names(codes) or [], "by": by, "comment": " ".join(text), "action": "comment"}
    return client.post("/ack", {name: value for name, value in request.items() if value is not None})


@connected(app, "roll-call", view=answers.roll_call)
def roll_call(client: Client, code: Annotated[str, typer.Argument(help="The code of a recall.")]) -> Doc:
    """Show who has answered a recall."""
    return client.get(f"/roll-call/{quote(code, errors='replace')}")


@connected(app, view=answers.paused)
def pause(client: Client) -> Doc:
    """Emergency pause: nothing is sent until 'resume'; alarms and acknowledgements are taken."""
    return client.post("/pause", {})


@connected(app, view=answers.resumed)
def resume(
    client: Client,
    discard: Annotated[bool, typer.Option("--discard", help="Cancel what waited instead of sending it.")] = False,
) -> Doc:
    """End an emergency pause: what waited goes out."""
    return client.post("/resume", {"discard": discard})


@connected(app, "cancel-pending", view=answers.cancelled)
def cancel_pending(
    client: Client,
    close_cases: Annotated[bool, typer.Option("--close-cases", help="Close all open cases, too.")] = False,
) -> Doc:
    """Cancel every message that is not sent yet; cases somebody knows of go on, unless they are closed, too."""
    return client.post("/cancel-pending", {"close_cases": close_cases})


@connected(app, view=answers.closed)
def close(client: Client, codes: Codes, comment: Comment = None) -> Doc:
    """Close cases: nobody is asked about them any more, and who knows of them is told."""
    request = {"codes": split_names(codes) or [], "comment": comment}
    return client.post("/close", {name: value for name, value in request.items() if value is not None})


@connected(app, view=answers.unlocked)
def unlock(
    client: Client, address: Annotated[str, typer.Argument(help="A number or mail address, as the event shows it.")]
) -> Doc:
    """Listen again to somebody who sent too many wrong codes."""
    return client.post("/unlock", {"address": address})
