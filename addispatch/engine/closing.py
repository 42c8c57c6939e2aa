"""An operator closes cases: nobody is asked about them any more, and who knows of them is told (SPEC, Objects; 4).

The functions are units of the ledger. Used by ``engine.operations``, and ``end`` by the housekeeping.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from addispatch.domain.case import Case, CaseState, CloseReason, Closing, last_text
from addispatch.domain.errors import Refused
from addispatch.domain.events import CaseClosed
from addispatch.engine.answering import read_codes, read_text
from addispatch.engine.replies import LATE_MS
from addispatch.pipeline import notice
from addispatch.pipeline.withdraw import withdraw
from addispatch.store import lookup, schema

if TYPE_CHECKING:
    from addispatch.pipeline.desk import Desk
    from addispatch.sdk.operations import Doc
    from addispatch.store.transaction import Entry, Transaction

KEYS = ("codes", "case", "comment")
#: Cases closed in one unit.
CHUNK = 100


class Request(NamedTuple):
    """A checked request: codes, or the id of one case."""

    codes: tuple[str, ...]
    case: str
    comment: str


def read_request(doc: Doc) -> Request:
    """Check a request; raises ``Refused`` naming the field."""
    for key in doc:
        if key not in KEYS:
            raise Refused(str(key)[:60], f"is not known here; there are {', '.join(KEYS)}")
    request = Request(read_codes(doc), read_text(doc, "case"), read_text(doc, "comment"))
    if request.codes and request.case:
        raise Refused("codes", "cannot go with case: name the codes, or one case by its id")
    if not request.codes and not request.case:
        raise Refused("codes", "is missing: name the codes, or one case by its id")
    return request


def close_named(transaction: Transaction, desk: Desk, request: Request, by: str, now_ms: int) -> Doc:
    """Close what a request names; raises ``Refused`` if something is not known: then nothing is done."""
    entries = [entry for code in request.codes for entry in _with_code(transaction, code, now_ms)]
    entries += _by_id(transaction, request.case) if request.case else []
    told: set[tuple[str, str]] = set()
    return {
        "cases": [
            {
                "id": entry.case.id,
                "code": entry.code,
                "result": "closed" if close(transaction, desk, entry, by, request.comment, told, now_ms) else "already",
            }
            for entry in entries
        ]
    }


def _with_code(transaction: Transaction, code: str, now_ms: int) -> list[Entry]:
    found = lookup.with_code(transaction, code, now_ms - LATE_MS)
    if not found:
        raise Refused("codes", f"there is no case with the code {code[:20]}")
    return found


def _by_id(transaction: Transaction, ident: str) -> list[Entry]:
    try:
        entry = lookup.by_id(transaction, ident)
    except ValueError:
        entry = None
    if entry is None or entry.case.head is None:
        raise Refused("case", f"there is no case {ident[:60]}")
    return [entry]


def close(
    transaction: Transaction, desk: Desk, entry: Entry, by: str, comment: str, told: set[tuple[str, str]], now_ms: int
) -> bool:
    """Close one case; False if it is closed already. ``told`` spans cases: nobody hears of their end twice."""
    head = entry.case.head
    if head is None or entry.state[0] is CaseState.CLOSED:
        return False
    said = f": {comment.strip()}" if comment.strip() else ""
    end(transaction, entry, CloseReason.OPERATOR, f"its case was closed by {by}", f"by {by}{said}", now_ms)
    if head.needs_ack:
        about, code = notice.about(entry.case), entry.code
        words = notice.Notice(f"Closed by {by}{said} ({code} {about})", "closed", f"Closed: {about} ({code})")
        names = {row.key.recipient: row.recipient for row in lookup.told(transaction, entry)}
        notice.send(transaction, entry, words, notice.informed(entry.case, desk, names), told, now_ms)
    return True


def end(transaction: Transaction, entry: Entry, reason: CloseReason, withdrawn: str, why: str, now_ms: int) -> None:
    """Close a case whatever its deliveries say: what waits is taken back as ``withdrawn``, the event says ``why``."""
    transaction.join(entry, Case(id=entry.case.id, closings=frozenset((Closing(now_ms, reason),))), now_ms)
    withdraw(transaction, entry, withdrawn, now_ms)
    if head := entry.case.head:
        transaction.event(now_ms, CaseClosed(head.audience, last_text(entry.case), why), entry)


def close_all(transaction: Transaction, desk: Desk, by: str, before_seq: int, now_ms: int) -> tuple[int, int | None]:
    """Close the open cases below a row number; returns how many, and where to go on (None: done).

    Those nobody need acknowledge end by themselves.
    """
    transaction.flush()
    c = schema.cases.c
    query = (
        sa.select(c.seq)
        .where(c.state != "closed", c.code.is_not(None), c.seq < before_seq)
        .order_by(c.seq.desc())
        .limit(CHUNK)
    )
    found = list(transaction.connection.execute(query).scalars())
    told: set[tuple[str, str]] = set()
    count = sum(close(transaction, desk, transaction.entry(seq), by, "", told, now_ms) for seq in found)
    return count, found[-1] if len(found) == CHUNK else None
