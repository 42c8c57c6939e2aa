"""What users read from the ledger, as documents with the keys of CONTRACT. Called by ``engine.operations``.

Each function takes a connection of a reader, never of the writer. Lists are newest first; ``cursor`` is the row number
of the last one seen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from addispatch.domain.case import Fact, Note, Phase, last_text, priority_of, raise_count
from addispatch.domain.case_state import policy_of
from addispatch.domain.escalation import reached
from addispatch.domain.events import SEVERITIES
from addispatch.domain.text import segment_count
from addispatch.domain.token import PATTERN
from addispatch.store import schema
from addispatch.store.rows import pack_id, read_case, unpack_id

#: An acknowledge token in a link or a Message-ID.
_TOKEN = re.compile(rf"(/a/|\back\.){PATTERN}")

Doc = dict[str, Any]
Rows = Sequence[sa.RowMapping]

_c, _d, _e, _r = schema.cases.c, schema.deliveries.c, schema.events.c, schema.received.c

#: The derived views of a delivery that is not final: by phase, and whether it has a due time (see ``schema``).
_IS_DUE = _d.due_at_ms.is_not(None)
_OPEN_VIEWS = {
    "queued": sa.and_(_IS_DUE, _d.phase == 0),
    "sending": sa.and_(_IS_DUE, _d.phase == 1),
    "held": sa.and_(_d.fact == 0, _d.phase == 0, _d.due_at_ms.is_(None)),
    "in_doubt": sa.and_(_d.fact == 0, _d.phase == 1, _d.due_at_ms.is_(None)),
}


def time_text(at_ms: int | None) -> str | None:
    """RFC 3339, UTC, milliseconds."""
    return None if at_ms is None else _time_text(at_ms)


@lru_cache(maxsize=256)  # in a storm many have the same
def _time_text(at_ms: int) -> str:
    return f"{_second_text(at_ms // 1000)}.{at_ms % 1000:03d}Z"


@lru_cache(maxsize=256)
def _second_text(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def cases(connection: sa.Connection, state: str | None, limit: int, before: int | None) -> Doc:
    """A page of cases with their deliveries."""
    query = sa.select(schema.cases).order_by(_c.seq.desc()).limit(limit + 1)
    if state is not None:
        query = query.where(_c.state == state)
    if state in ("open", "acknowledged"):
        query = query.where(_c.state != "closed")  # lets the index of open cases be used
    if before is not None:
        query = query.where(_c.seq < before)
    rows = connection.execute(query).mappings().all()
    page = rows[:limit]
    found: dict[int, list[sa.RowMapping]] = {row["seq"]: [] for row in page}
    parts = sa.select(schema.deliveries).where(_d.case_seq.in_(found)).order_by(_d.seq)
    for delivery in connection.execute(parts).mappings():
        found[delivery["case_seq"]].append(delivery)
    return {"cases": [case_doc(row, found[row["seq"]]) for row in page], "next": _next(rows, limit)}


def case(connection: sa.Connection, case_id: str) -> Doc | None:
    """One case, or None."""
    try:
        blob = pack_id(case_id)
    except ValueError:
        return None
    row = connection.execute(sa.select(schema.cases).where(_c.id == blob)).mappings().first()
    if row is None:
        return None
    query = sa.select(schema.deliveries).where(_d.case_seq == row["seq"]).order_by(_d.seq)
    return case_doc(row, connection.execute(query).mappings().all())


def deliveries(connection: sa.Connection, state: str | None, limit: int, before: int | None) -> Doc:
    """A page of deliveries; ``state`` is one of the names ``delivery_state`` gives."""
    query = (
        sa.select(schema.deliveries, _c.id.label("case_id"), _c.code)
        .join(schema.cases, _c.seq == _d.case_seq)
        .order_by(_d.seq.desc())
        .limit(limit + 1)
    )
    if state in _OPEN_VIEWS:
        query = query.where(_OPEN_VIEWS[state])
    elif state is not None:
        query = query.where(_d.fact == int(Fact[state.upper()]))
    if before is not None:
        query = query.where(_d.seq < before)
    rows = connection.execute(query).mappings().all()
    page = [{**delivery_doc(row), "case_id": unpack_id(row["case_id"]), "code": row["code"]} for row in rows[:limit]]
    return {"deliveries": page, "next": _next(rows, limit)}


def events(connection: sa.Connection, limit: int, before: int | None, after: int | None) -> Doc:
    """A page of events: newest first, or with ``after`` those behind it, oldest first."""
    query = sa.select(schema.events, _c.id.label("case_id")).join(schema.cases, _c.seq == _e.case_seq, isouter=True)
    if after is not None:
        query = query.where(_e.seq > after).order_by(_e.seq)
    else:
        query = query.order_by(_e.seq.desc())
        if before is not None:
            query = query.where(_e.seq < before)
    rows = connection.execute(query.limit(limit + 1)).mappings().all()
    page = []
    for row in rows[:limit]:
        case_id = unpack_id(row["case_id"]) if row["case_id"] else None
        page.append(event_doc(row["seq"], row["at_ms"], row["severity"], row["kind"], row["text"], case_id))
    return {"events": page, "next": _next(rows, limit)}


def received(connection: sa.Connection, limit: int, before: int | None) -> Doc:
    """A page of messages that came in."""
    query = sa.select(schema.received).order_by(_r.seq.desc()).limit(limit + 1)
    if before is not None:
        query = query.where(_r.seq < before)
    rows = connection.execute(query).mappings().all()
    page = [
        {
            "id": str(row["seq"]),
            "channel": row["channel"],
            "sender": row["sender"],
            "text": row["text"],
            "received_at": time_text(row["received_at_ms"]),
            "modem": row["carrier"] or None,
        }
        for row in rows[:limit]
    ]
    return {"received": page, "next": _next(rows, limit)}


def counts(connection: sa.Connection) -> Doc:
    """How many cases are open, and what waits."""
    states = sa.select(_c.state, sa.func.count()).where(_c.state != "closed").group_by(_c.state)
    by_state: dict[str, int] = {row[0]: row[1] for row in connection.execute(states)}
    unacknowledged = sa.select(sa.func.count()).where(_c.state == "open", _c.state != "closed", _c.code.is_not(None))
    due = sa.select(_d["class"], _d.phase, sa.func.count(), sa.func.min(_d.queued_at_ms)).where(_IS_DUE)
    rows = connection.execute(due.group_by(_d["class"], _d.phase)).all()
    queued = [(urgency, number, oldest_ms) for urgency, phase, number, oldest_ms in rows if phase == Phase.PENDING]
    in_doubt = connection.execute(sa.select(sa.func.count()).where(_OPEN_VIEWS["in_doubt"])).scalar()
    return {
        "open": by_state.get("open", 0),
        "acknowledged": by_state.get("acknowledged", 0),
        "unacknowledged": connection.execute(unacknowledged).scalar() or 0,
        "queued": sum(number for _, number, _ in queued),
        "by_class": {urgency: number for urgency, number, _ in queued},
        "oldest_queued_at_ms": min((oldest_ms for _, _, oldest_ms in queued), default=None),
        "sending": sum(row[2] for row in rows if row[1] == Phase.SENDING),
        "in_doubt": in_doubt or 0,
    }


def ended_since(connection: sa.Connection, since_ms: int) -> Doc:
    """How many deliveries were sent, and how many failed, that were queued or sent since then."""
    sent = sa.select(sa.func.count()).where(_d.sent_at_ms >= since_ms)
    lost = (int(Fact.FAILED), int(Fact.EXPIRED))
    failed = sa.select(sa.func.count()).where(_d.queued_at_ms >= since_ms, _d.fact.in_(lost))
    return {"sent": connection.execute(sent).scalar_one(), "failed": connection.execute(failed).scalar_one()}


def case_doc(row: sa.RowMapping, parts: Rows) -> Doc:
    """A case as CONTRACT has it."""
    case = read_case(dict(row), [dict(part) for part in parts])
    acks, at = sorted(case.acks), reached(policy_of(case), case.position)
    return {
        "id": case.id,
        "code": row["code"],
        "audience": row["audience"],
        "text": row["text"],
        "last_text": last_text(case),
        "count": raise_count(case),
        "priority": priority_of(case).value,
        "key": row["key"],
        "source": row["source"],
        "topic": row["topic"] or None,
        "state": row["state"],
        "reason": row["reason"],
        "level": at.level,
        "opened_at": time_text(row["opened_at_ms"]),
        "acknowledged_at": time_text(acks[0].at_ms) if acks else None,
        "acknowledged_by": (acks[0].name or acks[0].by) if acks else None,
        "closed_at": time_text(row["closed_at_ms"]),
        "deliveries": [delivery_doc(part) for part in parts],
        "acknowledgements": [_note_doc(note) for note in acks],
        "declines": [_note_doc(note) for note in sorted(case.declines)],
        "comments": [_note_doc(note) for note in sorted(case.comments)],
        "round": at.cycle,
        "next_step_at": time_text(row["next_at_ms"]),
        "owner": case.owner.store or None,
    }


def _note_doc(note: Note) -> Doc:
    return {"at": time_text(note.at_ms), "by": note.name or note.by, "via": note.via, "comment": note.text}


def delivery_state(row: sa.RowMapping) -> str:
    """The derived view of a delivery: queued, held, sending, in_doubt, or its fact."""
    if row["fact"] != Fact.NONE:
        return Fact(row["fact"]).name.lower()
    if row["phase"] == Phase.SENDING:
        return "in_doubt" if row["due_at_ms"] is None else "sending"
    return "held" if row["due_at_ms"] is None else "queued"


def delivery_doc(row: sa.RowMapping) -> Doc:
    """A delivery as CONTRACT has it."""
    state = delivery_state(row)
    tried = row["attempt"] + (state not in ("queued", "held", "expired", "filtered", "cancelled"))
    return {
        "id": str(row["seq"]),
        "recipient": row["recipient"],
        "to": row["address"],
        "channel": row["channel"],
        "state": state,
        "text": _without_token(row["text"]),
        "segments": segment_count(row["text"]) if row["channel"] == "sms" else None,
        "attempts": tried,
        "repeat": bool(row["repeat"]),
        "reference": _without_token(row["reference"] or "") or None,
        "error": row["error"],
        "modem": row["carrier"],
        "queued_at": time_text(row["queued_at_ms"]),
        "due_at": time_text(row["due_at_ms"]) if state == "queued" else None,
        "sent_at": time_text(row["sent_at_ms"]),
        "delivered_at": time_text(row["delivered_at_ms"]),
    }


def _without_token(text: str) -> str:
    """Hide acknowledge tokens: who may read what was sent must not be able to acknowledge in anybody's name."""
    return _TOKEN.sub(r"\1…", text) if "/a/" in text or "ack." in text else text


def event_doc(seq: int, at_ms: int, severity: int, kind: str, text: str, case_id: str | None) -> Doc:
    """An event as CONTRACT has it."""
    return {
        "id": seq,
        "at": _time_text(at_ms),
        "severity": SEVERITIES[severity],
        "kind": kind,
        "text": text,
        "case_id": case_id,
    }


def _next(rows: Rows, limit: int) -> str | None:
    return str(rows[limit - 1]["seq"]) if len(rows) > limit else None
