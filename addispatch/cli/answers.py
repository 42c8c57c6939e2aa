"""What the commands of ``act`` print."""

from __future__ import annotations

from typing import Any

from addispatch.cli import table
from addispatch.cli.text import colour, fold, name_zone, printable, short_time

Doc = dict[str, Any]

_COLOURS = {"acknowledged": "green", "refused": "red", "already": "yellow"}


def answered(document: Doc) -> None:
    """Print what acknowledging came to."""
    for case in document["cases"]:
        result = printable(case["result"])
        print(f"{printable(case.get('code'))} {colour(result, _COLOURS.get(result, 'bold'))}")
    print(fold(printable(document["answer"])))


def roll_call(document: Doc) -> None:
    """Print who answered what."""
    for recall in document["recalls"]:
        counts = ", ".join(f"{count} {printable(answer)}" for answer, count in recall["counts"].items() if count)
        print(fold(f"{printable(recall['code'])} for {printable(recall['audience'])}: {counts or 'nobody is asked'}"))
        rows = [
            (who["answer"], who["recipient"], short_time(who.get("at")), who.get("comment") or "")
            for who in recall["people"]
        ]
        table.show(("ANSWER", "WHO", "WHEN", "COMMENT"), rows, nothing="nobody", whole=True)
    name_zone()


def paused(document: Doc) -> None:
    """Say that nothing leaves."""
    print(
        colour(
            "Paused: nothing is sent until 'addispatch resume'." if document["changed"] else "Paused already.", "yellow"
        )
    )


def resumed(document: Doc) -> None:
    """Say that texts leave again."""
    if not document["changed"]:
        print("It was not paused.")
        return
    discarded = f"; {document['cancelled']} message(s) were cancelled" if document.get("cancelled") else ""
    print(colour(f"Resumed{discarded}.", "green"))


def cancelled(document: Doc) -> None:
    """Say how many messages will not go out."""
    closed_count = document.get("closed")
    print(
        f"{document['cancelled']} message(s) cancelled" + (f", {closed_count} case(s) closed" if closed_count else "")
    )


def closed(document: Doc) -> None:
    """Say which cases are closed."""
    for case in document["cases"]:
        print(f"{printable(case.get('code') or case['id'])} {colour(printable(case['result']), 'bold')}")


def unlocked(document: Doc) -> None:
    """Say whose codes count again."""
    print(f"codes of {printable(document['address'])} count again")
