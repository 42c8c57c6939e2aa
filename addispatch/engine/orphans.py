"""Replies whose code this node does not know: the other one gave it out (CLUSTER, ACKS).

They are kept, passed on, and taken once their case is here or there; their writer hears after a while that it is being
looked into. Used by ``engine.replies`` and ``engine.cluster``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from addispatch.domain.addressbook import Audience
from addispatch.domain.codes import FIRST_LETTERS
from addispatch.domain.events import WARNING, Said
from addispatch.domain.message import Incoming
from addispatch.pipeline.alert import tell
from addispatch.store import lookup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from addispatch.pipeline.desk import Desk
    from addispatch.store.transaction import Transaction

#: Marks of such replies, by code.
MARK = "orphan:"
#: Most replies kept for one code.
MOST_COUNT = 20
#: Its writer is told after so long, and it is given up after so long, in milliseconds.
TELL_MS, GIVE_UP_MS = 5_000, 600_000


def is_the_others(transaction: Transaction, code: str) -> bool:
    """Whether the other node of the cluster gives out codes of this kind."""
    return transaction.notes is not None and code.startswith(tuple(FIRST_LETTERS[1 - transaction.rank]))


def keep(transaction: Transaction, message: Incoming, code: str, now_ms: int) -> None:
    """Keep a reply for when its case is known, and pass it on."""
    notes = transaction.notes
    assert notes is not None
    doc = {
        "channel": message.channel,
        "sender": message.sender,
        "text": message.text,
        "reference": message.reference,
        "at": now_ms,
    }
    known = _kept(transaction, code)
    if len(known) < MOST_COUNT:
        transaction.marks[f"{MARK}{code}"] = orjson.dumps([*known, doc])
    notes.also({"reply": doc, "code": code})
    text = f"A reply of {message.sender} names {code}, which the other node gave out: it is kept until that is heard of"
    transaction.event(now_ms, Said(text, kind="ReplyKept"))


def _kept(transaction: Transaction, code: str) -> list[dict[str, Any]]:
    value = lookup.mark(transaction, f"{MARK}{code}")
    return list(orjson.loads(value)) if value else []


def read(doc: dict[str, Any]) -> Incoming:
    """The reply as it came."""
    return Incoming(
        reference=str(doc["reference"]),
        channel=str(doc["channel"]),
        sender=str(doc["sender"]),
        text=str(doc["text"]),
        received_at=datetime.fromtimestamp(int(doc.get("at", 0)) / 1000, UTC),
    )


def waiting_for(transaction: Transaction, codes: Iterable[str]) -> list[Incoming]:
    """Take the replies that waited for these codes."""
    found = []
    for code in codes:
        if docs := _kept(transaction, code):
            transaction.marks[f"{MARK}{code}"] = b""
            found += [read(doc) for doc in docs]
    return found


def look(transaction: Transaction, desk: Desk, codes: Iterable[str], now_ms: int) -> None:
    """Tell who waits for long, and give up what nobody knows: a tick."""
    for code in codes:
        docs = _kept(transaction, code)
        kept = [doc for doc in docs if _look(transaction, desk, code, doc, now_ms)]
        if docs:
            transaction.marks[f"{MARK}{code}"] = orjson.dumps(kept) if kept else b""


def _look(transaction: Transaction, desk: Desk, code: str, doc: dict[str, Any], now_ms: int) -> bool:
    """Look at one of them; whether it is kept."""
    age_ms = now_ms - int(doc["at"])
    if not 0 <= age_ms < GIVE_UP_MS:
        text = f"Nobody knows the code {code} that {doc['sender']} named: {str(doc['text'])[:60]}"
        transaction.event(now_ms, Said(text, WARNING, "ReplyUnknown"))
        return False
    if age_ms >= TELL_MS and not doc.get("told"):
        doc["told"] = True
        people = desk.directory.people_at(str(doc["sender"]))
        if people and doc["channel"] in desk.provided:
            to = [Audience("", people[0].name, (people[0],))]
            tell(transaction, desk, to, f"{code}: received, checking.", now_ms, channels=(str(doc["channel"]),))
    return True
