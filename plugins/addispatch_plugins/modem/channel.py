"""The channels ``sms`` and ``voice``: check a delivery, give it to a modem. Made by the plugin, called by the core."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from addispatch.sdk import Permanent, Temporary, segment_count
from addispatch_plugins.modem.inbox import CHANNEL
from addispatch_plugins.modem.jobs import GIVE_WAY_S, RING_PAUSE_S, VOICE

if TYPE_CHECKING:
    from addispatch.sdk import Delivery, Health, Receipt
    from addispatch_plugins.modem.config import ModemConfig
    from addispatch_plugins.modem.fleet import Fleet
    from addispatch_plugins.modem.link import Deadlines

#: What may reach an AT command. gammu checks nothing: a number with a line end in it would run commands.
NUMBER = re.compile(r"\+?[0-9]{3,15}")
#: Longest time a modem may be busy with what it received, in seconds.
POLL_S = 180.0
#: Longest text, in parts.
MAX_PARTS = 10


class _ModemChannel:
    """What both have in common: the modems, and that numbers are checked before anything else."""

    name = ""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    @property
    def window(self) -> int:
        """How many modems are online."""
        return len(self._fleet.online)

    @property
    def health(self) -> Health:
        """Up while one modem is online; else why each of them is not."""
        return self._fleet.health

    async def send(self, delivery: Delivery) -> Receipt:
        """Send by the next modem in turn; by the one to avoid only if there is no other."""
        if not NUMBER.fullmatch(delivery.address):
            return Permanent(f"{delivery.address!r} is no phone number")
        if problem := self._problem(delivery):
            return Permanent(problem)
        modem = self._fleet.choose(delivery.avoid)
        if modem is None:
            return Temporary(self.health.reason)
        return await modem.send(delivery)

    def _problem(self, delivery: Delivery) -> str:
        """Why this will never go, if so."""
        del delivery
        return ""


class SmsChannel(_ModemChannel):
    """Texts, one at a time for each modem."""

    name = CHANNEL

    def __init__(self, fleet: Fleet, deadlines: Deadlines, modems: tuple[ModemConfig, ...]) -> None:
        super().__init__(fleet)
        # The modem's own deadlines fire first; this one is the core's last resort. The modem may be polling just now,
        # or ring a phone.
        self.deadline_s = MAX_PARTS * deadlines.send_s + POLL_S + _ring_s(deadlines, modems)

    def _problem(self, delivery: Delivery) -> str:
        parts = segment_count(delivery.text)
        return f"the text takes {parts} parts, more than {MAX_PARTS}" if parts > MAX_PARTS else ""


class VoiceChannel(_ModemChannel):
    """Calls that ring and say nothing: the text is not used, and nothing the called party does has a meaning."""

    name = VOICE

    def __init__(self, fleet: Fleet, deadlines: Deadlines, modems: tuple[ModemConfig, ...]) -> None:
        super().__init__(fleet)
        # Before each ring the modem may poll, pause, give way to texts and finish the one it has begun.
        waits_s = POLL_S + RING_PAUSE_S + GIVE_WAY_S + MAX_PARTS * deadlines.send_s
        most_rings = max((modem.ring_repeat for modem in modems), default=1)
        self.deadline_s = most_rings * (waits_s + _ring_s(deadlines, modems))


def _ring_s(deadlines: Deadlines, modems: tuple[ModemConfig, ...]) -> float:
    """Longest time of one ring, dialling and hanging up included."""
    return deadlines.call_s + max((modem.ring_s for modem in modems), default=0.0)
