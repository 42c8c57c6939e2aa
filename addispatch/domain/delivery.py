"""How one delivery goes on after what its channel said: retry, give up, repeat. Used by ``engine.dispatch``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from addispatch.domain.alarm import Priority, QueueClass
from addispatch.domain.case import DeliveryState, Fact, Phase
from addispatch.domain.receipt import Permanent, Receipt, Sent, Temporary

#: Put before a text whose earlier attempt is in doubt.
REPEAT_MARK = "(repeat) "
#: How the error of a delivery begins that waits for an operator because it is in doubt.
HELD = "in doubt, held"


class Kind(IntEnum):
    """What a delivery is for: telling, asking somebody to acknowledge, or answering and reporting."""

    PLAIN = 0
    ASK = 1
    NOTICE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRules:
    """Back-off, caps, and what to do with an attempt in doubt, per priority: send once more, or hold."""

    first_s: float = 2.0
    longest_s: float = 60.0
    max_attempts: int = 10
    resend_in_doubt: Mapping[Priority, bool] = field(default_factory=lambda: dict.fromkeys(Priority, True))


class Outcome(NamedTuple):
    """What to store: the new state, when it is due again (None: not at all), and why."""

    state: DeliveryState
    #: None: not at all; 0: at once and before what was queued later.
    due_in_s: float | None = None
    error: str = ""
    by: str = ""
    reference: str = ""
    repeat: bool = False
    in_doubt: bool = False


def settle(
    state: DeliveryState, receipt: Receipt, *, rules: RetryRules, priority: Priority, repeated: bool, jitter: float
) -> Outcome:
    """Decide how a delivery goes on. ``repeated``: it was already sent again once; ``jitter`` is from 0 to 1."""
    fact, attempt, _ = state
    if isinstance(receipt, Sent):
        return Outcome(DeliveryState(Fact.SENT, attempt), by=receipt.by, reference=receipt.reference, repeat=repeated)
    if isinstance(receipt, Permanent):
        return Outcome(DeliveryState(Fact.FAILED, attempt), error=receipt.reason, by=receipt.by, repeat=repeated)
    if isinstance(receipt, Temporary):
        if attempt + 1 >= rules.max_attempts:
            error = f"given up after {attempt + 1} attempts: {receipt.reason}"
            return Outcome(DeliveryState(Fact.FAILED, attempt), error=error, by=receipt.by, repeat=repeated)
        # Another carrier waits already: a pause would help nobody. The channel says so only while there is a fresh one.
        pause_s = 0.0 if receipt.other else min(rules.longest_s, rules.first_s * 2**attempt) * (0.75 + 0.5 * jitter)
        wait_s = max(pause_s, receipt.retry_after_s or 0.0)
        return Outcome(
            DeliveryState(fact, attempt + 1), due_in_s=wait_s, error=receipt.reason, by=receipt.by, repeat=repeated
        )
    # A channel that is in doubt again about the repeat would be so for ever; a crash is another matter.
    return doubt(state, receipt.reason, by=receipt.by, rules=rules, priority=priority, is_last=repeated)


def doubt(
    state: DeliveryState, reason: str, *, by: str, rules: RetryRules, priority: Priority, is_last: bool
) -> Outcome:
    """Decide about an attempt that may have gone out: repeat it, marked; hold it; or give up if it ``is_last``."""
    fact, attempt, _ = state
    if is_last:
        error = f"in doubt after the repeat, too: {reason}"
        return Outcome(DeliveryState(Fact.FAILED, attempt), error=error, by=by, repeat=True, in_doubt=True)
    if not rules.resend_in_doubt.get(priority, True):
        held = DeliveryState(fact, attempt, Phase.SENDING)
        return Outcome(held, error=f"{HELD}: {reason}", by=by, in_doubt=True)
    return Outcome(
        DeliveryState(fact, attempt + 1), due_in_s=0.0, error=f"in doubt: {reason}", by=by, repeat=True, in_doubt=True
    )


def give_back(state: DeliveryState, *, repeated: bool) -> Outcome:
    """A delivery that was claimed and not begun: due at once, and no failure of its channel."""
    fact, attempt, _ = state
    return Outcome(DeliveryState(fact, attempt + 1), due_in_s=0.0, repeat=repeated)


def queue_class(priority: Priority) -> QueueClass:
    """Return the class an alarm's deliveries queue in: critical ones go first."""
    return QueueClass.EMERGENCY if priority is Priority.CRITICAL else QueueClass.ALARM
