"""What a restored ledger holds back: its backup's open queue, of which nobody knows what has gone out since (RESTORE).

``hold`` is called by ``store.restore`` on the ledger before it is put in its place. The rest tells what is held; the
operator's decision is carried out by ``engine.restored``. A held message has no due time and says ``HELD`` as its
error; a mark for each held case remembers what was left of its waiting times.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import sqlalchemy as sa

from addispatch.domain.case import DeliveryKey
from addispatch.domain.events import WARNING
from addispatch.store import deadlines, lookup, schema
from addispatch.store.queries import case_doc, time_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from addispatch.store.archive import Manifest
    from addispatch.store.transaction import Entry, Transaction

Doc = dict[str, Any]

#: The error of a held message.
HELD = "held after a restore"
#: The mark that counts all of them (``at_ms``, ``backup_at_ms``, ``stores``, ``cases``, ``deliveries``); empty: none.
MARK = "restored"
#: Marks ``restored:<row number>`` of held cases.
CASE_MARK = "restored:"
#: When a held case closes by itself: not before the year 9999. Times beyond ``LATE_MS`` are of that kind.
NEVER_MS = 253_370_764_800_000
LATE_MS = NEVER_MS // 2

_c, _d, _m = schema.cases.c, schema.deliveries.c, schema.marks.c
_IS_HELD = sa.and_(_d.fact == 0, _d.due_at_ms.is_(None), _d.error == HELD)
_NUMBER = sa.cast(sa.func.substr(_m.name, len(CASE_MARK) + 1), sa.Integer)
_CASE_MARKS = sa.and_(_m.name >= CASE_MARK, _m.name < CASE_MARK[:-1] + ";")


class Held(NamedTuple):
    """A held case: its row number, its messages that are held, and what its mark says."""

    seq: int
    delivery_count: int
    mark: Doc


def hold(connection: sa.Connection, manifest: Manifest, now_ms: int) -> Doc:
    """Give a ledger a new store id and hold what its node had to send; returns the counting mark."""
    base_ms = _base_ms(connection, manifest.at_ms)
    old = connection.execute(sa.select(schema.meta.c.value).where(schema.meta.c.name == "store_id")).scalar()
    connection.execute(sa.delete(schema.meta).where(schema.meta.c.name == "store_id"))
    connection.execute(sa.insert(schema.meta).values(name="store_id", value=secrets.token_hex(16)))
    due = sa.and_(_d.mine == 1, _d.fact == 0, _d.due_at_ms.is_not(None))
    seqs = set(connection.execute(sa.select(_d.case_seq).where(due).distinct()).scalars())
    steps = sa.select(_c.seq).where(_c.mine == 1, _c.state == "open", _c.next_at_ms.is_not(None))
    seqs |= set(connection.execute(steps).scalars())
    # What was being sent stays so, without a due time: that other copies of the case know more must stay visible.
    connection.execute(sa.update(schema.deliveries).where(due).values(due_at_ms=None, error=HELD))
    known = set(_marks(connection))  # held since an earlier restore: their mark says what was left then
    fresh = [
        {"name": f"{CASE_MARK}{seq}", "value": value}
        for seq, value in _left(connection, seqs, base_ms).items()
        if seq not in known
    ]
    if fresh:
        connection.execute(sa.insert(schema.marks), fresh)
    marked = sa.select(_NUMBER).where(_CASE_MARKS)
    connection.execute(sa.update(schema.cases).where(_c.seq.in_(marked)).values(next_at_ms=None))
    closing = sa.and_(_c.seq.in_(marked), _c.close_at_ms.is_not(None), _c.state != "closed")
    connection.execute(sa.update(schema.cases).where(closing).values(close_at_ms=NEVER_MS))
    waits = sa.and_(_d.case_seq.in_(marked), _d.fact == 0)
    connection.execute(sa.update(schema.deliveries).where(waits).values(expires_at_ms=None))
    return _count(connection, manifest, str(old or ""), now_ms)


def _base_ms(connection: sa.Connection, at_ms: int) -> int:
    """The moment deadlines count from: the backup's, or the begin of the pause it was made in."""
    found = connection.execute(sa.select(_m.value).where(_m.name == deadlines.PAUSE)).scalar()
    pause = deadlines.pause_of({deadlines.PAUSE: bytes(found or b"")})
    return int(str(pause["at_ms"])) if pause else at_ms


