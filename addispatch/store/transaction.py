"""What a unit of work may do inside the ledger's transaction. Made by ``Ledger``, used by pipeline and engine.

Writes are collected and sent in bulk before the next read and at the commit; open cases are kept in a small cache, so
that the common path (open, claim, sent) reads each row at most once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from addispatch.domain.alarm import QueueClass
from addispatch.domain.case import (
    PAUSE_CYCLE,
    Case,
    CaseState,
    DeliveryKey,
    DeliveryState,
    Fact,
    Owner,
    merge,
    with_delivery,
)
from addispatch.domain.case_state import KEPT_ACKNOWLEDGED_MS, state_of
from addispatch.domain.delivery import Kind
from addispatch.domain.events import MAX_LINE_CHARS, Event
from addispatch.domain.ownership import is_mine
from addispatch.store import schema
from addispatch.store.claims import Claim, QueueHead, claim_new, first_class, queued, read_claim, read_heads
from addispatch.store.counters import Counters
from addispatch.store.notes import Notes, Twin
from addispatch.store.rows import (
    DeliveryChange,
    NewDelivery,
    case_row,
    delivery_key,
    delivery_row,
    extra_json,
    pack_id,
    read_case,
    unpack_id,
)
from addispatch.store.sql import CASE_COLUMNS, DELIVERY_COLUMNS, Statement, Statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from addispatch.cluster.events import Change
    from addispatch.cluster.events import Event as ClusterEvent

#: How many cases the cache keeps.
CACHE_COUNT = 32_768
#: Size of the ring of fingerprints: 13 s of publishes at 10,000 a second.
INTAKE_SLOTS = 131_072


class Entry:
    """A case as the ledger knows it; ``case`` is replaced by each join, ``state`` is what follows from it."""

    __slots__ = ("case", "code", "delivery_seqs", "mine", "next_at_ms", "rest", "seq", "state", "sum")

    def __init__(
        self,
        seq: int,
        case: Case,
        code: str | None,
        delivery_seqs: dict[DeliveryKey, int],
        next_at_ms: int | None,
        *,
        mine: bool = True,
    ) -> None:
        self.seq, self.case, self.code, self.delivery_seqs = seq, case, code, delivery_seqs
        self.next_at_ms = next_at_ms
        #: Whether this node sends for it; always, without a cluster.
        self.mine = mine
        #: The two parts of its digest, if they are known; see ``notes``.
        self.rest: int | None = None
        self.sum: int | None = None
        self.state = state_of(case)


#: An event as it is told after the commit: id, at_ms, severity, kind, text, case id.
Told = tuple[int, int, int, str, str, str | None]


class Transaction:
    """One open transaction. Not for use outside the unit it is given to."""

    def __init__(
        self,
        connection: sa.Connection,
        statements: Statements,
        counters: Counters,
        cache: dict[int, Entry],
        twin: Twin | None = None,
    ) -> None:
        self.connection = connection
        self.events: list[tuple[Any, ...]] = []
        self.told: list[Told] = []
        self.accepted: list[str] = []  # sources of the alarms taken, for the metrics
        self.marks: dict[str, bytes] = {}
        self.next_at_ms: int | None = None  # the earliest step of an escalation that was set
        self.channels: set[str] = set()  # those something was queued for
        self.answered: set[int] = set()  # cases that nobody need be asked about any more
        self.paused_at_ms = counters.paused_at_ms  # since when nothing may leave, if so
        self.yielded: set[int] = set()  # cases this node does not send for any more
        #: What changed, for the other node; None without a cluster.
        self.notes = Notes(twin, self.paused_at_ms) if twin is not None else None
        self.changes: list[Change] = []
        #: What units tell the rules of the cluster once this is committed, given the changes by id.
        self.reports: list[Callable[[dict[str, Change]], ClusterEvent]] = []
        self._sql, self._next, self._cache = statements, counters, cache
        self._waiting: defaultdict[Statement, list[tuple[Any, ...]]] = defaultdict(list)
        self._cursor = connection.connection.cursor()  # one for all: SQLAlchemy's way to it costs more than a row
        self._new_alarms: dict[str, str] = {}
        self._inserted = counters.delivery  # number of the last delivery that is in its table
        self._new: list[Entry] = []  # the cases of the new deliveries, row by row
        #: The heads of channels' queues, until something is sent.
        self._left: dict[tuple[str, int], list[QueueHead]] = {}

    @property
    def rank(self) -> int:
        """This node's rank in its cluster; 0 without one."""
        return self.notes.twin.rank if self.notes is not None else 0

    # -- writing -------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Send what was collected, so that a read sees it."""
        self._send(self._sql.order)
        self._inserted = self._next.delivery
        self._new.clear()

    def _send(self, statements: Sequence[Statement]) -> None:
        if not self._waiting:
            return
        for statement in statements:
            rows = self._waiting.pop(statement, None)
            if rows:
                statement.run(self._cursor, rows)
                self._left.clear()

    def _before_change(self, delivery_seq: int) -> None:
        """Insert what is to be changed: a new delivery waits longer than other rows, see ``claim_due``."""
        if delivery_seq > self._inserted:
            self.flush()

    def release(self) -> None:
        """Close the cursor, here in the writer: in the loop it would reset statements the writer runs by then."""
        self._cursor.close()

    def finish(self) -> None:
        """Send everything, events and marks included; called once before the commit."""
        self.flush()
        if self.notes is not None:
            self.notes.marks(self.marks)
            self.changes = self.notes.changes()
        if self.events:
            self._sql.insert_event.run(self._cursor, self.events)
        if self.marks:
            self._sql.put_mark.run(self._cursor, list(self.marks.items()))

    def event(self, now_ms: int, event: Event, entry: Entry | None = None) -> None:
        """Write an event, about a case if one is given."""
        self._next.event += 1
        line = event.line
        if len(line) > MAX_LINE_CHARS:
            line = line[: MAX_LINE_CHARS - 3] + "..."
        number, severity, kind = self._next.event, event.severity, event.kind
        self.events.append((number, now_ms, severity, kind, line, entry.seq if entry else None, None))
        self.told.append((number, now_ms, severity, kind, line, entry.case.id if entry else None))

    def remember_alarm(self, alarm_id: str, now_ms: int, cases_json: str) -> None:
        """Note an alarm that has an id of its source's, with the answer it got."""
        self._waiting[self._sql.insert_alarm].append((pack_id(alarm_id), now_ms, cases_json))
        self._new_alarms[alarm_id] = cases_json
        if self.notes is not None:
            self.notes.alarm(alarm_id, cases_json)

    def known_alarm(self, alarm_id: str) -> str | None:
        """Return the answer an alarm with this id got, if it was taken before."""
        if (known := self._new_alarms.get(alarm_id)) is not None:
            return known
        found = self._sql.alarm.read(self._cursor, pack_id(alarm_id))
        return str(found[0][0]) if found else None

    def seq_of(self, case_id: str) -> int | None:
        """Return the row number of a case, or None."""
        self.flush()
        found = self._sql.case_seq.read(self._cursor, pack_id(case_id))
        return int(found[0][0]) if found else None

    def rows_of(self, entry: Entry) -> list[tuple[Any, ...]]:
        """Return the rows of a case's deliveries in the order of ``sql.WHOLE_COLUMNS``."""
        self.flush()
        return self._sql.whole.read(self._cursor, entry.seq)

    def remember_intake(self, number: int, now_ms: int, path: str, fingerprint: bytes) -> None:
        """Note a publish without id in the ring."""
        self._waiting[self._sql.put_intake].append((number % INTAKE_SLOTS, now_ms, path, fingerprint))

    def open_case(
        self,
        case: Case,
        code: str | None,
        deliveries: Sequence[NewDelivery],
        now_ms: int,
        next_at_ms: int | None = None,
    ) -> Entry:
        """Store a new case with its deliveries, and when it escalates."""
        counters, notes = self._next, self.notes
        counters.case += 1
        seq = counters.case
        if notes is not None and not case.owner.store:
            case = case._replace(owner=Owner(0, notes.twin.rank, notes.twin.store))
        mine = notes is None or case.owner.store == notes.twin.store
        entry = Entry(seq, case, code, {}, next_at_ms, mine=mine)
        unmirrored = int(notes is not None and not notes.is_merging and entry.state[0] is CaseState.CLOSED)
        self._waiting[self._sql.insert_case].append(
            case_row(seq, case, code, entry.state, now_ms, next_at_ms, mine=int(mine), unmirrored=unmirrored)
        )
        self._note_next(entry, next_at_ms)
        if notes is not None:
            notes.opened(entry)
        self._insert_deliveries(entry, deliveries, now_ms)
        return self._keep(entry)

    def add_deliveries(self, entry: Entry, deliveries: Sequence[NewDelivery], now_ms: int) -> None:
        """Store further deliveries of a case."""
        self._insert_deliveries(entry, deliveries, now_ms)
        delta = Case(id=entry.case.id, deliveries={new.key: new.state for new in deliveries})
        entry.case = merge(entry.case, delta)
        if self.notes is not None:
            for new in deliveries:
                self.notes.state(entry, new.key, None)
        self.channels.update(new.key.channel for new in deliveries if new.due_at_ms is not None)

    def set_next(self, entry: Entry, at_ms: int | None) -> None:
        """Set when the case's next step is due; None: not by time."""
        if at_ms != entry.next_at_ms:
            entry.next_at_ms = at_ms
            self._waiting[self._sql.change_next].append((at_ms, entry.seq))
            self._note_next(entry, at_ms)
            if self.notes is not None:
                self.notes.next(entry)

    def _note_next(self, entry: Entry, at_ms: int | None) -> None:
        if at_ms is not None and entry.mine and (self.next_at_ms is None or at_ms < self.next_at_ms):
            self.next_at_ms = at_ms

    def set_close(self, entry: Entry, at_ms: int) -> None:
        """Set when the case closes by itself."""
        self._waiting[self._sql.change_close].append((at_ms, entry.seq))

    def add_alias(self, entry: Entry, code: str) -> None:
        """Let a case be found by a further code."""
        self._waiting[self._sql.put_alias].append((code, entry.seq))

    def mark_sending(self, entry: Entry, key: DeliveryKey, state: DeliveryState) -> None:
        """The other node has a delivery in hand; its row keeps when it is due."""
        before = entry.case
        entry.case = with_delivery(before, key, state)
        if self.notes is not None:
            self.notes.state(entry, key, before.deliveries.get(key))
        self._before_change(entry.delivery_seqs[key])
        self._waiting[self._sql.mark_sending].append((state.attempt, entry.delivery_seqs[key], state.attempt))

    def set_text(self, entry: Entry, key: DeliveryKey, text: str, kind: Kind) -> None:
        """Change what a delivery says and is for; only for one that is not under way."""
        self._before_change(entry.delivery_seqs[key])
        self._waiting[self._sql.change_text].append((text, int(kind), entry.delivery_seqs[key]))
        if self.notes is not None:
            self.notes.text(entry, key, text, kind)

    def _insert_deliveries(self, entry: Entry, deliveries: Sequence[NewDelivery], now_ms: int) -> None:
        counters = self._next
        rows = self._waiting[self._sql.insert_delivery]
        for new in deliveries:
            counters.delivery += 1
            entry.delivery_seqs[new.key] = counters.delivery
            if self.paused_at_ms is not None and new.key.cycle != PAUSE_CYCLE:
                times = (self._frozen(new.due_at_ms, now_ms), self._frozen(new.expires_at_ms, now_ms))
                new = new._replace(due_at_ms=times[0], expires_at_ms=times[1])  # noqa: PLW2901
            rows.append(delivery_row(counters.delivery, entry.seq, new, now_ms, int(entry.mine)))
            self._new.append(entry)
            if self.notes is not None:
                self.notes.added(entry, new, now_ms)

    def join(self, entry: Entry, delta: Case, now_ms: int) -> bool:
        """Join a delta into a stored case; True if its state changed."""
        before = entry.case
        after = entry.case = merge(before, delta)
        for key in delta.deliveries:
            known = before.deliveries.get(key)
            if after.deliveries[key] != known:
                if self.notes is not None:
                    self.notes.state(entry, key, known)
                self._change_delivery(entry, key, DeliveryChange(after.deliveries[key]))
        if before[2:-1] != after[2:-1]:  # owner to repeats: what is not head or deliveries
            self._waiting[self._sql.change_extra].append((extra_json(after), entry.code, entry.seq))
            if self.notes is not None:
                self.notes.rest(entry)
                self._passed(entry, self.notes.twin.store)
        return self._review(entry, now_ms)

    def _passed(self, entry: Entry, store: str) -> None:
        """Send for the case from now on, or not any more, as its owner says."""
        mine = is_mine(entry.case, store)
        if mine is entry.mine:
            return
        entry.mine = mine
        self.flush()
        self._waiting[self._sql.change_case_mine].append((int(mine), entry.seq))
        self._waiting[self._sql.change_deliveries_mine].append((int(mine), entry.seq))
        if mine:
            self._note_next(entry, entry.next_at_ms)
            self.channels.update(key.channel for key, state in entry.case.deliveries.items() if state.is_pending)
        else:
            self.yielded.add(entry.seq)

    def change(self, entry: Entry, key: DeliveryKey, change: DeliveryChange, now_ms: int) -> bool:
        """Join what became of one delivery, with its columns; older news changes nothing. True if the case changed."""
        before = entry.case
        entry.case = with_delivery(before, key, change.state)
        if entry.case is before and before.deliveries.get(key) != change.state:
            return False
        if self.paused_at_ms is not None and key.cycle != PAUSE_CYCLE:
            change = change._replace(due_at_ms=self._frozen(change.due_at_ms, now_ms))
        if self.notes is not None and entry.case is not before:
            self.notes.state(entry, key, before.deliveries.get(key))
        state = entry.case.deliveries[key]
        # An attempt more of what is over, as another node counted it, is not due again.
        due_at_ms = change.due_at_ms if state.fact is Fact.NONE else None
        if change[:2] != (state, due_at_ms):
            change = change._replace(state=state, due_at_ms=due_at_ms)
        self._change_delivery(entry, key, change)
        return self._review(entry, now_ms)

    def _review(self, entry: Entry, now_ms: int) -> bool:
        """Store the case's derived state if it is another one now."""
        state, reason = derived = state_of(entry.case)
        if self.notes is not None and not self.notes.is_merging and state is CaseState.CLOSED:
            self._waiting[self._sql.change_unmirrored].append((1, entry.seq))
        if derived == entry.state:
            return False
        entry.state = derived
        is_closed = state is CaseState.CLOSED
        if state is not CaseState.OPEN:
            self.set_next(entry, None)
            if entry.code is not None:
                self.answered.add(entry.seq)
            if state is CaseState.ACKNOWLEDGED:
                self.set_close(entry, self.waits_from_ms(now_ms) + KEPT_ACKNOWLEDGED_MS)
        if is_closed:
            self._cache.pop(entry.seq, None)
        row = (state.value, reason.value if reason else None, now_ms if is_closed else None, entry.seq)
        self._waiting[self._sql.change_state].append(row)
        return True

    def add_received(self, values: dict[str, Any]) -> bool:
        """Store a message that came in; False if its reference is known."""
        table = schema.received
        known = self.connection.execute(sa.select(table.c.seq).where(table.c.reference == values["reference"])).first()
        if known is not None:
            return False
        self._next.received += 1
        self.connection.execute(sa.insert(table).values(seq=self._next.received, **values))
        return True

    def set_due(self, entry: Entry, key: DeliveryKey, now_ms: int) -> None:
        """Let a held delivery of a ladder go now."""
        due_at_ms = self.waits_from_ms(now_ms)
        self._change_delivery(entry, key, DeliveryChange(entry.case.deliveries[key], due_at_ms))

    def _change_delivery(self, entry: Entry, key: DeliveryKey, change: DeliveryChange) -> None:
        if self.notes is not None:
            self.notes.changed(entry, key, change)
        fact, attempt, phase = change.state
        seq = entry.delivery_seqs[key]
        self._before_change(seq)
        self._waiting[self._sql.change_delivery].append(
            (
                int(fact), attempt, int(phase), change.due_at_ms, change.error, change.carrier, change.reference,
                change.sent_at_ms, change.delivered_at_ms, int(change.repeat), seq,
            )
        )  # fmt: skip

    # -- claiming ------------------------------------------------------------------------------------------------

    def claim_due(self, channel: str, most: int, now_ms: int, most_urgent: int = 0) -> list[Claim]:
        """Take up to ``most`` due deliveries of a channel, urgent ones first, and mark them as being sent.

        Of emergencies up to ``most_urgent``, if that is more. What is new in this transaction is claimed in its row
        before that is inserted: nearly all in a storm, and neither read back nor changed.
        """
        claims: list[Claim] = []
        heads = self._heads(channel)
        for queue_class in sorted({head[0] for head in heads} | {place[1] for place in self._new_rows(channel)}):
            limit = max(most, most_urgent) if queue_class == QueueClass.EMERGENCY else most
            for _, turn, due_at_ms in (head for head in heads if head[0] == queue_class):
                if due_at_ms <= now_ms and limit > len(claims):
                    claims += self._claim_queued(channel, queue_class, turn, now_ms, limit - len(claims))
            if limit > len(claims):
                claims += self._claim_new(channel, queue_class, now_ms, limit - len(claims))
        return claims

    def _claim_queued(self, channel: str, queue_class: int, turn: int, now_ms: int, most: int) -> list[Claim]:
        claims = []
        for row in self._sql.due.read(self._cursor, channel, queue_class, turn, now_ms, most):
            entry = self.entry(row[1]) if self.notes is not None else self._cache.get(row[1])
            claim = read_claim(row, entry.case.id if entry is not None else unpack_id(row[2]))
            if entry is not None:
                self._sending(entry, claim)
            claims.append(claim)
        self._waiting[self._sql.claim].extend((claim.seq,) for claim in claims)
        self._left.clear()
        return claims

    def _claim_new(self, channel: str, queue_class: int, now_ms: int, most: int) -> list[Claim]:
        claims, rows = [], self._waiting[self._sql.insert_delivery]
        due = sorted((due_ms, at) for at, kind, due_ms in self._new_rows(channel) if kind == queue_class)
        for at in [at for due_ms, at in due if due_ms <= now_ms][:most]:
            claim, rows[at] = claim_new(rows[at], self._new[at])
            self._sending(self._new[at], claim)
            claims.append(claim)
        return claims

    def _sending(self, entry: Entry, claim: Claim) -> None:
        before = entry.case.deliveries.get(claim.key)
        entry.case = with_delivery(entry.case, claim.key, claim.state)
        if self.notes is not None:
            self.notes.state(entry, claim.key, before)

    def next_due_ms(self, channel: str, last: QueueClass = QueueClass.PAUSE) -> int | None:
        """When the channel's next queued delivery is due that may leave; classes behind ``last`` do not count."""
        times = [(queue_class, due_ms) for queue_class, _, due_ms in self._heads(channel)]
        times += [(queue_class, due_ms) for _, queue_class, due_ms in self._new_rows(channel)]
        return min((due_ms for queue_class, due_ms in times if queue_class <= last), default=None)

    def _new_rows(self, channel: str) -> list[tuple[int, int, int]]:
        """Place, class and due time of the new deliveries that may leave by a channel."""
        rows = self._waiting.get(self._sql.insert_delivery, ())
        return list(queued(rows, channel, first_class(self.paused_at_ms)))

    def _heads(self, channel: str) -> list[QueueHead]:
        """The heads of those queues of a channel that may leave; what is new in this transaction is not in them."""
        self._send(self._sql.order_but_new)
        key = (channel, first_class(self.paused_at_ms))
        if key not in self._left:
            self._left[key] = list(read_heads(self._sql.next_head, self._cursor, *key))
        return self._left[key]

    # -- reading -------------------------------------------------------------------------------------------------

    def entry(self, seq: int) -> Entry:
        """Return a case by its row number."""
        found = self._cache.get(seq)
        if found is not None:
            return found
        self.flush()
        row = self._sql.case.read(self._cursor, seq)[0]
        rows = self._sql.deliveries.read(self._cursor, seq)
        case = dict(zip(CASE_COLUMNS, row, strict=True))
        deliveries = [dict(zip(DELIVERY_COLUMNS, r, strict=True)) for r in rows]
        seqs = {delivery_key(d): d["seq"] for d in deliveries}
        mine = bool(case["mine"])
        return self._keep(Entry(seq, read_case(case, deliveries), case["code"], seqs, case["next_at_ms"], mine=mine))

    def _frozen(self, at_ms: int | None, now_ms: int) -> int | None:
        """A deadline as it is kept during a pause: from its begin, as the other node's are; at its end all move."""
        if at_ms is None or self.paused_at_ms is None or (self.notes is not None and self.notes.is_merging):
            return at_ms
        return at_ms - (now_ms - self.paused_at_ms)

    def waits_from_ms(self, now_ms: int) -> int:
        """The moment from which waiting times count: now, or the begin of a pause, for time stands still in it."""
        return now_ms if self.paused_at_ms is None else self.paused_at_ms

    def open_with_key(self, source: str, key: str, audience_id: str | None = None) -> list[Entry]:
        """Return the cases that are not closed and have this source and key (of one audience, if named)."""
        self.flush()
        c = schema.cases.c
        query = sa.select(c.seq).where(c.key == key, c.source == source, c.state != "closed", c.key.is_not(None))
        if audience_id is not None:
            query = query.where(c.audience_id == audience_id)
        return [self.entry(seq) for seq in self.connection.execute(query.order_by(c.seq)).scalars().all()]

    def forget(self) -> None:
        """Read all cases anew: their rows were changed in bulk."""
        self._cache.clear()

    def _keep(self, entry: Entry) -> Entry:
        # The queue is first in, first out: what is in the cache is needed before what does not fit.
        if len(self._cache) < CACHE_COUNT and entry.state[0] is not CaseState.CLOSED:
            self._cache[entry.seq] = entry
        return entry
