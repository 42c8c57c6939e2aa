"""The way in for every alarm of every source: runs the stages and answers only after the commit (law 1).

One ``Pipeline`` per node, made by the app. ``accept`` costs no task: it returns the ledger's future.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from addispatch.domain.errors import Refused
from addispatch.domain.events import AlarmReachesNobody, AlarmRefused, Event
from addispatch.domain.result import Accepted
from addispatch.pipeline.check import check
from addispatch.pipeline.compose import Composer, Text
from addispatch.pipeline.desk import Desk
from addispatch.pipeline.draft import Draft, reaches_anybody
from addispatch.pipeline.enqueue import Order, store
from addispatch.pipeline.filter import Filter, filtered
from addispatch.pipeline.reach import Way, refuses_nothing, ways
from addispatch.pipeline.redelivery import Arrival, Redelivery
from addispatch.pipeline.route import Plan, Router, Target
from addispatch.store.ledger import Turn

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from addispatch.domain.addressbook import Directory
    from addispatch.domain.alarm import Alarm
    from addispatch.domain.case import Owner
    from addispatch.runtime.clock import Clock
    from addispatch.store.ledger import Ledger
    from addispatch.store.transaction import Transaction

#: Audiences whose ways are kept.
CACHE_COUNT = 4096
#: Refusals are told as events, but a flood of bad alarms must not become a flood of events.
REFUSALS_PER_MINUTE = 60


class Pipeline:
    """The stages, bound to one ledger and to the current snapshot of the directory."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        *,
        node: str,
        region: str,
        store_id: str,
        redelivery: Redelivery,
        first_number: int,
        max_segments: int,
        default_ttl_s: float | None,
        on_queued: Callable[[AbstractSet[str]], None],
        on_refused: Callable[[str], None] = lambda _field: None,
        filters: Sequence[Filter] = (),
        timezone: str = "UTC",
        public_url: str = "",
        owner: Callable[[Alarm], Owner] | None = None,
    ) -> None:
        #: Channels of the plugins that are on, whether one of them reads mail, and what they never take; set before
        #: ``use``.
        self.provided: AbstractSet[str] = frozenset()
        self.takes_mail = False
        self.refuses: Callable[[str, str], str] = refuses_nothing
        self.peer_number: Callable[[], str] = str
        self._timezone, self._public_url = timezone, public_url
        self._owner = owner
        self._ledger, self._clock = ledger, clock
        self._node, self._region, self._store_id = node, region, store_id
        self._redelivery, self._number = redelivery, first_number
        self._max_segments, self._default_ttl_s = max_segments, default_ttl_s
        self._on_queued, self._on_refused, self._filters = on_queued, on_refused, filters
        self._refusals = 0
        self._refusals_since_s = 0.0

    def use(self, directory: Directory) -> None:
        """Take a new snapshot of the directory into use."""
        self._router = Router(directory, self._region, directory.settings.short_codes)
        self._composer = Composer(directory, self._node, self._max_segments)
        self._ways: dict[tuple[str, tuple[str, ...], bool], list[Way]] = {}
        self.desk = Desk(
            directory=directory,
            provided=self.provided,
            max_segments=self._max_segments,
            timezone=self._timezone,
            public_url=self._public_url,
            takes_mail=self.takes_mail,
            refuses=self.refuses,
            peer_number=self.peer_number,
        )

    def accept(self, alarm: Alarm) -> asyncio.Future[Accepted]:
        """Take an alarm; see ``sdk.Context.accept``."""
        try:
            alarm = check(alarm)
        except Refused as error:
            return self._refuse(alarm, error)
        number: int | None = None
        if alarm.fingerprint is not None and alarm.id is None:
            known = self._redelivery.recognise(alarm.path, alarm.fingerprint, self._clock.monotonic_s())
            if known is not None:
                return self._again(alarm, known)
            number = self._number = self._number + 1
        future = self._enqueue(alarm, number)
        if number is not None and alarm.fingerprint is not None:
            self._redelivery.taken(alarm.path, Arrival(alarm.fingerprint, number, future))
        return future

    def checked(self, alarm: Alarm) -> Alarm:
        """Return the alarm as the pipeline would take it; raises ``Refused``."""
        return check(alarm)

    def plan(self, alarm: Alarm) -> tuple[Plan, list[tuple[Target, list[Draft]]]]:
        """Decide and compose, storing nothing."""
        plan = self._router.plan(alarm)
        drafts = [(target, self._draft(alarm, target, plan.events)) for target in plan.targets]
        if drafts and not reaches_anybody(drafts):
            before = len(plan.targets)
            self._router.fall_back(plan, alarm)
            drafts += [(target, self._draft(alarm, target, plan.events)) for target in plan.targets[before:]]
        if not drafts:
            why = "No route takes it, and there is neither a group 'default' nor a system-alert recipient."
            plan.events.append(AlarmReachesNobody(alarm.source, alarm.text, why))
        return plan, drafts

    def warnings(self, alarm: Alarm) -> list[str]:
        """What somebody who waits for an answer should know about an alarm that was taken: unknown names and alike."""
        if alarm.state == "cleared":
            return []
        plan, _ = self.plan(check(alarm))
        return [event.line for event in plan.events]

    def _enqueue(self, alarm: Alarm, number: int | None) -> asyncio.Future[Accepted]:
        events: Sequence[Event] = ()
        drafts: Sequence[tuple[Target, Sequence[Draft]]] = ()
        if alarm.state == "raised":
            plan, drafts = self.plan(alarm)
            events = plan.events
        if alarm.ttl_s is None and self._default_ttl_s is not None:
            alarm = alarm._replace(ttl_s=self._default_ttl_s)
        owner = self._owner(alarm) if self._owner is not None else None
        order = Order(alarm, drafts, events, self._store_id, self.desk, number, owner)
        clock = self._clock
        future = self._ledger.submit(lambda transaction: store(transaction, order, clock.now_ms()), Turn.INTAKE)
        if drafts:
            self._on_queued({draft.channel for _, made in drafts for draft in made})
        return future

    def _draft(self, alarm: Alarm, target: Target, events: list[Event]) -> list[Draft]:
        asks = alarm.ack_required or target.audience.policy is not None
        key = (target.audience.id, target.channels, asks)
        found = self._ways.get(key)
        if found is None:
            if len(self._ways) >= CACHE_COUNT:
                self._ways.clear()  # bare numbers and addresses come from outside: their number has no end
            found = self._ways[key] = ways(target, self.provided, everybody=asks, refuses=self.refuses)
        texts: dict[str, Text] = {}
        drafts: list[Draft] = []
        for way in found:
            text = texts.get(way.channel)
            if text is None:
                text = texts[way.channel] = self._composer.compose(alarm, target, way.channel, events)
            why_not = filtered(self._filters, alarm, way.recipient, way.channel) if self._filters else ""
            who = way.recipient
            drafts.append(
                Draft(
                    recipient_id=who.id,
                    recipient=who.name,
                    channel=way.channel,
                    address=way.address,
                    text=text.text,
                    subject=text.subject,
                    rung=way.rung,
                    step_after_s=who.step_after_s,
                    problem=way.problem,
                    filtered=why_not,
                    whole=text.whole,
                )
            )
        return drafts

    def _again(self, alarm: Alarm, known: Arrival) -> asyncio.Future[Accepted]:
        """Answer a redelivery once the first arrival is durable, and remember that it was confirmed only now."""
        path, fingerprint, clock = alarm.path, alarm.fingerprint, self._clock
        assert fingerprint is not None
        number = self._number = self._number + 1

        def unit(transaction: Transaction) -> None:
            # It moves to the ring's newest place, so that the places stay in the order of time.
            transaction.remember_intake(known.number, 0, path, fingerprint)
            transaction.remember_intake(number, clock.now_ms(), path, fingerprint)

        written = self._ledger.submit(unit)
        self._redelivery.taken(path, Arrival(fingerprint, number, known.future))
        return _after(known.future, written)

    def _refuse(self, alarm: Alarm, error: Refused) -> asyncio.Future[Accepted]:
        """Fail with the error, after an event about it is durable."""
        self._on_refused(error.field)
        answer: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        now_s = self._clock.monotonic_s()
        if now_s - self._refusals_since_s > 60:
            self._refusals, self._refusals_since_s = 0, now_s
        self._refusals += 1
        if self._refusals > REFUSALS_PER_MINUTE:
            answer.set_exception(error)
            return answer
        now_ms = self._clock.now_ms()
        event = AlarmRefused(alarm.source[:40], str(error))
        written = self._ledger.submit(lambda transaction: transaction.event(now_ms, event))

        def done(future: asyncio.Future[None]) -> None:
            if not answer.done():
                answer.set_exception(future.exception() or error)

        written.add_done_callback(done)
        return answer


def _after(first: asyncio.Future[Accepted] | None, written: asyncio.Future[None]) -> asyncio.Future[Accepted]:
    """Return a future for a duplicate: done when both are, failed only if the first one failed.

    Only that one holds the alarm; without the note of the second a crash right now could tell of it twice.
    """
    answer: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()

    def settle(_done: object) -> None:
        if answer.done() or not written.done() or not (first is None or first.done()):
            return
        error = first.exception() if first is not None else None
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(Accepted(alarm_id="", duplicate=True))

    for future in (first, written):
        if future is not None:
            future.add_done_callback(settle)
    return answer