def _left(connection: sa.Connection, seqs: set[int], base_ms: int) -> dict[int, bytes]:
    """What is left of the waiting times of cases, by row number, as their marks have it."""
    expires: dict[int, Doc] = defaultdict(dict)
    waits = sa.select(_d.case_seq, _d.seq, _d.expires_at_ms).where(_d.fact == 0, _d.expires_at_ms.is_not(None))
    for case_seq, seq, at_ms in connection.execute(waits):
        if case_seq in seqs:
            expires[case_seq][str(seq)] = max(0, at_ms - base_ms)
    left: dict[int, bytes] = {}
    for seq, next_at_ms, close_at_ms in connection.execute(sa.select(_c.seq, _c.next_at_ms, _c.close_at_ms)):
        if seq in seqs:
            doc = {
                "next": None if next_at_ms is None else max(0, next_at_ms - base_ms),
                "close": None if close_at_ms is None else max(0, close_at_ms - base_ms),
                "expires": expires.get(seq, {}),
            }
            left[seq] = orjson.dumps(doc)
    return left


def _count(connection: sa.Connection, manifest: Manifest, old_store: str, now_ms: int) -> Doc:
    before = summary(connection)
    stores = sorted({*before.get("stores", []), old_store, ""})
    doc = {"at_ms": now_ms, "backup_at_ms": manifest.at_ms, "node": manifest.node, "stores": stores}
    connection.execute(sa.delete(schema.marks).where(_m.name == MARK))
    connection.execute(sa.insert(schema.marks).values(name=MARK, value=orjson.dumps(doc)))
    found = held(connection)
    doc |= {"cases": len(found), "deliveries": sum(one.delivery_count for one in found)}
    value = orjson.dumps(doc) if found else b""
    connection.execute(sa.update(schema.marks).where(_m.name == MARK).values(value=value))
    text = f"Restored from the backup of {time_text(manifest.at_ms)} (node {manifest.node}): " + (
        f"{doc['cases']} case(s) with {doc['deliveries']} message(s) are held" if found else "nothing was waiting"
    )
    last = connection.execute(sa.select(sa.func.max(schema.events.c.seq))).scalar() or 0
    row = {"seq": last + 1, "at_ms": now_ms, "severity": WARNING, "kind": "Restored", "text": text}
    connection.execute(sa.insert(schema.events).values(**row))
    return doc


# -- what is held -----------------------------------------------------------------------------------------------------


def summary(connection: sa.Connection) -> Doc:
    """The counting mark; empty if nothing is held."""
    value = connection.execute(sa.select(_m.value).where(_m.name == MARK)).scalar()
    return orjson.loads(bytes(value)) if value else {}


def old_stores(marks: Mapping[str, bytes]) -> list[str]:
    """Ids of the stores held cases belong to, from a ledger's marks; empty if nothing is held."""
    value = marks.get(MARK)
    return list(orjson.loads(value)["stores"]) if value else []


def _marks(connection: sa.Connection) -> dict[int, Doc]:
    rows = connection.execute(sa.select(_m.name, _m.value).where(_CASE_MARKS))
    return {int(name.removeprefix(CASE_MARK)): orjson.loads(bytes(value)) for name, value in rows if value}


def marks_count(connection: sa.Connection) -> int:
    """How many cases have a mark: those held, and those that left the hold by themselves since the last look."""
    return int(connection.execute(sa.select(sa.func.count()).where(_CASE_MARKS)).scalar_one())


def held(connection: sa.Connection, among: list[int] | None = None) -> list[Held]:
    """All held cases in the order of their opening, or those among some row numbers.

    A case left the hold by itself if the other node of a cluster sends for it, or people acknowledged or closed it.
    """
    stores = summary(connection).get("stores")
    if stores is None:
        return []
    found: list[Held] = []
    waiting = sa.select(sa.func.count()).where(_d.case_seq == _c.seq, _IS_HELD).scalar_subquery()
    query = (
        sa.select(_c.seq, _c.state, _c.next_at_ms, _c.extra, _m.value, waiting)
        .join(schema.cases, _c.seq == _NUMBER)
        .where(_CASE_MARKS)
        .order_by(_c.seq)
    )
    if among is not None:
        query = query.where(_m.name.in_([f"{CASE_MARK}{seq}" for seq in among]))
    for seq, state, next_at_ms, extra, value, count in connection.execute(query):
        mark = orjson.loads(bytes(value))
        owner = (orjson.loads(extra) if extra else {}).get("owner") or (0, 0, "")
        stands_still = state == "open" and mark["next"] is not None and next_at_ms is None
        if owner[2] in stores and (count or stands_still):
            found.append(Held(seq, count, mark))
    return found


