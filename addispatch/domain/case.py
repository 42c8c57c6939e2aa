"""The case: one alarm addressed to one audience. A lattice value: it only grows, and two copies join (CLUSTER, ENTRY).

``merge`` is commutative, associative and idempotent, so loss, duplication and reordering between two nodes, or between
two crashes of one, are harmless. What users see as the case's state is derived (``case_state``), not stored as truth.
The types are named tuples: in a storm ten thousand of them are made in a second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from addispatch.domain.alarm import BY_RANK, Priority


class Fact(IntEnum):
    """What became of a delivery, in the order in which later knowledge wins (SPEC, Objects)."""

    NONE = 0
    EXPIRED = 1
    FAILED = 2
    FILTERED = 3
    CANCELLED = 4
    SENT = 5
    UNDELIVERED = 6
    DELIVERED = 7


class Phase(IntEnum):
    """Whether the current attempt waits or was handed to a channel."""

    PENDING = 0
    SENDING = 1


class DeliveryState(NamedTuple):
    """Fact, attempt, phase; see ``join``."""

    fact: Fact = Fact.NONE
    attempt: int = 0
    phase: Phase = Phase.PENDING

    def join(self, other: DeliveryState) -> DeliveryState:
        """What both together know: the greater fact, the greatest attempt, and its phase while there is no fact.

        Not simply the greater tuple: an attempt of one node must not be forgotten because the other one gave up
        without any, for somebody may have got the message.
        """
        if self == other:
            return self
        fact, newer = max(self.fact, other.fact), max(self[1:], other[1:])
        return DeliveryState(fact, newer[0], newer[1] if fact is Fact.NONE else Phase.PENDING)

    @property
    def was_tried(self) -> bool:
        """Whether it reached a channel, so that somebody may have got it: in doubt counts (SPEC 5.3)."""
        return self.attempt > 0 or self.phase is Phase.SENDING or self.fact >= Fact.SENT

    @property
    def is_pending(self) -> bool:
        """Whether it is queued or held: nobody has it in his hands."""
        return self.fact is Fact.NONE and self.phase is Phase.PENDING


#: The cycle of messages that ask nobody: answers, notices, reports. Their level tells them apart.
NOTICE_CYCLE = -1
#: The cycle of what is said about an emergency pause: for these, time does not stand still in it.
PAUSE_CYCLE = -2


class DeliveryKey(NamedTuple):
    """Which delivery of a case: its place in the escalation, whom, how and where.

    Levels below 0 are raises told again; cycle ``NOTICE_CYCLE`` is outside the escalation.
    """

    cycle: int
    level: int
    recipient: str
    channel: str
    address: str


class Owner(NamedTuple):
    """Which node sends for a case: the greatest wins. The live identity is the store, not the name."""

    epoch: int = 0
    rank: int = 0
    store: str = ""


class Position(NamedTuple):
    """How far the escalation got."""

    cycle: int = 0
    level: int = 0


class Repeat(NamedTuple):
    """Raises that one store added to an open case: how many, the last one, and the most urgent priority among them."""

    times: int
    at_ms: int
    text: str
    priority_rank: int


class Note(NamedTuple):
    """An acknowledgement, decline or comment: when, by whom (recipient id, or an operator's name), how, in what words.

    ``name`` is what that person was called then.
    """

    at_ms: int
    by: str
    via: str
    text: str = ""
    name: str = ""


class Clear(NamedTuple):
    """The condition returned to normal."""

    at_ms: int
    source: str


class CloseReason(StrEnum):
    """Why a case is closed."""

    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    MERGED = "merged"
    OPERATOR = "operator"
    EXEMPT = "exempt"
    SENT = "sent"
    FILTERED = "filtered"
    FAILED = "failed"


class Closing(NamedTuple):
    """A decision to close: the earliest one names the reason."""

    at_ms: int
    reason: CloseReason
    by: str = ""


class CaseState(StrEnum):
    """What a case is to its readers."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class Head(NamedTuple):
    """What is fixed when a case opens. ``policy`` is its JSON text as it was then, empty without policy.

    ``body`` and ``subject`` are what a template made of the text, empty if none did. ``exempt`` is the word because of
    which nobody need acknowledge it.
    """

    alarm_id: str
    audience_id: str
    audience: str
    source: str
    text: str
    opened_at_ms: int
    key: str | None = None
    topic: str = ""
    priority: Priority = Priority.MEDIUM
    policy: str = ""
    ack_required: bool = False
    close_on_clear: bool = True
    close_after_s: float = 72 * 3600.0
    body: str = ""
    subject: str = ""
    exempt: str = ""

    @property
    def needs_ack(self) -> bool:
        """Whether somebody must acknowledge: there is a policy, or the alarm asked for it."""
        return self.ack_required or bool(self.policy)

    def rank(self) -> tuple[int, str]:
        """Order two heads of one case that differ (each node stamped its own time): the smaller one stays."""
        return (self.opened_at_ms, repr(self))


_NO_NOTES: frozenset[Note] = frozenset()
_NO_REPEATS: Mapping[str, Repeat] = MappingProxyType({})
_NO_DELIVERIES: Mapping[DeliveryKey, DeliveryState] = MappingProxyType({})
_NO_OWNER = Owner()
_START = Position()


class Case(NamedTuple):
    """One entry. All fields but the id may be empty: such a partial entry is a delta, or a stub (``head`` None)."""

    id: str
    head: Head | None = None
    owner: Owner = _NO_OWNER
    position: Position = _START
    codes: frozenset[str] = frozenset()
    acks: frozenset[Note] = _NO_NOTES
    declines: frozenset[Note] = _NO_NOTES
    comments: frozenset[Note] = _NO_NOTES
    clears: frozenset[Clear] = frozenset()
    closings: frozenset[Closing] = frozenset()
    repeats: Mapping[str, Repeat] = _NO_REPEATS
    deliveries: Mapping[DeliveryKey, DeliveryState] = _NO_DELIVERIES


_K = TypeVar("_K")
_V = TypeVar("_V", DeliveryState, Repeat)


def _merge_maps(mine: Mapping[_K, _V], theirs: Mapping[_K, _V], join: Callable[[_V, _V], _V]) -> Mapping[_K, _V]:
    if not theirs:
        return mine
    if not mine:
        return theirs
    joined = dict(mine)
    for key, value in theirs.items():
        known = joined.get(key)
        joined[key] = value if known is None else join(known, value)
    return joined


def _merge_heads(mine: Head | None, theirs: Head | None) -> Head | None:
    if mine is None or theirs is None:
        return mine or theirs
    return mine if mine.rank() <= theirs.rank() else theirs


def merge(mine: Case, theirs: Case) -> Case:
    """Join two copies (or a copy and a delta) of one case, field by field."""
    if mine.id != theirs.id:
        raise ValueError("two different cases do not join")
    return Case(
        id=mine.id,
        head=_merge_heads(mine.head, theirs.head),
        owner=max(mine.owner, theirs.owner),
        position=max(mine.position, theirs.position),
        codes=mine.codes | theirs.codes,
        acks=mine.acks | theirs.acks,
        declines=mine.declines | theirs.declines,
        comments=mine.comments | theirs.comments,
        clears=mine.clears | theirs.clears,
        closings=mine.closings | theirs.closings,
        repeats=_merge_maps(mine.repeats, theirs.repeats, max),
        deliveries=_merge_maps(mine.deliveries, theirs.deliveries, DeliveryState.join),
    )


def with_delivery(case: Case, key: DeliveryKey, state: DeliveryState) -> Case:
    """Join what became of one delivery: what ``merge`` does with a delta of just that, at a third of the cost."""
    known = case.deliveries.get(key)
    if known is not None and (state := known.join(state)) == known:
        return case
    return Case(*case[:-1], {**case.deliveries, key: state})  # its last field; half the cost of _replace


def raise_count(case: Case) -> int:
    """How often the condition was raised: once, and once for each raise added."""
    return 1 + sum(repeat.times for repeat in case.repeats.values())


def priority_of(case: Case) -> Priority:
    """The most urgent priority the condition was raised with."""
    assert case.head is not None
    return BY_RANK[min([case.head.priority.rank, *(repeat.priority_rank for repeat in case.repeats.values())])]


def last_text(case: Case) -> str:
    """The text of the latest raise."""
    if not case.repeats:
        return case.head.text if case.head else ""
    return max(case.repeats.values(), key=lambda r: (r.at_ms, r.text)).text
