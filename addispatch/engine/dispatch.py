"""Sends what is due: one lane per channel, each with its own window, so that a stuck channel never blocks another.

A lane claims deliveries in the ledger (committed before anything is sent), hands them to its channel, stores the
outcomes, and claims again in the same transaction. It sleeps until the next delivery is due, something new is queued,
or the channel's window grows. Made by the app.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from addispatch.domain.alarm import QueueClass
from addispatch.domain.delivery import REPEAT_MARK, Kind, RetryRules, give_back, settle
from addispatch.domain.message import Delivery
from addispatch.domain.receipt import InDoubt, Permanent, Receipt, Sent, Temporary
from addispatch.engine.outcome import expire, record
from addispatch.runtime.tasks import Supervisor
from addispatch.store.ledger import Turn

if TYPE_CHECKING:
    from addispatch.pipeline.desk import Desk
    from addispatch.runtime.clock import Clock
    from addispatch.sdk.protocols import Channel
    from addispatch.store.claims import Claim
    from addispatch.store.ledger import Ledger
    from addispatch.store.transaction import Transaction

log = logging.getLogger(__name__)

#: Pause before a claim or an outcome that the ledger did not take is tried again, in seconds.
LEDGER_PAUSE_S = 1.0
#: Longest sleep of a lane; the sweep looks anyway.
LONGEST_SLEEP_S = 3600.0
#: Longest wait of an outcome for others to be stored with, in seconds.
LINGER_S = 0.01
#: Most workers of a lane that wait for the next delivery.
MOST_IDLE = 8
#: A window larger than this gains nothing and would make a crash repeat more.
MAX_WINDOW = 512

#: What is recorded for deliveries that were claimed and not begun.
NOT_BEGUN = Temporary("it was taken back before it was sent")

OnOutcomes = Callable[[list[tuple["Claim", Receipt]]], None]


class Lane:
    """One channel's queue under way."""

    def __init__(
        self,
        channel: Channel,
        ledger: Ledger,
        clock: Clock,
        rules: RetryRules,
        tasks: Supervisor,
        on_outcomes: OnOutcomes,
        desk: Callable[[], Desk],
    ) -> None:
        self._desk = desk
        self.channel = channel
        self.in_flight = 0
        #: Nothing is claimed: another node may be sending.
        self.is_held = False
        self._ledger, self._clock, self._rules, self._tasks, self._on_outcomes = (
            ledger,
            clock,
            rules,
            tasks,
            on_outcomes,
        )
        self._claimed: deque[Claim] = deque()
        #: Row numbers of what is claimed and not settled.
        self.held: set[int] = set()
        self._outcomes: list[tuple[Claim, Receipt]] = []
        self.claiming: asyncio.Future[tuple[list[Claim], int | None]] | None = None
        self._look_again = self._is_stopped = False
        self._timer: asyncio.TimerHandle | None = None
        self._settling: asyncio.Handle | None = None
        self._workers = 0
        self._worker_number = 0
        self._idle: list[asyncio.Future[None]] = []  # workers that wait for something to do
        self._begun: dict[asyncio.Task[Any], float] = {}
        self._overdue: set[asyncio.Task[Any]] = set()

    # -- claiming ------------------------------------------------------------------------------------------------

    def poke(self) -> None:
        """Look for due deliveries, unless the window is full or a look is under way."""
        if self.claiming is not None:
            self._look_again = True
            return
        free = self._window() - self.in_flight
        urgent = free + self._reserve()
        if urgent <= 0 or self._is_stopped or self.is_held:
            return
        self._look_again = False
        claimed = self._ledger.submit(lambda transaction: self._claim(transaction, free, urgent), Turn.LAST)
        self.claiming = claimed
        claimed.add_done_callback(lambda done: self._on_claimed(done, urgent))

    def _claim(self, transaction: Transaction, most: int, urgent: int) -> tuple[list[Claim], int | None]:
        """In the writer's thread: claim, and tell when the next one is due if there was room for more."""
        now_ms = self._clock.now_ms()
        name = self.channel.name
        claims = transaction.claim_due(name, most, now_ms, urgent)
        next_due_ms = None
        if len(claims) < urgent:
            last = QueueClass.PAUSE if len(claims) < most else QueueClass.EMERGENCY
            next_due_ms = transaction.next_due_ms(name, last)
        fresh: list[Claim] = []
        for claim in claims:
            if claim.expires_at_ms is not None and claim.expires_at_ms <= now_ms:
                expire(transaction, transaction.entry(claim.case_seq), claim.key, claim.recipient, now_ms, self._desk)
            else:
                fresh.append(claim)
        self.held.update(claim.seq for claim in fresh)
        return fresh, next_due_ms

    def _on_claimed(self, future: asyncio.Future[tuple[list[Claim], int | None]], asked: int) -> None:
        self.claiming = None
        if future.cancelled():
            return
        if future.exception() is not None:
            if not self._is_stopped:
                self._sleep(LEDGER_PAUSE_S)
            return
        claims, next_due_ms = future.result()
        self.in_flight += len(claims)
        self._claimed.extend(claims)
        if self._is_stopped or self.is_held:
            self.give_back(_every)
            return
        if next_due_ms is not None:
            self._sleep((next_due_ms - self._clock.now_ms()) / 1000)
        if claims and self._workers == len(self._idle):
            self._hire()
        if self._claimed:
            # A channel that never waits is done in the first worker's first step: hire more only after it had its go.
            asyncio.get_running_loop().call_soon(self._hire_more)
        # What was queued for us may still wait for its own transaction, behind more than fits into this one.
        if self._look_again or (len(claims) < asked and self._ledger.waiting_count):
            self.poke()

    def _window(self) -> int:
        try:
            return min(self.channel.window, MAX_WINDOW)
        except Exception:
            # A supervision border: whoever queues something asks, and intake must not stop for a channel's bug.
            log.exception("the channel %s cannot say its window", self.channel.name)
            return 0

    def _reserve(self) -> int:
        """How many emergencies may go beyond the window (``sdk.Reserving``)."""
        try:
            reserve: int = getattr(self.channel, "reserve", 0)
            return min(reserve, MAX_WINDOW)
        except Exception:
            # As for the window.
            log.exception("the channel %s cannot say its reserve", self.channel.name)
            return 0

    def _sleep(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        seconds = min(max(seconds, 0.0), LONGEST_SLEEP_S)
        self._timer = asyncio.get_running_loop().call_later(seconds, self.poke)

    # -- sending -------------------------------------------------------------------------------------------------

    def _hire(self) -> None:
        """Set another worker to work; one that is idle costs less than a new task."""
        if self._idle:
            self._idle.pop().set_result(None)
            return
        self._workers += 1
        self._worker_number += 1
        self._tasks.run(f"send {self.channel.name} {self._worker_number}", self._work)

    def _hire_more(self) -> None:
        busy = self._workers - len(self._idle)
        for _ in range(min(len(self._claimed), self._window() + self._reserve() - busy)):
            self._hire()

    async def _work(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            while not self._is_stopped:
                while self._claimed and not self._is_stopped:
                    claim = self._claimed.popleft()
                    self._ended(claim, await self._send(claim, task))
                if len(self._idle) >= MOST_IDLE:
                    return
                await self._rest()
        finally:
            self._workers -= 1

    async def _rest(self) -> None:
        """Wait until there is something to do."""
        waiter = asyncio.get_running_loop().create_future()
        self._idle.append(waiter)
        try:
            await waiter
        finally:
            if waiter in self._idle:
                self._idle.remove(waiter)

    async def _send(self, claim: Claim, task: asyncio.Task[Any]) -> Receipt:
        self._begun[task] = asyncio.get_running_loop().time()
        try:
            receipt: object = await self.channel.send(self._delivery(claim))
        except asyncio.CancelledError:
            if task in self._overdue:
                task.uncancel()
                return InDoubt(f"{self.channel.name} did not answer within {self.channel.deadline_s:.0f} s")
            if task.cancelling():
                raise
            # Not we: something inside the channel was cancelled, such as the work of a child process that ended.
            return InDoubt(f"{self.channel.name} broke off")
        except Exception as error:
            # A supervision border: a channel's bug must not lose the delivery.
            log.exception("the channel %s failed", self.channel.name)
            return Temporary(f"error in the channel: {type(error).__name__}: {error}"[:200])
        finally:
            del self._begun[task]
            self._overdue.discard(task)
        if not isinstance(receipt, (Sent, Temporary, Permanent, InDoubt)):
            log.error("the channel %s returned %r, not a receipt", self.channel.name, receipt)
            return InDoubt("the channel did not say what happened")
        return receipt

    def abandon_overdue(self) -> None:
        """End the sends that exceed the channel's deadline; called each second.

        One look a second at what is under way costs less than a timer for every send.
        """
        too_old_s = asyncio.get_running_loop().time() - self.channel.deadline_s
        for task, began_s in list(self._begun.items()):
            if began_s < too_old_s and task not in self._overdue:
                self._overdue.add(task)
                task.cancel()

    def _delivery(self, claim: Claim) -> Delivery:
        if claim.kind is not Kind.ASK or claim.key.channel != "email":
            return to_delivery(claim)
        return to_delivery(claim, self._desk().token(claim.case_id, claim.key.recipient, self._clock.now_ms()))

    # -- settling ------------------------------------------------------------------------------------------------

    def _ended(self, claim: Claim, receipt: Receipt) -> None:
        self._outcomes.append((claim, receipt))
        self._settle_soon()

    def _settle_soon(self) -> None:
        """Settle in the next turn if at least half of what is in flight has ended, else a little later.

        A commit costs as much as a mail: one for each would halve the rate. While the one half is stored and the next
        is claimed, the other half is under way.
        """
        settling = self._settling
        if type(settling) is asyncio.Handle:
            return  # in the next turn
        if self._is_stopped or self.in_flight <= 2 * len(self._outcomes):
            if settling is not None:
                settling.cancel()
            self._settling = asyncio.get_running_loop().call_soon(self._settle)
        elif settling is None:
            self._settling = asyncio.get_running_loop().call_later(LINGER_S, self._settle)

    def _settle(self) -> None:
        """Store the outcomes, and claim in the same transaction."""
        self._settling = None
        outcomes, self._outcomes = self._outcomes, []
        # Their places are free once this commits; the claim behind it is in the same or a later transaction.
        self.in_flight -= len(outcomes)
        future = self._ledger.submit(lambda transaction: self._record(transaction, outcomes), Turn.FIRST)
        future.add_done_callback(lambda done: self._on_settled(done, outcomes))
        self.poke()

    def _record(self, transaction: Transaction, outcomes: list[tuple[Claim, Receipt]]) -> None:
        now_ms = self._clock.now_ms()
        for claim, receipt in outcomes:
            outcome = (
                give_back(claim.state, repeated=claim.repeat)
                if receipt is NOT_BEGUN
                else settle(
                    claim.state,
                    receipt,
                    rules=self._rules,
                    priority=claim.priority,
                    repeated=claim.repeat,
                    jitter=random.random(),  # noqa: S311 - spreads retries, no secret
                )
            )
            record(transaction, claim, outcome, now_ms, self._desk)

    def _on_settled(self, future: asyncio.Future[None], outcomes: list[tuple[Claim, Receipt]]) -> None:
        if future.cancelled():
            return
        if future.exception() is None:
            self.held.difference_update(claim.seq for claim, _ in outcomes)
            self._on_outcomes(outcomes)
            return
        # What was sent must not be forgotten: keep the places taken and try until the ledger takes it.
        self.in_flight += len(outcomes)
        if not self._is_stopped:
            asyncio.get_running_loop().call_later(LEDGER_PAUSE_S, self._settle_again, outcomes)

    def _settle_again(self, outcomes: list[tuple[Claim, Receipt]]) -> None:
        self._outcomes.extend(outcomes)
        self._settle_soon()

    def stop(self) -> None:
        """Claim nothing more; what is under way may still end."""
        self._is_stopped = True
        self.give_back(_every)
        for waiter in self._idle:
            waiter.set_result(None)
        self._idle.clear()
        if self._outcomes:
            self._settle_soon()
        if self._timer is not None:
            self._timer.cancel()

    def give_back(self, which: Callable[[Claim], bool]) -> None:
        """Do not begin what is claimed and waits for its turn: it is not to be sent any more, or not now."""
        claimed, self._claimed = self._claimed, deque()
        for claim in claimed:
            if which(claim):
                self._ended(claim, NOT_BEGUN)
            else:
                self._claimed.append(claim)


def _every(_claim: Claim) -> bool:
    return True


class Dispatcher:
    """All lanes."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        rules: RetryRules,
        on_outcomes: OnOutcomes,
        desk: Callable[[], Desk],
    ) -> None:
        self._desk = desk
        self.lanes: dict[str, Lane] = {}
        self._ledger, self._clock, self._rules, self._on_outcomes = ledger, clock, rules, on_outcomes
        self._tasks = Supervisor()
        self._is_stopped = self._is_held = False

    def use(self, channels: Iterable[Channel]) -> None:
        """Open a lane for each channel that has none, and look what waits for it."""
        for channel in channels:
            if channel.name not in self.lanes and not self._is_stopped:
                self.lanes[channel.name] = Lane(
                    channel, self._ledger, self._clock, self._rules, self._tasks, self._ended, self._desk
                )
                self.lanes[channel.name].is_held = self._is_held
        self.poke_all()

    def hold(self, *, is_held: bool) -> None:
        """Begin nothing until further notice, or go on."""
        self._is_held = is_held
        for lane in self.lanes.values():
            lane.is_held = is_held
        if is_held:
            self.give_back()
        else:
            self.poke_all()

    def held(self) -> set[int]:
        """Row numbers of the deliveries that are in a channel's hands, or on the way there or back."""
        return set().union(*(lane.held for lane in self.lanes.values()))

    def poke(self, names: Iterable[str]) -> None:
        """Something was queued for these channels."""
        for name in names:
            lane = self.lanes.get(name)
            if lane is not None:
                lane.poke()

    def give_back(self, which: Callable[[Claim], bool] = _every) -> None:
        """Do not begin what is claimed and not begun: everything, or what ``which`` picks."""
        for lane in self.lanes.values():
            lane.give_back(which)

    def poke_all(self) -> None:
        """Look on every lane: a window grew, or the sweep came by."""
        for lane in self.lanes.values():
            lane.poke()

    def _ended(self, outcomes: list[tuple[Claim, Receipt]]) -> None:
        self._on_outcomes(outcomes)
        if any(not isinstance(receipt, Sent) for _, receipt in outcomes):
            self.poke_all()  # a ladder's next rung may be due on another channel

    async def abandon_overdue(self) -> None:
        """End the sends that exceed their channel's deadline: a tick."""
        for lane in self.lanes.values():
            lane.abandon_overdue()

    async def stop(self, patience_s: float = 5.0) -> None:
        """Stop claiming, let what is under way end for a while, then abandon it."""
        self._is_stopped = True
        for lane in self.lanes.values():
            lane.stop()
        await self._tasks.drain(patience_s)
        await self._tasks.stop()
        claiming = [lane.claiming for lane in self.lanes.values() if lane.claiming is not None]
        if claiming:
            await asyncio.wait(claiming, timeout=patience_s)
        # Two turns: one in which claims that came too late are given back, one in which that goes to the ledger.
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def to_delivery(claim: Claim, token: str = "") -> Delivery:
    """What the channel gets; a repeat carries the mark."""
    return Delivery(
        id=str(claim.seq),
        case_id=claim.case_id,
        channel=claim.key.channel,
        address=claim.key.address,
        text=REPEAT_MARK + claim.text if claim.repeat else claim.text,
        subject=REPEAT_MARK + claim.subject if claim.repeat and claim.subject else claim.subject,
        recipient=claim.recipient,
        priority=claim.priority,
        queue_class=claim.queue_class,
        attempt=claim.state.attempt,
        repeat=claim.repeat,
        avoid=claim.carrier if claim.state.attempt else "",
        code=claim.code,
        token=token,
    )