def document(connection: sa.Connection, limit: int, after: int) -> Doc:
    """What ``GET /restored`` answers: the counts, and a page of the held cases, the oldest first."""
    doc, found = summary(connection), held(connection)
    page = [one.seq for one in found if one.seq > after][: limit + 1]
    rows = connection.execute(sa.select(schema.cases).where(_c.seq.in_(page[:limit])).order_by(_c.seq)).mappings()
    parts: dict[int, list[sa.RowMapping]] = defaultdict(list)
    query = sa.select(schema.deliveries).where(_d.case_seq.in_(page[:limit])).order_by(_d.seq)
    for part in connection.execute(query).mappings():
        parts[part["case_seq"]].append(part)
    return {
        "restored_at": time_text(doc.get("at_ms")) if found else None,
        "backup_at": time_text(doc.get("backup_at_ms")) if found else None,
        "case_count": len(found),
        "delivery_count": sum(one.delivery_count for one in found),
        "cases": [case_doc(row, parts[row["seq"]]) for row in rows],
        "next": str(page[limit - 1]) if len(page) > limit else None,
    }


# -- in the ledger's transaction --------------------------------------------------------------------------------------


def mark_of(transaction: Transaction, entry: Entry) -> Doc | None:
    """What the mark of a held case says; None if it is not held, or not any more."""
    value = lookup.mark(transaction, MARK)
    if not value or entry.case.owner.store not in orjson.loads(value)["stores"]:
        return None
    known = lookup.mark(transaction, f"{CASE_MARK}{entry.seq}")
    return orjson.loads(known) if known else None


def marked(transaction: Transaction, after: int, most: int) -> list[tuple[int, Doc]]:
    """Return row numbers and marks of cases that have one, in order, behind a row number."""
    transaction.flush()
    query = sa.select(_NUMBER, _m.value).where(_CASE_MARKS, after < _NUMBER).order_by(_NUMBER).limit(most)
    return [(seq, orjson.loads(bytes(value))) for seq, value in transaction.connection.execute(query)]


def is_anything(transaction: Transaction) -> bool:
    """Whether anything is held."""
    return bool(lookup.mark(transaction, MARK))


def held_seqs(transaction: Transaction, among: list[int] | None = None) -> set[int]:
    """Row numbers of the held cases: they are no business of the other node's until somebody has decided."""
    transaction.flush()
    return {one.seq for one in held(transaction.connection, among)} if is_anything(transaction) else set()


def waiting(transaction: Transaction, entry: Entry) -> list[DeliveryKey]:
    """The held messages of a case."""
    transaction.flush()
    query = sa.select(_d.cycle, _d.level, _d.recipient_id, _d.channel, _d.address)
    rows = transaction.connection.execute(query.where(_d.case_seq == entry.seq, _IS_HELD).order_by(_d.seq))
    return [DeliveryKey(*row) for row in rows]


def thaw(transaction: Transaction, entry: Entry, mark: Doc, base_ms: int) -> None:
    """Let the case's times run again from ``base_ms``: when it closes by itself, when its messages expire."""
    transaction.flush()
    connection = transaction.connection
    if mark["close"] is not None:
        still = sa.and_(_c.seq == entry.seq, _c.close_at_ms > LATE_MS)
        connection.execute(sa.update(schema.cases).where(still).values(close_at_ms=base_ms + mark["close"]))
    for seq, left_ms in mark["expires"].items():
        waits = sa.and_(_d.seq == int(seq), _d.case_seq == entry.seq, _d.fact == 0, _d.expires_at_ms.is_(None))
        connection.execute(sa.update(schema.deliveries).where(waits).values(expires_at_ms=base_ms + left_ms))


def forget(transaction: Transaction, seq: int) -> None:
    """The case is held no more."""
    transaction.connection.execute(sa.delete(schema.marks).where(_m.name == f"{CASE_MARK}{seq}"))
