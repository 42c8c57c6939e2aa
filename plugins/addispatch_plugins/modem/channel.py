"""The channels ``sms`` and ``voice``: check a delivery, give it to a modem. Made by the plugin, called by the core."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from addispatch.sdk import Permanent, QueueClass, Sent, Severity, Temporary, segment_count
from addispatch_plugins.modem.fleet import Carrier, Wanted
from addispatch_plugins.modem.inbox import CHANNEL
from addispatch_plugins.modem.jobs import GIVE_WAY_S, RING_PAUSE_S, VOICE
from addispatch_plugins.modem.prefixes import matching

if TYPE_CHECKING:
    from addispatch.sdk import Context, Delivery, Health, Receipt
    from addispatch_plugins.modem.config import ModemPluginConfig
    from addispatch_plugins.modem.fleet import Fleet
    from addispatch_plugins.modem.link import Deadlines

#: What may reach an AT command. gammu checks nothing: a number with a line end in it would run commands.
NUMBER = re.compile(r"\+?[0-9]{3,15}")
#: Longest time a modem may be busy with what it received, in seconds.
POLL_S = 180.0
#: Longest text, in parts.
MAX_PARTS = 10
#: How long a text that the core gave us waits for tokens: ten parts at one a minute.
WAIT_S = 600.0
#: A number that is not allowed is told once in so long; no more numbers than this are remembered.
REFUSED_S, MAX_REFUSED = 3600.0, 1000


class _ModemChannel:
    """What both have in common: the modems, and that numbers are checked before anything else."""

    name = ""

    def __init__(self, fleet: Fleet, context: Context, config: ModemPluginConfig) -> None:
        self._fleet, self._context, self._config = fleet, context, config
        self._refused_at_s: dict[str, float] = {}

    @property
    def health(self) -> Health:
        """Up while one modem is online; else why each of them is not."""
        return self._fleet.health

    def refuses(self, address: str) -> str:
        """Why nothing goes to this number, if so."""
        if not NUMBER.fullmatch(address):
            return f"{address!r} is no phone number"
        if self._is_barred(address):
            return f"{address} begins with none of allowed_prefixes"
        return ""

    def _is_barred(self, number: str) -> bool:
        allowed = self._config.allowed_prefixes
        return bool(allowed) and not matching(number, allowed)

    def _problem(self, delivery: Delivery) -> str:
        """Why this will never go, if so; a number that is not allowed is told."""
        problem = self.refuses(delivery.address)
        if problem and NUMBER.fullmatch(delivery.address):
            self._tell_refused(delivery.address)
        return problem

    def _tell_refused(self, number: str) -> None:
        now_s = self._context.clock.monotonic_s()
        if now_s - self._refused_at_s.get(number, -REFUSED_S) < REFUSED_S:
            return
        if len(self._refused_at_s) >= MAX_REFUSED:
            self._refused_at_s.clear()
        self._refused_at_s[number] = now_s
        text = f"Nothing goes by {self.name} to {number}: it begins with none of allowed_prefixes"
        self._context.event(text, severity=Severity.WARNING, kind="modem_refused")

    def _finished(self, receipt: Receipt, wanted: Wanted, carrier: Carrier) -> Receipt:
        """Send it on at once only if there is a modem that can take it."""
        if isinstance(receipt, Temporary) and receipt.other:
            return replace(receipt, other=self._fleet.has_fresh(wanted, but=carrier))
        return receipt


class SmsChannel(_ModemChannel):
    """Texts, one at a time for each modem, as fast as the SIMs may."""

    name = CHANNEL

    def __init__(self, fleet: Fleet, context: Context, config: ModemPluginConfig, deadlines: Deadlines) -> None:
        super().__init__(fleet, context, config)
        self._taken_count = self._recall_count = 0
        # The modem's own deadlines fire first; this one is the core's last resort. The modem may be polling just now,
        # or ring a phone.
        self.deadline_s = WAIT_S + MAX_PARTS * deadlines.send_s + POLL_S + _ring_s(deadlines, config)

    @property
    def window(self) -> int:
        """What is under way, and one more for each modem without a text that may send one; never more than modems."""
        return min(len(self._fleet.online), self._taken_count + self._fleet.idle_count(urgent=False))

    @property
    def reserve(self) -> int:
        """One emergency for each modem without a text that still has tokens for it, as far as not in the window."""
        idle_count = self._fleet.idle_count(urgent=True)
        return max(0, self._taken_count + idle_count - self.window) if idle_count else 0

    async def send(self, delivery: Delivery) -> Receipt:
        """Send by the best modem; wait for its tokens. By the one to avoid only if there is no other."""
        if problem := self._problem(delivery):
            return Permanent(problem)
        parts = segment_count(delivery.text)
        if parts > MAX_PARTS:
            return Permanent(f"the text takes {parts} parts, more than {MAX_PARTS}")
        urgent = delivery.queue_class is QueueClass.EMERGENCY
        wanted = Wanted(delivery.address, parts, urgent, delivery.avoid, object())
        self._taken_count += 1
        try:
            carrier = await self._turn(wanted)
            return await self._send(delivery, wanted, carrier) if isinstance(carrier, Carrier) else carrier
        finally:
            self._taken_count -= 1
            self._fleet.release(wanted.asker)

    async def _turn(self, wanted: Wanted) -> Carrier | Temporary:
        """Wait for a modem; a cap is not waited for, and a modem that is not there neither."""
        now_s = self._context.clock.monotonic_s
        until_s, recall_count = now_s() + WAIT_S, self._recall_count
        while self._recall_count == recall_count:
            found = self._fleet.choose(wanted)
            if found is None:
                return Temporary(self.health.reason)
            if isinstance(found, Carrier):
                return found
            if found.is_capped:
                return Temporary("the cap of each SIM is used up", retry_after_s=found.seconds)
            if now_s() >= until_s:
                return Temporary("no SIM may send so many parts now", retry_after_s=found.seconds)
            await self._fleet.change(found.seconds)
        return Temporary("sending was paused before it could go")

    def recall(self) -> None:
        """Give back the texts that wait for tokens: nothing more is to leave."""
        self._recall_count += 1
        self._fleet.wake()

    async def _send(self, delivery: Delivery, wanted: Wanted, carrier: Carrier) -> Receipt:
        parts, receipt = wanted.parts, None
        carrier.budget.take(parts, urgent=wanted.urgent)
        carrier.text_count += 1
        try:
            receipt = await carrier.modem.send(delivery, flash=self._is_flash(delivery))
        finally:
            carrier.text_count -= 1
            # What is in doubt, or given up by the core, counts as sent.
            if isinstance(receipt, (Sent, Temporary, Permanent)):
                carrier.budget.give_back(max(parts - receipt.parts, 0))
            self._fleet.ended(carrier, receipt)
        return self._finished(receipt, wanted, carrier)

    def _is_flash(self, delivery: Delivery) -> bool:
        """Only alarms flash: an answer to somebody is better kept by his phone."""
        if delivery.queue_class > QueueClass.ALARM:
            return False
        return self._config.flash or delivery.priority in self._config.flash_priorities


class VoiceChannel(_ModemChannel):
    """Calls that ring and say nothing: the text is not used, and nothing the called party does has a meaning."""

    name = VOICE

    def __init__(self, fleet: Fleet, context: Context, config: ModemPluginConfig, deadlines: Deadlines) -> None:
        super().__init__(fleet, context, config)
        # Before each ring the modem may poll, pause, give way to texts and finish the one it has begun.
        waits_s = POLL_S + RING_PAUSE_S + GIVE_WAY_S + MAX_PARTS * deadlines.send_s
        most_rings = max((modem.ring_repeat for modem in config.modem), default=1)
        self.deadline_s = most_rings * (waits_s + _ring_s(deadlines, config))

    @property
    def window(self) -> int:
        """How many modems are online."""
        return len(self._fleet.online)

    async def send(self, delivery: Delivery) -> Receipt:
        """Ring by the best modem; by the one to avoid only if there is no other. Calls cost no tokens."""
        if problem := self._problem(delivery):
            return Permanent(problem)
        wanted = Wanted(delivery.address, avoid=delivery.avoid)
        carrier = self._fleet.choose(wanted)
        if not isinstance(carrier, Carrier):
            return Temporary(self.health.reason)
        return self._finished(await carrier.modem.send(delivery), wanted, carrier)


def _ring_s(deadlines: Deadlines, config: ModemPluginConfig) -> float:
    """Longest time of one ring, dialling and hanging up included."""
    return deadlines.call_s + max((modem.ring_s for modem in config.modem), default=0.0)
