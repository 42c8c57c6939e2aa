"""What the cluster does to cases, in the ledger's transaction: join, take over, hand over, read whole.

The rules that say when are in ``cluster.node``; ``engine.cluster`` submits these units.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from addispatch.cluster.events import Change, Fetched, Looked, Merged
from addispatch.domain.case import Case, CaseState, Clear, CloseReason, Owner
from addispatch.domain.case_state import policy_of
from addispatch.domain.delivery import Kind
from addispatch.domain.escalation import is_ended, wait_s
from addispatch.domain.events import WARNING, Said
from addispatch.domain.ids import case_id
from addispatch.domain.monitor_memory import joined as joined_memory
from addispatch.domain.ownership import is_under_way, passed_to
from addispatch.domain.result import CaseRef
from addispatch.engine import orphans
from addispatch.engine.handover import goes_on
from addispatch.engine.notices import ack_notice
from addispatch.engine.outcome import recover
from addispatch.engine.replies import LATE_MS, Replies
from addispatch.pipeline import notice
from addispatch.pipeline.absorb import absorb, follow
from addispatch.pipeline.clear import heard_clear_ms
from addispatch.pipeline.takeover import repeat_number
from addispatch.pipeline.withdraw import withdraw
from addispatch.store import held, lookup, mirror
from addispatch.store.notes import SHARED_MARKS, change_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from addispatch.cluster.events import Merge
    from addispatch.domain.delivery import RetryRules
    from addispatch.pipeline.desk import Desk
    from addispatch.store.mirror import Joined
    from addispatch.store.transaction import Entry, Transaction

_NO_OWNER = Owner()
#: Most marks in one record.
MARKS_COUNT = 50


def join(transaction: Transaction, desk: Desk, merge: Merge, now_ms: int, *, peer_has_sms: bool = True) -> None:
    """Join records of the other node, and do what follows from them for the cases this one sends for."""
    joined = mirror.join_records(transaction, merge.records, now_ms)
    for one in joined:
        if one.entry is not None and one.is_new:
            _meet(transaction, desk, one, one.entry, now_ms)
        if one.entry is not None:
            _react(transaction, desk, one.before, one.entry, now_ms)
            follow(transaction, one.entry, now_ms)
            if one.is_new:
                _answer_orphans(transaction, desk, one.entry, now_ms)
            if one.is_given and not peer_has_sms:
                repeat_number(transaction, desk, one.entry, now_ms)
    for doc in merge.records:
        if "marks" in doc and transaction.notes is not None:
            marks = {str(name): b64decode(value) for name, value in doc["marks"].items()}
            transaction.notes.told |= marks.keys()
            for name, value in marks.items():
                transaction.marks[name] = joined_memory(value, lookup.mark(transaction, name))
        if "reply" in doc and lookup.with_code(transaction, str(doc["code"]), now_ms - LATE_MS):
            Replies(transaction, desk, orphans.read(doc["reply"]), now_ms, is_late=True).take()

    def report(changes: dict[str, Change]) -> Merged:
        found = tuple(_change(one, changes) for one in {one.id: one for one in joined}.values())
        return Merged(found, {one.id: one.theirs for one in joined}, merge.store, merge.boot)

    transaction.reports.append(report)


def _change(one: Joined, changes: dict[str, Change]) -> Change:
    if one.entry is None:
        return Change(one.id, 0, _NO_OWNER, is_open=False)
    return changes.get(one.id) or change_of(one.entry, None)


def _meet(transaction: Transaction, desk: Desk, one: Joined, entry: Entry, now_ms: int) -> None:
    """A case that is new here may be a copy of one that is here, or be over already."""
    head, notes = entry.case.head, transaction.notes
    if head is None or notes is None:
        return
    if one.arrival is not None:
        ref = CaseRef(entry.case.id, entry.code)
        mate = notes.twin.pairing.remote(one.arrival, head.alarm_id, ref, now_ms)
        other = lookup.by_id(transaction, case_id(mate, head.audience_id)) if mate is not None else None
        if other is not None:
            _merge(transaction, desk, entry, other, now_ms)
            return
    if head.key is None or entry.state[0] is CaseState.CLOSED:
        return
    same = [
        found
        for found in transaction.open_with_key(head.source, head.key, head.audience_id)
        if found is not entry and held.mark_of(transaction, found) is None  # nothing alive goes into what is held
    ]
    if same:
        _merge(transaction, desk, entry, same[0], now_ms)
        return
    heard_ms = heard_clear_ms(transaction, head.source, head.key)
    if heard_ms is not None and heard_ms >= now_ms - one.age_ms:
        cleared = frozenset((Clear(heard_ms, head.source),))
        transaction.join(entry, Case(entry.case.id, clears=cleared), now_ms)
        withdraw(transaction, entry, "it is back to normal", now_ms)


def _merge(transaction: Transaction, desk: Desk, theirs: Entry, ours: Entry, now_ms: int) -> None:
    """The one stays whose node sends for both; if each sends for its own, the one of the lower id."""
    if theirs.mine == ours.mine:
        stays, goes = (ours, theirs) if ours.mine else (theirs, ours)
    else:
        stays, goes = sorted((theirs, ours), key=lambda entry: entry.case.id)
    before = stays.state[0]
    absorb(transaction, stays, goes, now_ms)
    _react(transaction, desk, before, stays, now_ms)


def _react(transaction: Transaction, desk: Desk, before: CaseState | None, entry: Entry, now_ms: int) -> None:
    """What was queued here while somebody answered there is not asked any more, and whoever was told hears of it."""
    state, reason = entry.state
    if not entry.mine or before is not CaseState.OPEN or state is CaseState.OPEN:
        return
    if entry.case.head is None or not entry.case.head.needs_ack:
        return
    first = min(entry.case.acks, default=None)
    policy = policy_of(entry.case)
    if policy.continue_unsent and reason in (None, CloseReason.ACKNOWLEDGED) and first is not None:
        for row in lookup.told(transaction, entry):
            if row.kind is Kind.ASK and entry.case.deliveries[row.key].is_pending:
                goes_on(transaction, desk, entry, row.key, row.text, now_ms)
    else:
        withdraw(transaction, entry, f"acknowledged by {first.name}" if first else "its case is over", now_ms)
    if first is not None and policy.notify_contacted and not policy.is_recall:
        names = {row.key.recipient: row.recipient for row in lookup.told(transaction, entry)}
        to = notice.informed(entry.case, desk, names, but=first.by)
        notice.send(transaction, entry, ack_notice(entry.code, entry.case, first), to, set(), now_ms)


def peer_left(transaction: Transaction, _now_ms: int) -> None:
    """The other node is not there: what this one hears meanwhile waits for its copy."""
    assert transaction.notes is not None
    transaction.notes.twin.pairing.part()


def peer_came(transaction: Transaction, now_ms: int) -> None:
    """The other node has come: its copies are on their way."""
    assert transaction.notes is not None
    transaction.notes.twin.pairing.meet(now_ms)


def share_marks(transaction: Transaction) -> None:
    """The other node has come: tell it what the monitors saw here, if this node is the one that watches."""
    assert transaction.notes is not None
    marks = lookup.marks_named(transaction, SHARED_MARKS)
    for at in range(0, len(marks), MARKS_COUNT):
        some = dict(list(marks.items())[at : at + MARKS_COUNT])
        transaction.notes.also({"marks": {name: b64encode(value).decode() for name, value in some.items()}})


def _answer_orphans(transaction: Transaction, desk: Desk, entry: Entry, now_ms: int) -> None:
    if entry.code is not None:
        for message in orphans.waiting_for(transaction, {entry.code, *entry.case.codes}):
            Replies(transaction, desk, message, now_ms, is_late=True).take()


def look(transaction: Transaction, theirs: dict[str, int]) -> None:
    """Look up entries the other node asks about, and the rules do not remember."""
    found = mirror.by_ids(transaction, theirs)
    missing = [Change(ident, 0, _NO_OWNER, is_open=False) for ident in theirs if ident not in found]
    there = [change_of(entry, None) for entry in found.values()]

    def report(changes: dict[str, Change]) -> Looked:
        return Looked((*(changes.get(one.id, one) for one in there), *missing), theirs)

    transaction.reports.append(report)


def fetch(transaction: Transaction, idents: Sequence[str], now_ms: int) -> None:
    """Read whole entries for the other node."""
    found = mirror.by_ids(transaction, idents)
    whole = tuple(change_of(entry, mirror.whole(transaction, entry, now_ms)) for entry in found.values())
    transaction.reports.append(lambda _changes: Fetched(whole))


def claim(
    transaction: Transaction,
    desk: Callable[[], Desk],
    rules: RetryRules,
    idents: Sequence[str],
    why: str,
    spares: Callable[[], str | None],
    now_ms: int,
) -> int:
    """Take cases over: what was in the other node's hands is in doubt. Returns how many are this node's now.

    ``spares`` is asked here, when it is this unit's turn: the other node may have come back (``Node.spares``).
    """
    assert transaction.notes is not None
    twin, count, spared = transaction.notes.twin, 0, spares()
    if spared is None:
        return 0
    for entry in mirror.by_ids(transaction, idents).values():
        if entry.mine or entry.case.owner.store == spared or held.mark_of(transaction, entry) is not None:
            continue
        transaction.join(entry, passed_to(entry.case, twin.rank, twin.store), now_ms)
        recover(transaction, rules, now_ms, desk, case_seq=entry.seq, why=f"{why} while it was being sent")
        repeat_number(transaction, desk(), entry, now_ms)
        _wind_up(transaction, entry, now_ms)
        count += 1
    if count:
        transaction.event(now_ms, Said(f"Took over {count} case(s): {why}", WARNING, "TookOver"))
    return count


def _wind_up(transaction: Transaction, entry: Entry, now_ms: int) -> None:
    """A case that escalates by time and whose next step was not told goes on all the same, as from a hand-over."""
    head, policy, at = entry.case.head, policy_of(entry.case), entry.case.position
    if entry.next_at_ms is not None or entry.state[0] is not CaseState.OPEN or head is None or not head.policy:
        return
    if not is_ended(policy, at):
        wait_ms = int((policy.max_send_wait_s + wait_s(policy, at)) * 1000)
        transaction.set_next(entry, transaction.waits_from_ms(now_ms) + wait_ms)


def doubt(
    transaction: Transaction,
    desk: Callable[[], Desk],
    rules: RetryRules,
    idents: Sequence[str],
    held: Callable[[], Collection[int]],
    now_ms: int,
) -> None:
    """What of these cases is under way in nobody's hands is in doubt; ``held`` says what the channels here have."""
    for entry in mirror.by_ids(transaction, idents).values():
        if entry.mine:
            why = "the other node lost sight of it"
            recover(transaction, rules, now_ms, desk, case_seq=entry.seq, why=why, but=held())


def give(transaction: Transaction, idents: Sequence[str], rank: int, store: str, why: str, now_ms: int) -> int:
    """Hand cases to the other node, but none of which a message is in a channel's hands. Returns how many."""
    count = 0
    for entry in mirror.by_ids(transaction, idents).values():
        if entry.mine and not is_under_way(entry.case):
            transaction.join(entry, passed_to(entry.case, rank, store), now_ms)
            count += 1
    if count:
        transaction.event(now_ms, Said(f"Handed over {count} case(s): {why}", kind="HandedOver"))
    return count


def adopt(transaction: Transaction, now_ms: int) -> int:
    """Own what is from before there was a cluster; at the start. Returns how many."""
    assert transaction.notes is not None
    twin, count, after = transaction.notes.twin, 0, 0
    while entries := mirror.open_ends(transaction, after, 500):
        for entry in entries:
            after = entry.seq
            # Or from a time in which the table [cluster] was away: then this node sent for all there was.
            if not entry.case.owner.store or (entry.mine and entry.case.owner.store != twin.store):
                transaction.join(entry, passed_to(entry.case, twin.rank, twin.store), now_ms)
                count += 1
    return count
