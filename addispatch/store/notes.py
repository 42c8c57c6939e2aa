"""What one transaction changed, for the other node of a cluster: partial entries that join (CLUSTER, ENTRY).

Kept by ``Transaction`` while a ledger has a twin; ``store.mirror`` reads the records on the other side. Deadlines
travel as what is left of them, in milliseconds: wall clocks of two nodes are never compared.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from addispatch.cluster.events import Change
from addispatch.domain.case import CaseState, Fact, Phase
from addispatch.domain.digest import combine, delivery_hash, rest_hash
from addispatch.store.rows import extra_doc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from addispatch.domain.case import DeliveryKey, DeliveryState, Head
    from addispatch.domain.delivery import Kind
    from addispatch.pipeline.pairing import Pairing
    from addispatch.store.rows import DeliveryChange, NewDelivery
    from addispatch.store.transaction import Entry

Doc = dict[str, Any]

#: How the names of the marks begin that both nodes keep.
SHARED_MARKS = "monitor:"


class Twin(NamedTuple):
    """A ledger's place in a cluster: its store's id, its node's rank, and the time."""

    store: str
    rank: int
    now_ms: Callable[[], int]
    pairing: Pairing


class _Noted:
    """What changed in one entry."""

    __slots__ = ("deliveries", "entry", "has_head", "has_next", "has_rest", "is_local")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.has_head = self.has_rest = self.has_next = self.is_local = False
        self.deliveries: dict[DeliveryKey, Doc] = {}


class Notes:
    """All of one transaction. While ``is_merging``, what changes comes from the other node and is not sent back."""

    def __init__(self, twin: Twin, paused_at_ms: int | None) -> None:
        self.twin = twin
        self.is_merging = False
        self._paused_at_ms = paused_at_ms
        self._noted: dict[int, _Noted] = {}
        self._alarms: dict[str, str] = {}
        self._arrivals: dict[str, str] = {}
        self.extras: list[Doc] = []
        #: Names of the marks that came from the other node.
        self.told: set[str] = set()

    def _of(self, entry: Entry) -> _Noted:
        noted = self._noted.get(entry.seq)
        if noted is None or noted.entry is not entry:
            fresh = _Noted(entry)
            if noted is not None:  # read anew in the same transaction
                fresh.has_head, fresh.has_rest, fresh.has_next = noted.has_head, noted.has_rest, noted.has_next
                fresh.deliveries, fresh.is_local = noted.deliveries, noted.is_local
            noted = self._noted[entry.seq] = fresh
        noted.is_local |= not self.is_merging
        return noted

    def opened(self, entry: Entry) -> None:
        """A case is new here."""
        noted = self._of(entry)
        if not self.is_merging:
            noted.has_head = noted.has_rest = noted.has_next = True

    def alarm(self, alarm_id: str, cases_json: str) -> None:
        """An alarm with an id of its source's was taken: the other node must know it, too."""
        self._alarms[alarm_id] = cases_json

    def arrival(self, alarm_id: str, fingerprint: str) -> None:
        """An alarm without an id came: the other node may hear the same publish."""
        self._arrivals[alarm_id] = fingerprint

    def also(self, doc: Doc) -> None:
        """Something that is no entry is for the other node, too."""
        if not self.is_merging:
            self.extras.append(doc)

    def marks(self, marks: Mapping[str, bytes]) -> None:
        """Some marks are what the other node needs to go on where this one ends: what its monitors saw."""
        mine = {name: value for name, value in marks.items() if name.startswith(SHARED_MARKS) and name not in self.told}
        if mine:
            self.extras.append({"marks": {name: b64encode(value).decode() for name, value in mine.items()}})

    def rest(self, entry: Entry) -> None:
        """Something other than a delivery changed."""
        entry.rest = None
        noted = self._of(entry)
        if not self.is_merging:
            noted.has_rest = noted.has_next = True

    def next(self, entry: Entry) -> None:
        """The next step is due at another time."""
        noted = self._of(entry)
        if not self.is_merging:
            noted.has_next = True

    def added(self, entry: Entry, new: NewDelivery, queued_at_ms: int) -> None:
        """A delivery is new."""
        noted = self._of(entry)
        if not self.is_merging:
            doc = noted.deliveries[new.key] = new_doc(new)
            doc["at"] = queued_at_ms
            self._times(doc, new.due_at_ms, new.expires_at_ms)

    def state(self, entry: Entry, key: DeliveryKey, before: DeliveryState | None) -> None:
        """A delivery's state is another one now."""
        if entry.sum is not None:
            entry.sum += delivery_hash(key, entry.case.deliveries[key])
            if before is not None:
                entry.sum -= delivery_hash(key, before)
        noted = self._of(entry)
        if not self.is_merging:
            noted.deliveries.setdefault(key, {"k": key})

    def changed(self, entry: Entry, key: DeliveryKey, change: DeliveryChange) -> None:
        """A delivery's row changed."""
        noted = self._of(entry)
        if self.is_merging:
            return
        doc = noted.deliveries.setdefault(key, {"k": key})
        news = (change.carrier, change.reference, change.sent_at_ms, change.delivered_at_ms)
        before = doc["i"][1:] if "i" in doc else (None,) * len(news)
        # As in the row: what is not said stays.
        doc["i"] = (change.error, *(old if new is None else new for old, new in zip(before, news, strict=True)))
        if change.repeat:
            doc["r"] = 1
        self._times(doc, change.due_at_ms)

    def text(self, entry: Entry, key: DeliveryKey, text: str, kind: Kind) -> None:
        """A delivery says something else now."""
        noted = self._of(entry)
        if not self.is_merging:
            noted.deliveries.setdefault(key, {"k": key})["t"] = (text, int(kind))

    def _times(self, doc: Doc, due_at_ms: int | None, expires_at_ms: int | None = None) -> None:
        doc["due"] = due_at_ms
        if expires_at_ms is not None:
            doc["exp"] = expires_at_ms

    # -- at the end ----------------------------------------------------------------------------------------------

    def changes(self) -> list[Change]:
        """What is to be told: a change for each entry."""
        now_ms = self.twin.now_ms()
        return [
            change_of(noted.entry, self._record(noted, now_ms) if noted.is_local else None)
            for noted in self._noted.values()
        ]

    def _record(self, noted: _Noted, now_ms: int) -> bytes | None:
        entry, case = noted.entry, noted.entry.case
        if not (noted.has_head or noted.has_rest or noted.has_next or noted.deliveries):
            return None
        base_ms = now_ms if self._paused_at_ms is None else self._paused_at_ms
        doc: Doc = {"id": case.id, "g": str(digest_of(entry))}
        if noted.has_head and case.head is not None:
            doc["h"] = head_doc(case.head)
            doc["age"] = now_ms - case.head.opened_at_ms
            doc["close"] = case.head.opened_at_ms + int(case.head.close_after_s * 1000) - base_ms
            if (refs := self._alarms.get(case.head.alarm_id)) is not None:
                doc["a"] = refs
            if (arrival := self._arrivals.get(case.head.alarm_id)) is not None:
                doc["f"] = arrival
        if noted.has_rest:
            doc["x"], doc["code"] = extra_doc(case), entry.code
        if noted.has_next:
            doc["p"] = case.position
            doc["n"] = None if entry.next_at_ms is None else entry.next_at_ms - base_ms
        doc["d"] = [aged(one, case.deliveries[key], now_ms, base_ms) for key, one in noted.deliveries.items()]
        return encode(doc)


