"""The modems together: which of them work, and whose turn it is. Made by the plugin, shared by its channels."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from addispatch.sdk import Health, Permanent, Sent, Severity
from addispatch_plugins.modem.actor import SETTLED, State
from addispatch_plugins.modem.prefixes import groups

if TYPE_CHECKING:
    from addispatch.sdk import Context, Receipt
    from addispatch_plugins.modem.actor import Modem
    from addispatch_plugins.modem.budget import Budget

#: A modem that could not send is the last choice for so long.
FAILED_S = 30.0
#: CSQ below it is "very poor"; such a modem counts as having so many texts more to do.
WEAK_CSQ, WEAK_LOAD = 10, 2
#: It is told once in so long that a number went by a modem that is for others.
STRAY_S = 3600.0
#: How often the caps are looked at when nothing happens: a day ends by itself.
LOOK_S = 300.0
#: How often a text looks again that waits behind another one; the end of that one wakes it, too.
HELD_S = 1.0
NEVER_S = float("-inf")


@dataclass(slots=True, eq=False)
class Carrier:
    """A modem and what decides whether it gets the next text.

    ``text_count`` texts were given to it and are not back. ``held_by`` is the ordinary text that waits for its tokens.
    """

    modem: Modem
    prefixes: tuple[str, ...]
    budget: Budget
    text_count: int = 0
    held_by: object = None
    failed_at_s: float = NEVER_S
    strayed_at_s: float = NEVER_S

    @property
    def name(self) -> str:
        """The modem's name."""
        return self.modem.name


class Wanted(NamedTuple):
    """What a modem is looked for: a number, how many parts (0: a call), whether it is an emergency, who asks."""

    number: str
    parts: int = 0
    urgent: bool = False
    avoid: str = ""
    asker: object = None


class Wait(NamedTuple):
    """No modem now: look again after so long, or when something changes. ``is_capped``: only a cap forbids it."""

    seconds: float
    is_capped: bool = False


