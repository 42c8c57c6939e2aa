"""How a node of the simulator sends and escalates: the rules SEND and what is due. Used by ``daemon``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sim.disk import Clock, Disk
from sim.plan import CHANNEL

from addispatch.domain.case import Case, DeliveryKey, DeliveryState, Fact, Phase
from addispatch.domain.case_state import Answer, asks, everybody_declined, is_answered, policy_of, roll_call
from addispatch.domain.escalation import following, is_ended, wait_s

#: Back-off after a hand-over that failed, first and longest.
FIRST_S, LONGEST_S = 0.5, 4.0


class View(NamedTuple):
    """What follows from a case for sending and escalating; kept until the case changes."""

    case: Case
    owner: str
    due: tuple[tuple[DeliveryKey, DeliveryState], ...]
    #: Seconds from the hand-over to the next step; None: there is none.
    wait_s: float | None
    max_send_wait_s: float
    is_declined: bool


def view_of(case: Case) -> View:
    if case.head is None:
        return View(case, case.owner.store, (), None, 0.0, is_declined=False)
    due = tuple((key, state) for key, state in asks(case) if state.is_pending and not is_answered(case, key.recipient))
    policy = policy_of(case)
    escalates = bool(case.head.policy) and not is_ended(policy, case.position) and not is_over(case)
    wait = wait_s(policy, case.position) if escalates else None
    return View(case, case.owner.store, due, wait, policy.max_send_wait_s, escalates and everybody_declined(case))


def is_over(case: Case) -> bool:
    """Whether nobody is to be asked any more: acknowledged, cleared or closed."""
    return is_answered(case, "nobody in particular")


class Sending:
    """The part of a daemon that hands texts to the modem and takes steps."""

    def _view(self, ident: str, case: Case) -> View:
        view = self._views.get(ident)
        if view is None or view.case is not case:
            view = self._views[ident] = view_of(case)
        return view

    def look(self) -> None:
        """What is due?"""
        disk, now_s = self.disk, self.world.now_s
        if not self.node.is_settled or self.node.is_leaving or disk.pause.on:
            return
        for ident, case in disk.cases.items():
            view = self._view(ident, case)
            if view.owner != disk.store:
                continue
            if view.due and not self.is_busy and self.host.seems_up:
                for key, state in view.due:
                    if self._due_s.get((ident, key), 0.0) <= now_s:
                        self._send(ident, key, state)
                        break
            if view.wait_s is not None and ident not in self._stepping and self._is_step_due(ident, view, now_s):
                self._stepping.add(ident)
                self.commit(
                    lambda disk, i=ident, v=view: self._next(disk, i, v),  # type: ignore[misc]
                    lambda i=ident: self._stepping.discard(i),  # type: ignore[misc]
                    lambda i=ident: self._stepping.discard(i),  # type: ignore[misc]
                )

    def _is_step_due(self, ident: str, view: View, now_s: float) -> bool:
        clock = self.disk.clocks[ident]
        if view.is_declined:
            return True
        assert view.wait_s is not None
        begun_s = clock.handed_s if clock.handed_s is not None else clock.queued_s + view.max_send_wait_s
        return self._clock_s >= begun_s + view.wait_s

    def _next(self, disk: Disk, ident: str, view: View) -> list[Case]:
        case = disk.cases[ident]
        if case.position != view.case.position or case.owner.store != disk.store or is_over(case) or disk.pause.on:
            return []
        policy = policy_of(case)
        position = following(policy, case.position)
        who: Iterable[str] = ()
        if not is_ended(policy, position):
            level = policy.levels[position.level - 1]
            answers = roll_call(case).answers if level.resend else {}
            who = [*level.to, *(name for name, answer in answers.items() if answer is Answer.PENDING)]
        self.world.oracle.stepped(self.host.rank, case, view.is_declined)
        disk.clocks[ident] = Clock(position, self._clock_s, None)
        pending = {DeliveryKey(*position, name, CHANNEL, name): DeliveryState() for name in who}
        return [Case(ident, position=position, deliveries=pending)]

    def _send(self, ident: str, key: DeliveryKey, state: DeliveryState) -> None:
        self.in_hand = (ident, key)
        sending = state._replace(phase=Phase.SENDING)

        def make(disk: Disk) -> list[Case]:
            if self._may_send(disk, ident, key, state):
                self.world.oracle.marked(ident, key)
                return [Case(ident, deliveries={key: sending})]
            return []

        def then() -> None:
            if self.disk.cases[ident].deliveries[key] != sending:
                self._free()
            elif self.rng.random() < 0.3:  # something else is on the wire
                self.world.after(self.rng.uniform(0.0, 0.4), self.call, self._hand_over, ident, key, sending)
            else:
                self._hand_over(ident, key, sending)

        self.commit(make, then, self._free)

    def _hand_over(self, ident: str, key: DeliveryKey, state: DeliveryState) -> None:
        if self._may_send(self.disk, ident, key, state) or not self.world.rules.rechecks:
            self.host.modem.send(self, ident, key, lambda what: self._ended(ident, key, state, what))
        else:
            self._record_outcome(ident, key, DeliveryState(Fact.NONE, state.attempt + 1), 0.0)

    def _may_send(self, disk: Disk, ident: str, key: DeliveryKey, state: DeliveryState) -> bool:
        case = disk.cases[ident]
        return (
            case.deliveries[key] == state
            and case.owner.store == disk.store
            and self.node.is_settled
            and not disk.pause.on
            and not is_answered(case, key.recipient)
        )

    def _free(self) -> None:
        self.in_hand = None

    @property
    def is_busy(self) -> bool:
        """Whether the modem, or the ledger for it, is at work."""
        return self.in_hand is not None

    def _ended(self, ident: str, key: DeliveryKey, state: DeliveryState, what: str) -> None:
        if what == "sent":
            self._record_outcome(ident, key, DeliveryState(Fact.SENT, state.attempt), 0.0)
            return
        pause_s = 0.0 if what == "in doubt" else min(LONGEST_S, FIRST_S * 2**state.attempt)
        if what == "in doubt" and self.world.rules.doubt_fails:
            self._record_outcome(ident, key, DeliveryState(Fact.FAILED, state.attempt), 0.0)
            return
        self._record_outcome(ident, key, DeliveryState(Fact.NONE, state.attempt + 1), pause_s)

    def _record_outcome(self, ident: str, key: DeliveryKey, state: DeliveryState, pause_s: float) -> None:
        """Keep the place taken until the ledger has it: what was sent must not be forgotten."""
        self._due_s[(ident, key)] = self.world.now_s + pause_s

        def make(disk: Disk) -> list[Case]:
            if state.fact is Fact.SENT and disk.cases[ident].position == key[:2]:
                clock = disk.clocks[ident]
                if clock.handed_s is None:
                    disk.clocks[ident] = clock._replace(handed_s=self._clock_s)
            return [Case(ident, deliveries={key: state})]

        self.commit(make, self._free, lambda: self._record_outcome(ident, key, state, pause_s))
