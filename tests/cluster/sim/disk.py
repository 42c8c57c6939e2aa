"""What a host keeps over a crash: the ledger of one node, joined and digested by the shipped functions."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from sim.plan import CHANNEL

from addispatch.cluster.events import Change
from addispatch.cluster.messages import Config, Pause
from addispatch.domain.case import Case, CaseState, Clear, Fact, Note, Phase, Position, merge
from addispatch.domain.case_state import asks, state_of
from addispatch.domain.digest import combine, delivery_hash, rest_hash
from addispatch.domain.ownership import is_under_way

_delivery_hash = lru_cache(maxsize=4096)(delivery_hash)


class Age(NamedTuple):
    """How long ago the step was queued, and handed over (None: not yet): what is sent instead of deadlines."""

    position: Position
    queued_s: float
    handed_s: float | None


class Clock(NamedTuple):
    """The same as local times."""

    position: Position
    queued_s: float
    handed_s: float | None


class Record(NamedTuple):
    """What goes over the wire: a case or a part of one, the sender's digest of the whole, and the ages."""

    case: Case
    digest: int
    age: Age | None


class Disk:
    """Everything durable. Values are immutable, so that a copy of it costs little."""

    def __init__(self, store: str) -> None:
        self.store = store
        self.cases: dict[str, Case] = {}
        self.digests: dict[str, int] = {}
        #: Which state of a closed case is known to be on both nodes.
        self.mirrored: dict[str, int] = {}
        self.clocks: dict[str, Clock] = {}
        #: Acknowledgements and clears that came before their case.
        self.early: dict[str, Case] = {}
        self.pause = Pause()
        self.config = Config()

    def copy(self) -> Disk:
        other = Disk(self.store)
        other.cases, other.digests = dict(self.cases), dict(self.digests)
        other.mirrored, other.clocks, other.early = dict(self.mirrored), dict(self.clocks), dict(self.early)
        other.pause, other.config = self.pause, self.config
        return other

    def join(self, delta: Case) -> bool:
        """Join a part into a case; True if that changed it."""
        known = self.cases.get(delta.id)
        case = delta if known is None else merge(known, delta)
        if case == known:
            return False
        early = self.early.pop(delta.id, None)
        if early is not None:
            case = merge(case, early)
        self.cases[delta.id] = case
        self.digests[delta.id] = combine(
            rest_hash(case), sum(_delivery_hash(*item) for item in case.deliveries.items())
        )
        return True

    def note(self, delta: Case) -> bool:
        """An acknowledgement or clear: joined, or kept until its case comes."""
        if delta.id in self.cases:
            return self.join(delta)
        known = self.early.get(delta.id)
        self.early[delta.id] = delta if known is None else merge(known, delta)
        return False

    def change(self, ident: str, record: Record | None = None) -> Change:
        """What the rules are told of a case."""
        case = self.cases[ident]
        has_waiting = any(state.is_pending for _, state in asks(case))
        return Change(
            ident,
            self.digests[ident],
            case.owner,
            is_open(case),
            frozenset({CHANNEL}) if has_waiting else frozenset(),
            is_under_way(case),
            record,
        )

    def start_clock(self, ident: str, now_s: float) -> None:
        self.clocks[ident] = Clock(self.cases[ident].position, now_s, None)

    def handed(self, ident: str, now_s: float) -> None:
        clock = self.clocks[ident]
        if clock.handed_s is None:
            self.clocks[ident] = clock._replace(handed_s=now_s)

    def take_clock(self, ident: str, theirs: Clock) -> None:
        """Join what the other node knows of the step's time: the earlier hand-over counts."""
        mine = self.clocks.get(ident)
        if mine is None or theirs.position > mine.position:
            self.clocks[ident] = theirs
        elif theirs.position == mine.position:
            handed = [at for at in (mine.handed_s, theirs.handed_s) if at is not None]
            queued_s = min(mine.queued_s, theirs.queued_s)
            self.clocks[ident] = Clock(mine.position, queued_s, min(handed) if handed else None)


def is_open(case: Case) -> bool:
    """Whether somebody must still look after it."""
    return case.head is not None and state_of(case)[0] is not CaseState.CLOSED


def role_of(config: Config, rank: int) -> str:
    """The file names the first master; later the one who had itself promoted."""
    master = config.sha[:1] if config.term > 1 else "0"
    return "master" if str(rank) == master else "slave"


def acked(ident: str, who: str, at_ms: int) -> Case:
    return Case(ident, acks=frozenset({Note(at_ms, who, "sms")}))


def declined(ident: str, who: str, at_ms: int) -> Case:
    return Case(ident, declines=frozenset({Note(at_ms, who, "sms")}))


def cleared(ident: str, at_ms: int) -> Case:
    return Case(ident, clears=frozenset({Clear(at_ms, "plant")}))


__all__ = ["Age", "Clock", "Disk", "Fact", "Phase", "Record", "acked", "cleared", "declined", "is_open"]
