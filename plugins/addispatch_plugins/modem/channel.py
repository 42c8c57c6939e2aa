"""The channel ``sms``: spreads deliveries over the modems that work. Made by the plugin, called by the core."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from addispatch.sdk import Health, Permanent, Severity, Temporary, segment_count
from addispatch_plugins.modem.actor import SETTLED, State
from addispatch_plugins.modem.inbox import CHANNEL

if TYPE_CHECKING:
    from addispatch.sdk import Context, Delivery, Receipt
    from addispatch_plugins.modem.actor import Modem
    from addispatch_plugins.modem.link import Deadlines

#: What may reach an AT command. gammu checks nothing: a number with a line end in it would run commands.
NUMBER = re.compile(r"\+?[0-9]{3,15}")
#: Longest time a modem may be busy with what it received, in seconds.
POLL_S = 180.0
#: Longest text, in parts.
MAX_PARTS = 10


class SmsChannel:
    """Round-robin over the modems online, one delivery at a time each."""

    name = CHANNEL

    def __init__(self, context: Context, deadlines: Deadlines) -> None:
        self.modems: list[Modem] = []
        self._context = context
        # The modem's own deadlines fire first; this one is the core's last resort. The modem may be polling just now.
        self.deadline_s = MAX_PARTS * deadlines.send_s + POLL_S
        self._last = -1
        self._online_count = 0
        self._told_down = self._stopped = False

    @property
    def window(self) -> int:
        """How many modems are online."""
        return len(self._online())

    @property
    def health(self) -> Health:
        """Up while one modem is online; else why each of them is not."""
        if self._stopped:
            return Health(up=False, reason="the modem plugin has stopped")
        if self._online():
            return Health(up=True)
        reasons = "; ".join(f"{modem.name}: {modem.trouble}" for modem in self.modems)
        return Health(up=False, reason=f"No working modem found. {reasons or 'None is configured.'}")

    async def send(self, delivery: Delivery) -> Receipt:
        """Send by the next modem in turn; by the one to avoid only if there is no other."""
        if not NUMBER.fullmatch(delivery.address):
            return Permanent(f"{delivery.address!r} is no phone number")
        if (parts := segment_count(delivery.text)) > MAX_PARTS:
            return Permanent(f"the text takes {parts} parts, more than {MAX_PARTS}")
        modem = self._choose(delivery.avoid)
        if modem is None:
            return Temporary(self.health.reason)
        return await modem.send(delivery)

    def stop(self) -> None:
        """Take nothing more."""
        self._stopped = True

    def modem_changed(self) -> None:
        """Tell the core about a window that grew, and everybody when the last modem is gone."""
        online_count = len(self._online())
        if online_count > self._online_count:
            self._told_down = False
            self._context.window_changed()
        self._online_count = online_count
        if self._stopped or online_count or self._told_down:
            return
        if all(modem.state in SETTLED for modem in self.modems):
            self._told_down = True
            self._context.event(self.health.reason, severity=Severity.SEVERE, kind="no_modem")

    def _online(self) -> list[Modem]:
        return [] if self._stopped else [modem for modem in self.modems if modem.state is State.ONLINE]

    def _choose(self, avoid: str) -> Modem | None:
        """Return the next online modem in turn, those with the least to do first."""
        online = self._online()
        candidates = [modem for modem in online if modem.name != avoid] or online
        if not candidates:
            return None
        count = len(self.modems)
        turn = {modem.name: (index - self._last - 1) % count for index, modem in enumerate(self.modems)}
        chosen = min(candidates, key=lambda modem: (len(modem.pending), turn[modem.name]))
        self._last = self.modems.index(chosen)
        return chosen
