"""The running modem plugin: modems under supervision and the channels over them. Created by the host."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import TYPE_CHECKING, Any

from addispatch.sdk import Finding, PluginError
from addispatch_plugins.modem.actor import Modem, State
from addispatch_plugins.modem.budget import Budget
from addispatch_plugins.modem.channel import SmsChannel, VoiceChannel
from addispatch_plugins.modem.document import examine
from addispatch_plugins.modem.fleet import Fleet
from addispatch_plugins.modem.identity import Claims
from addispatch_plugins.modem.link import Deadlines
from addispatch_plugins.modem.process import ModemError

if TYPE_CHECKING:
    from collections.abc import Callable

    from addispatch.sdk import Channel, Context
    from addispatch_plugins.modem.config import ModemPluginConfig

#: How long a message that is being sent may take at a stop; after that it is in doubt.
FINISH_S = 5.0


class ModemPlugin:
    """Instance of the plugin. ``deadlines`` are shorter in tests only."""

    def __init__(self, config: ModemPluginConfig, context: Context, deadlines: Deadlines | None = None) -> None:
        self._context = context
        deadlines = deadlines or Deadlines()
        self.fleet = fleet = Fleet(context)
        claims = Claims()
        for one in config.modem:
            modem = Modem(one, context, fleet.modem_changed, deadlines, claims)
            fleet.add(modem, one.prefixes, Budget(one, context))
        self._sms = SmsChannel(fleet, context, config, deadlines)
        self.channels: tuple[Channel, ...] = (self._sms, VoiceChannel(fleet, context, config, deadlines))
        self._unsubscribe: Callable[[], None] | None = None
        self._runs = False

    async def self_check(self) -> None:
        """Check that gammu is installed; whether the modems are there shows later, and they may come at any time."""
        for library in ("gammu", "serial"):
            if importlib.util.find_spec(library) is None:
                raise PluginError(f"the library {library} is not installed; install python-gammu and pyserial")
        if self._context.is_trial:
            await self._insist_on_a_port()

    async def _insist_on_a_port(self) -> None:
        """End a trial that can only wait: the daemon has all the ports and keeps them."""
        if self.fleet.modems and all(await asyncio.gather(*(_is_in_use(modem) for modem in self.fleet.modems))):
            names = ", ".join(modem.name for modem in self.fleet.modems)
            raise PluginError(f"another program has the port of {names}: stop it first (perhaps the daemon)")

    async def start(self) -> None:
        """Bring up all modems, at the same time and without waiting for them."""
        self._runs = True
        for modem in self.fleet.modems:
            self._context.supervise(f"modem {modem.name}", modem.run)
        self._context.supervise("modem pace", self.fleet.pace)
        self._unsubscribe = self._context.subscribe(self._heard)

    def _heard(self, event: dict[str, Any]) -> None:
        """An emergency pause holds what has not begun to leave."""
        if event.get("kind") == "Paused":
            self._sms.recall()

    async def stop(self) -> None:
        """Let messages finish that are being sent, and calls hang up; the host then ends the tasks and the children."""
        self.fleet.stop()
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        if pending := [done for modem in self.fleet.modems for done in modem.pending]:
            await asyncio.wait(pending, timeout=FINISH_S)

    async def examine(self) -> list[Finding]:
        """Say how each modem is; before the start they are asked who they are, all at once."""
        findings = await asyncio.gather(*(examine(modem, runs=self._runs) for modem in self.fleet.modems))
        return list(findings) or [Finding("modems", problem="none is configured", advice="addispatch modems --scan")]

    def modems(self) -> list[dict[str, Any]]:
        """One document per modem: CONTRACT's keys and how many messages it sent and failed to send."""
        return [one.modem.document() | one.budget.document() for one in self.fleet.carriers]

    def status_line(self) -> str:
        """Say how many modems work."""
        online = [modem for modem in self.fleet.modems if modem.state is State.ONLINE]
        shown = "; ".join(f"{modem.name} {modem.radio}" for modem in online)
        return f"{len(online)} of {len(self.fleet.modems)} modems online" + (f": {shown}" if shown else "")


async def _is_in_use(modem: Modem) -> bool:
    """Whether another program has the port of a modem that does not run here."""
    try:
        await modem.place.inspect()
    except ModemError as error:
        return getattr(error, "code", "") == "PORT_IN_USE"
    return False
