"""Stores what became of a delivery: its new state, the events, the next rung of a ladder. Used by ``dispatch``.

Everything here runs in the ledger's transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from addispatch.domain.case import (
    NOTICE_CYCLE,
    CaseState,
    CloseReason,
    DeliveryKey,
    DeliveryState,
    Fact,
    Phase,
)
from addispatch.domain.case_state import is_answered, policy_of
from addispatch.domain.delivery import HELD, Kind, Outcome, RetryRules, doubt
from addispatch.domain.events import (
    AlarmReachesNobody,
    DeliveryCancelled,
    DeliveryExpired,
    DeliveryFailed,
    DeliveryInDoubt,
    DeliveryRetried,
    DeliverySent,
)
from addispatch.engine import handover
from addispatch.pipeline.absorb import forward
from addispatch.pipeline.alert import SOURCE, alert
from addispatch.store import waiting
from addispatch.store.rows import DeliveryChange

if TYPE_CHECKING:
    from addispatch.pipeline.desk import Desk
    from addispatch.store.claims import Claim
    from addispatch.store.transaction import Entry, Transaction

#: How much of its alarm's text the event of a sent message repeats.
ABOUT_CHARS = 60


def record(transaction: Transaction, claim: Claim, outcome: Outcome, now_ms: int, desk: Callable[[], Desk]) -> None:
    """Store the outcome of one attempt, and what follows from it for the escalation."""
    entry = transaction.entry(claim.case_seq)
    is_moot = claim.kind is Kind.ASK and outcome.due_in_s is not None and is_answered(entry.case, claim.key.recipient)
    if is_moot:
        outcome = _moot(outcome)
    write(transaction, entry, claim.key, outcome, now_ms)
    about = claim.text if claim.kind is Kind.NOTICE else ""
    if claim.key.level < 0:  # a raise told again: the case's own text is the first one's
        about = claim.text.strip().partition("\n")[0]  # without the footnote
    tell(transaction, entry, claim.key, claim.recipient, outcome, now_ms, about=about)
    if outcome.state.fact is Fact.SENT:
        _drop_rungs(transaction, entry, claim, now_ms)
        is_open = entry.state[0] is CaseState.OPEN
        if entry.code is not None and (claim.kind is Kind.ASK or (claim.kind is Kind.PLAIN and is_open)):
            handover.sent(
                transaction, desk(), entry, claim.key, claim.recipient, now_ms, queued_at_ms=claim.queued_at_ms
            )
        return
    if is_moot and outcome.in_doubt:  # he may have it
        handover.sent(transaction, desk(), entry, claim.key, claim.recipient, now_ms, queued_at_ms=claim.queued_at_ms)
    if outcome.state.fact is Fact.FAILED:
        _next_rung(transaction, entry, claim.key, claim.rung, now_ms)
    if (
        claim.kind is Kind.ASK
        and outcome.due_in_s is not None
        and entry.case.acks
        and not policy_of(entry.case).is_recall
    ):
        handover.goes_on(transaction, desk(), entry, claim.key, claim.text, now_ms)
    is_told = False
    if claim.kind is not Kind.NOTICE and entry.code is not None and outcome.due_in_s is None:
        is_told = handover.lost(transaction, desk(), entry, claim.key, now_ms)
    if outcome.state.fact is Fact.FAILED and not is_told:
        _alert(transaction, desk(), entry, claim, outcome.error, now_ms)


def _alert(transaction: Transaction, desk: Desk, entry: Entry, claim: Claim, reason: str, now_ms: int) -> None:
    """A message that will not go out is told to the system-alert recipients, unless it was one of theirs."""
    head = entry.case.head
    if head is None or head.source == SOURCE:
        return
    channel = claim.key.channel
    text = f"{channel} to {claim.recipient} failed: {reason}. It was: {head.text}"
    alert(transaction, desk, text, now_ms, condition=f"failed {channel}", avoid=frozenset({channel}))


def _moot(outcome: Outcome) -> Outcome:
    """A text that asks is not tried again once its case is acknowledged or closed: cancelled instead (SPEC 5.5)."""
    # The attempt is counted: he may have got it.
    state = DeliveryState(Fact.CANCELLED, outcome.state.attempt)
    return outcome._replace(state=state, due_in_s=None, error="acknowledged or closed before it was sent")


def write(transaction: Transaction, entry: Entry, key: DeliveryKey, outcome: Outcome, now_ms: int) -> None:
    """Join the new state into the case; if nobody could be told at all, say so."""
    sent = outcome.state.fact is Fact.SENT
    change = DeliveryChange(
        state=outcome.state,
        due_at_ms=now_ms + int(outcome.due_in_s * 1000) if outcome.due_in_s is not None else None,
        error=None if sent else outcome.error,
        carrier=outcome.by or None,
        reference=outcome.reference or None,
        sent_at_ms=now_ms if sent else None,
        repeat=outcome.repeat,
    )
    if entry.case.closings and forward(transaction, entry, key, change, now_ms) and change.due_at_ms is not None:
        over = DeliveryState(Fact.CANCELLED, outcome.state.attempt)
        change = change._replace(state=over, due_at_ms=None, error="its case was merged into another, which goes on")
    if transaction.change(entry, key, change, now_ms):
        state, reason = entry.state
        head = entry.case.head
        if head and state is CaseState.CLOSED and reason in (CloseReason.FAILED, CloseReason.EXPIRED):
            why = f"Every message to {head.audience} {reason.value}."
            transaction.event(now_ms, AlarmReachesNobody(head.source, head.text, why), entry)


def tell(
    transaction: Transaction,
    entry: Entry,
    key: DeliveryKey,
    recipient: str,
    outcome: Outcome,
    now_ms: int,
    *,
    about: str = "",
) -> None:
    """Write the event of an outcome; ``about`` is what was told, if not the alarm."""
    channel, fact = key.channel, outcome.state.fact
    if fact is Fact.SENT:
        about = " ".join((about or (entry.case.head.text if entry.case.head else "")).split())
        if len(about) > ABOUT_CHARS:
            about = about[: ABOUT_CHARS - 3] + "..."
        transaction.event(now_ms, DeliverySent(channel, recipient, outcome.by, outcome.repeat, about), entry)
    elif fact is Fact.CANCELLED:
        transaction.event(now_ms, DeliveryCancelled(channel, recipient, outcome.error), entry)
    elif fact is Fact.EXPIRED:
        transaction.event(now_ms, DeliveryExpired(channel, recipient), entry)
    elif fact is Fact.FAILED:
        transaction.event(now_ms, DeliveryFailed(channel, recipient, outcome.error), entry)
    elif outcome.in_doubt:
        transaction.event(now_ms, DeliveryInDoubt(channel, recipient, outcome.error), entry)
    elif outcome.error:  # else it was given back before it began: nothing was tried
        wait_s = outcome.due_in_s or 0.0
        transaction.event(now_ms, DeliveryRetried(channel, recipient, outcome.error, wait_s), entry)


def expire(
    transaction: Transaction, entry: Entry, key: DeliveryKey, recipient: str, now_ms: int, desk: Callable[[], Desk]
) -> None:
    """End a delivery whose time is over."""
    attempt = entry.case.deliveries[key].attempt
    outcome = Outcome(DeliveryState(Fact.EXPIRED, attempt), error="not sent in its time")
    write(transaction, entry, key, outcome, now_ms)
    tell(transaction, entry, key, recipient, outcome, now_ms)
    if key.cycle != NOTICE_CYCLE and entry.code is not None:
        handover.lost(transaction, desk(), entry, key, now_ms)


def recover(
    transaction: Transaction,
    rules: RetryRules,
    now_ms: int,
    desk: Callable[[], Desk],
    *,
    case_seq: int | None = None,
    why: str = "the daemon ended while it was being sent",
    but: Collection[int] = (),
) -> int:
    """At start, or of one case at a take-over: what was being sent is in doubt; decide about each (CLUSTER, START).

    ``but`` are row numbers of deliveries that are in a channel's hands. Returns how many.
    """
    count = 0
    for one in waiting.interrupted(transaction, case_seq):
        if one.seq in but:
            continue
        entry = transaction.entry(one.case_seq)
        head = entry.case.head
        assert head is not None
        outcome = doubt(
            entry.case.deliveries[one.key],
            why,
            by="",
            rules=rules,
            priority=head.priority,
            # Each crash may cost one repeat more (CLUSTER, I2): giving up would lose what perhaps nobody got.
            is_last=one.repeat and entry.case.deliveries[one.key].attempt + 1 >= rules.max_attempts,
        )
        if outcome.due_in_s is None and one.error.startswith(HELD):
            continue  # told of already when it was held
        if one.kind is Kind.ASK and outcome.due_in_s is not None and is_answered(entry.case, one.key.recipient):
            outcome = _moot(outcome)
        write(transaction, entry, one.key, outcome, now_ms)
        tell(transaction, entry, one.key, one.recipient, outcome, now_ms)
        if outcome.due_in_s is not None:
            transaction.channels.add(one.key.channel)  # at a take-over its lane may be asleep
        if outcome.state.fact is Fact.FAILED:
            _next_rung(transaction, entry, one.key, one.rung, now_ms)
        if outcome.due_in_s is None and one.kind is not Kind.NOTICE:
            handover.lost(transaction, desk(), entry, one.key, now_ms)
        count += 1
    return count


def _has_waiting_sibling(entry: Entry, key: DeliveryKey) -> bool:
    """Whether the same recipient has another delivery not under way: a cheap test before asking the rows."""
    return len(entry.case.deliveries) > 1 and any(
        other.recipient == key.recipient and other != key and state.fact is Fact.NONE and state.phase is Phase.PENDING
        for other, state in entry.case.deliveries.items()
    )


def _drop_rungs(transaction: Transaction, entry: Entry, claim: Claim, now_ms: int) -> None:
    if not _has_waiting_sibling(entry, claim.key):
        return
    for key, _rung in waiting.waiting_rungs(transaction, claim.case_seq, claim.key.recipient, other_than=claim.rung):
        change = DeliveryChange(DeliveryState(Fact.CANCELLED), error=f"reached by {claim.key.channel}")
        transaction.change(entry, key, change, now_ms)


def _next_rung(transaction: Transaction, entry: Entry, key: DeliveryKey, rung: int, now_ms: int) -> None:
    if not _has_waiting_sibling(entry, key):
        return
    held = [found for found in waiting.waiting_rungs(transaction, entry.seq, key.recipient, rung) if found[1] > rung]
    for other, at_rung in held:
        if at_rung == held[0][1]:
            transaction.set_due(entry, other, now_ms)