class Fleet:
    """Who is next: of the modems for a number those that may send now, those with the least to do first, in turn."""

    def __init__(self, context: Context) -> None:
        self.carriers: list[Carrier] = []
        self._context = context
        self._last = -1
        self._online_count = 0
        self._told_down = self._stopped = False
        self._changed = asyncio.Event()

    def add(self, modem: Modem, prefixes: tuple[str, ...], budget: Budget) -> None:
        """Take one more modem into the fleet; before the start only."""
        self.carriers.append(Carrier(modem, prefixes, budget))

    @property
    def modems(self) -> list[Modem]:
        """All modems."""
        return [carrier.modem for carrier in self.carriers]

    @property
    def online(self) -> list[Carrier]:
        """The modems that can be used now; none after ``stop``."""
        return [] if self._stopped else [one for one in self.carriers if one.modem.state is State.ONLINE]

    @property
    def health(self) -> Health:
        """Up while one modem is online; else why each of them is not."""
        if self._stopped:
            return Health(up=False, reason="the modem plugin has stopped")
        if self.online:
            return Health(up=True)
        reasons = "; ".join(f"{modem.name}: {modem.trouble}" for modem in self.modems)
        return Health(up=False, reason=f"No working modem found. {reasons or 'None is configured.'}")

    # -- choosing ------------------------------------------------------------------------------------------------

    def choose(self, wanted: Wanted) -> Carrier | Wait | None:
        """Return the modem whose turn it is, how long to wait for one, or None while none is online.

        An ordinary text that has to wait holds the modem that will be ready first, so that shorter ones do not take its
        tokens again and again; emergencies pass it.
        """
        self.release(wanted.asker)
        online = self.online
        if not online:
            return None
        parts, urgent = wanted.parts, wanted.urgent
        affordable = [one for one in online if not one.budget.is_capped(parts, urgent=urgent)]
        if not affordable:
            return Wait(min(one.budget.cap_left_s(parts, urgent=urgent) for one in online), is_capped=True)
        waits = {one: one.budget.wait_s(parts, urgent=urgent) for one in affordable}
        if urgent:  # better by another modem than later
            affordable = [one for one in affordable if waits[one] == 0] or affordable
        group = self._group(wanted, affordable)
        ready = [one for one in group if waits[one] == 0 and (urgent or parts == 0 or one.held_by is None)]
        if not ready:
            soonest = min(group, key=lambda one: (not urgent and one.held_by is not None, waits[one]))
            if urgent:
                return Wait(waits[soonest])
            if soonest.held_by is not None:
                return Wait(max(waits[soonest], HELD_S))
            soonest.held_by = wanted.asker
            return Wait(waits[soonest])
        chosen = min(ready, key=self._rank)
        self._last = self.carriers.index(chosen)
        self._tell_stray(chosen, wanted)
        return chosen

    def _group(self, wanted: Wanted, carriers: list[Carrier]) -> list[Carrier]:
        """The best group for the number; those that just failed only if there is nothing else."""
        fresh = [one for one in carriers if one.name != wanted.avoid and not self._has_failed(one)]
        others = [one for one in carriers if one.name != wanted.avoid]
        return groups(wanted.number, ((one, one.prefixes) for one in fresh or others or carriers))[0]

    def _rank(self, carrier: Carrier) -> tuple[int, int]:
        csq = carrier.modem.radio.csq
        weak = WEAK_LOAD if csq is not None and csq < WEAK_CSQ else 0
        turn = (self.carriers.index(carrier) - self._last - 1) % len(self.carriers)
        return carrier.modem.load + weak, turn

    def _tell_stray(self, chosen: Carrier, wanted: Wanted) -> None:
        """Say that another modem than the one meant for the number is used; not for each text."""
        meant = groups(wanted.number, ((one, one.prefixes) for one in self.carriers))[0]
        now_s = self._now_s
        if chosen in meant or now_s - chosen.strayed_at_s < STRAY_S:
            return
        chosen.strayed_at_s = now_s
        names = ", ".join(one.name for one in meant)
        text = f"{wanted.number} goes by modem {chosen.name}: {names}, meant for such numbers, cannot take it now"
        self._context.event(text, kind="modem_prefix", modem=chosen.name)

    # -- what happened -------------------------------------------------------------------------------------------

    def ended(self, carrier: Carrier, receipt: Receipt | None) -> None:
        """Take note of how the modem did; None: it was given up."""
        carrier.failed_at_s = NEVER_S if isinstance(receipt, (Sent, Permanent)) else self._now_s
        self.wake()

    def has_fresh(self, wanted: Wanted, *, but: Carrier) -> bool:
        """Whether another modem could take it that has not just failed, too."""
        return any(
            one is not but
            and not self._has_failed(one)
            and not one.budget.is_capped(wanted.parts, urgent=wanted.urgent)
            for one in self.online
        )

    def release(self, asker: object) -> None:
        """Let go the modem this one waited for, if any."""
        for one in self.carriers:
            if asker is not None and one.held_by is asker:
                one.held_by = None

    def stop(self) -> None:
        """Give out no modem any more, and let those that ring hang up."""
        self._stopped = True
        for modem in self.modems:
            modem.stop_calls()
        self.wake()

    def modem_changed(self) -> None:
        """Tell the core about a window that grew, and everybody when the last modem is gone."""
        online_count = len(self.online)
        if online_count > self._online_count:
            self._told_down = False
            self._context.window_changed()
        self._online_count = online_count
        self.wake()
        if self._stopped or online_count or self._told_down:
            return
        if all(modem.state in SETTLED for modem in self.modems):
            self._told_down = True
            self._context.event(self.health.reason, severity=Severity.SEVERE, kind="no_modem")

    # -- waiting -------------------------------------------------------------------------------------------------

    def idle_count(self, *, urgent: bool) -> int:
        """How many modems have no text and may send one part now."""
        count = 0
        for one in self.online:
            if one.text_count == 0 and (urgent or one.held_by is None) and one.budget.is_open(urgent=urgent):
                count += 1
        return count

    async def change(self, within_s: float) -> None:
        """Wait until something changed, at most so long."""
        changed = self._changed
        try:
            async with asyncio.timeout(within_s):
                await changed.wait()
        except TimeoutError:
            return

    async def pace(self) -> None:
        """Tell the core when tokens come back or a cap begins anew, for ever. Supervised by the plugin."""
        before = (0, 0, 0)
        while True:
            now = len(self.online), self.idle_count(urgent=False), self.idle_count(urgent=True)
            # Of a modem that came the core has heard already.
            if now[0] == before[0] and (now[1] > before[1] or now[2] > before[2]):
                self._context.window_changed()
            before = now
            await self.change(min([LOOK_S, *(one.budget.next_change_s() for one in self.carriers)]))
            for one in self.carriers:
                one.budget.tell()

    def wake(self) -> None:
        """Let whoever waits look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    @property
    def _now_s(self) -> float:
        return self._context.clock.monotonic_s()

    def _has_failed(self, carrier: Carrier) -> bool:
        return self._now_s - carrier.failed_at_s < FAILED_S
