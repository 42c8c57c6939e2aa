"""How cases and deliveries are written to and read from the ledger's rows. Used by ``transaction`` and ``queries``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from addispatch.domain.alarm import BY_RANK
from addispatch.domain.case import (
    Case,
    CaseState,
    Clear,
    CloseReason,
    Closing,
    DeliveryKey,
    DeliveryState,
    Fact,
    Head,
    Note,
    Owner,
    Phase,
    Position,
    Repeat,
)
from addispatch.domain.delivery import Kind
from addispatch.domain.ids import dashed

_FACTS = tuple(Fact)
_PHASES = tuple(Phase)
_PLAIN = Case("")


class NewDelivery(NamedTuple):
    """A delivery to store with its case. ``due_at_ms`` None: held (a later rung of a ladder) or final already."""

    key: DeliveryKey
    recipient: str
    text: str
    queue_class: int
    due_at_ms: int | None
    subject: str = ""
    rung: int = 0
    state: DeliveryState = DeliveryState()
    expires_at_ms: int | None = None
    error: str | None = None
    kind: int = Kind.PLAIN

    def unless(self, problem: str) -> NewDelivery:
        """Return the delivery; failed at once if there is a problem with its way."""
        return self._replace(state=DeliveryState(Fact.FAILED), due_at_ms=None, error=problem) if problem else self


class DeliveryChange(NamedTuple):
    """What changes in a delivery's row. None leaves ``sent_at_ms``, ``reference`` and ``carrier`` as they are."""

    state: DeliveryState
    due_at_ms: int | None = None
    error: str | None = None
    carrier: str | None = None
    reference: str | None = None
    sent_at_ms: int | None = None
    delivered_at_ms: int | None = None
    repeat: bool = False


def pack_id(text: str) -> bytes:
    """A UUID's 16 bytes."""
    return bytes.fromhex(text.replace("-", ""))


def unpack_id(blob: bytes) -> str:
    """A UUID's text."""
    return dashed(blob.hex())


def options_json(head: Head) -> str:
    """The rarely set parts of a head; empty in the common case."""
    if not (head.policy or head.ack_required or head.exempt or head.body or head.subject):
        return ""
    full = {
        "policy": head.policy,
        "ack_required": head.ack_required,
        "close_on_clear": head.close_on_clear,
        "close_after_s": head.close_after_s,
        "body": head.body,
        "subject": head.subject,
        "exempt": head.exempt,
    }
    return orjson.dumps({name: value for name, value in full.items() if value != ""}).decode()


def extra_doc(case: Case) -> dict[str, Any]:
    """The sets and registers that are empty in most cases; those that are not."""
    full: dict[str, Any] = {
        "codes": sorted(case.codes),
        "owner": case.owner if case.owner != Owner() else (),
        "position": case.position if case.position != Position() else (),
        "acks": sorted(case.acks),
        "declines": sorted(case.declines),
        "comments": sorted(case.comments),
        "clears": sorted(case.clears),
        "closings": sorted(case.closings),
        "repeats": dict(case.repeats),
    }
    return {name: value for name, value in full.items() if value}


def extra_json(case: Case) -> str | None:
    """The same as text, or None if all are empty."""
    kept = extra_doc(case)
    return orjson.dumps(kept, option=orjson.OPT_PASSTHROUGH_SUBCLASS, default=list).decode() if kept else None


def case_row(
    seq: int,
    case: Case,
    code: str | None,
    state_and_reason: tuple[CaseState, CloseReason | None],
    now_ms: int,
    next_at_ms: int | None = None,
    *,
    mine: int = 1,
    unmirrored: int = 0,
) -> tuple[Any, ...]:
    """The row of a case in the order of ``schema.cases``."""
    head = case.head
    assert head is not None
    state, reason = state_and_reason
    return (
        seq,
        pack_id(case.id),
        pack_id(head.alarm_id),
        head.audience_id,
        head.audience,
        head.source,
        head.topic,
        head.key,
        head.priority.rank,
        head.text,
        head.opened_at_ms,
        options_json(head),
        code,
        extra_json(case) if case[2:-1] != _PLAIN[2:-1] else None,
        state.value,
        reason.value if reason else None,
        now_ms if state is CaseState.CLOSED else None,
        head.opened_at_ms + int(head.close_after_s * 1000) if head.needs_ack else None,
        next_at_ms,
        mine,
        unmirrored,
    )


def delivery_row(seq: int, case_seq: int, new: NewDelivery, now_ms: int, mine: int = 1) -> tuple[Any, ...]:
    """The row of a new delivery in the order of ``schema.deliveries``."""
    cycle, level, recipient_id, channel, address = new.key
    fact, attempt, phase = new.state
    return (
        seq, case_seq, cycle, level, recipient_id, new.recipient, channel, address, new.text, new.subject,
        new.queue_class, 1, new.rung, int(fact), attempt, int(phase), 0, new.due_at_ms, new.expires_at_ms, now_ms,
        None, None, None, None, new.error, int(new.kind), mine,
    )  # fmt: skip


def read_case(row: Mapping[str, Any], deliveries: Sequence[Mapping[str, Any]]) -> Case:
    """Rebuild a case from its row and the rows of its deliveries."""
    options = orjson.loads(row["options"]) if row["options"] else {}
    extra = orjson.loads(row["extra"]) if row["extra"] else {}
    head = Head(
        alarm_id=unpack_id(row["alarm_id"]),
        audience_id=row["audience_id"],
        audience=row["audience"],
        source=row["source"],
        topic=row["topic"],
        key=row["key"],
        priority=BY_RANK[row["priority"]],
        text=row["text"],
        opened_at_ms=row["opened_at_ms"],
        **options,
    )
    case = with_extra(Case(unpack_id(row["id"]), head), extra)
    return case._replace(deliveries={delivery_key(d): delivery_state(d) for d in deliveries})


def with_extra(case: Case, extra: Mapping[str, Any]) -> Case:
    """A case with the sets and registers of ``extra_doc``."""
    return case._replace(
        owner=Owner(*extra.get("owner", ())),
        position=Position(*extra.get("position", ())),
        codes=frozenset(extra.get("codes", ())),
        acks=frozenset(Note(*n) for n in extra.get("acks", ())),
        declines=frozenset(Note(*n) for n in extra.get("declines", ())),
        comments=frozenset(Note(*n) for n in extra.get("comments", ())),
        clears=frozenset(Clear(*c) for c in extra.get("clears", ())),
        closings=frozenset(Closing(at, CloseReason(reason), by) for at, reason, by in extra.get("closings", ())),
        repeats={store: Repeat(*r) for store, r in extra.get("repeats", {}).items()},
    )


def delivery_key(row: Mapping[str, Any]) -> DeliveryKey:
    """The key of a delivery's row."""
    return DeliveryKey(row["cycle"], row["level"], row["recipient_id"], row["channel"], row["address"])


def delivery_state(row: Mapping[str, Any]) -> DeliveryState:
    """The state of a delivery's row."""
    return DeliveryState(_FACTS[row["fact"]], row["attempt"], _PHASES[row["phase"]])
