"""The modems together: which of them work, and whose turn it is. Made by the plugin, shared by its channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.sdk import Health, Severity
from addispatch_plugins.modem.actor import SETTLED, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from addispatch.sdk import Context
    from addispatch_plugins.modem.actor import Modem


class Fleet:
    """Round-robin over the modems online, those with the least to do first."""

    def __init__(self, context: Context) -> None:
        self.modems: Sequence[Modem] = ()
        self._context = context
        self._last = -1
        self._online_count = 0
        self._told_down = self._stopped = False

    @property
    def online(self) -> list[Modem]:
        """The modems that can be used now; none after ``stop``."""
        return [] if self._stopped else [modem for modem in self.modems if modem.state is State.ONLINE]

    @property
    def health(self) -> Health:
        """Up while one modem is online; else why each of them is not."""
        if self._stopped:
            return Health(up=False, reason="the modem plugin has stopped")
        if self.online:
            return Health(up=True)
        reasons = "; ".join(f"{modem.name}: {modem.trouble}" for modem in self.modems)
        return Health(up=False, reason=f"No working modem found. {reasons or 'None is configured.'}")

    def choose(self, avoid: str) -> Modem | None:
        """Return the next online modem in turn; the one to avoid only if there is no other."""
        online = self.online
        candidates = [modem for modem in online if modem.name != avoid] or online
        if not candidates:
            return None
        count = len(self.modems)
        turn = {modem.name: (index - self._last - 1) % count for index, modem in enumerate(self.modems)}
        chosen = min(candidates, key=lambda modem: (modem.load, turn[modem.name]))
        self._last = self.modems.index(chosen)
        return chosen

    def stop(self) -> None:
        """Give out no modem any more, and let those that ring hang up."""
        self._stopped = True
        for modem in self.modems:
            modem.stop_calls()

    def modem_changed(self) -> None:
        """Tell the core about a window that grew, and everybody when the last modem is gone."""
        online_count = len(self.online)
        if online_count > self._online_count:
            self._told_down = False
            self._context.window_changed()
        self._online_count = online_count
        if self._stopped or online_count or self._told_down:
            return
        if all(modem.state in SETTLED for modem in self.modems):
            self._told_down = True
            self._context.event(self.health.reason, severity=Severity.SEVERE, kind="no_modem")