def encode(doc: Doc) -> bytes:
    """A record as bytes."""
    return orjson.dumps(doc, option=orjson.OPT_PASSTHROUGH_SUBCLASS, default=list)


def digest_of(entry: Entry) -> int:
    """The digest of an entry, from the parts that did not change since the last time."""
    if entry.rest is None:
        entry.rest = rest_hash(entry.case)
    if entry.sum is None:
        entry.sum = sum(delivery_hash(key, state) for key, state in entry.case.deliveries.items())
    return combine(entry.rest, entry.sum)


def change_of(entry: Entry, record: bytes | None) -> Change:
    """An entry as the rules of the cluster see it."""
    case, needs, under_way = entry.case, set(), False
    for key, state in case.deliveries.items():
        if state.fact is Fact.NONE:
            needs.add(key.channel)
            under_way = under_way or state.phase is Phase.SENDING
    is_open = entry.state[0] is not CaseState.CLOSED or bool(needs)
    return Change(case.id, digest_of(entry), case.owner, is_open, frozenset(needs), under_way, record)


def head_doc(head: Head) -> Doc:
    """A head as a record has it."""
    return {**head._asdict(), "priority": head.priority.rank}


def new_doc(new: NewDelivery) -> Doc:
    """What a receiver needs to make the row of a delivery."""
    return {
        "k": new.key,
        "c": (new.recipient, new.text, new.subject, new.queue_class, new.rung, int(new.kind)),
        "i": (new.error, None, None, None, None),
    }


def aged(doc: Doc, state: DeliveryState, now_ms: int, base_ms: int) -> Doc:
    """A delivery of a record with its state, and its times as ages; future ones count from ``base_ms``."""
    fact, attempt, phase = state
    made = {**doc, "s": (int(fact), attempt, int(phase))}
    for name in ("due", "exp"):
        if made.get(name) is not None:
            made[name] -= base_ms
    if "at" in made:
        made["at"] = now_ms - made["at"]
    if "i" in made:
        *rest, sent_ms, delivered_ms = made["i"]
        made["i"] = (*rest, _age(sent_ms, now_ms), _age(delivered_ms, now_ms))
    return made


def _age(at_ms: int | None, now_ms: int) -> int | None:
    return None if at_ms is None else now_ms - at_ms
