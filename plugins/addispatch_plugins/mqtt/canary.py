"""Whether messages really come through a broker: one of ours is sent round it. Run by ``instance``, one per broker.

A connection can be up and nothing come: a broker that forgot our subscription, a bridge or proxy that is half dead. So
each ``canary_s`` a message goes to a topic of our own and must come back in time. When it does not, we subscribe anew;
when the next one, sent at once, does not either, we connect anew, and people are told.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from addispatch.sdk import Finding, Severity

if TYPE_CHECKING:
    from addispatch.sdk import Context
    from addispatch_plugins.mqtt.door import Door

#: In so long it must be back, in seconds.
BACK_WITHIN_S = 10.0
#: While alarms come in, it waits behind them: then for so long, in seconds.
BEHIND_ALARMS_S = 60.0
#: How long the broker may be out of reach before people are told, in seconds.
GRACE_S = 60.0
#: A new connection is tried at most so often, in seconds: it costs redeliveries, and does not help against a right
#: that is missing.
RECONNECT_AGAIN_S = 600.0
#: How often it is looked whether what it waits behind still moves, in seconds.
_LOOK_S = 1.0


SILENT = "our own messages do not come back"


class Canary:
    """One broker's canary. ``round_trip_s`` is how long the last one took; None before the first."""

    def __init__(self, door: Door, context: Context, topic: str, every_s: float) -> None:
        """``every_s`` 0: none is sent, and only the connection counts."""
        self.topic = topic
        self.round_trip_s: float | None = None
        self.failed_count = 0
        self._door, self._context, self._every_s = door, context, every_s
        self._name = f"broker {door.path}"
        self._wake = asyncio.Event()
        self._nonce = b""
        self._back: asyncio.Future[None] | None = None
        self._sending = asyncio.Lock()
        self._seen_count = 0
        self._is_bad = False
        self._reconnected_s = float("-inf")

    # -- what the door tells ---------------------------------------------------------------------------------------

    def connected(self) -> None:
        """The broker took us: see at once whether messages come through."""
        if not self._every_s:
            self._tell("")
        self._wake.set()

    def lost(self, reason: str) -> None:
        """There is no connection. Those who know already that it is bad need no grace time."""
        if reason != SILENT:  # that was us
            grace_s = 0.0 if self._is_bad else GRACE_S
            self._tell(f"MQTT broker {self._door.path} is out of reach: {reason}", grace_s)
        if self._back is not None and not self._back.done():
            self._back.cancel()

    def heard(self, payload: bytes) -> None:
        """A message came on the canary's topic."""
        if self._back is not None and not self._back.done() and payload == self._nonce:
            self._back.set_result(None)

    def seen(self) -> None:
        """Any message came: alarms do come in."""
        self._seen_count += 1

    # -- the rounds ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Send one after each connection and then each ``every_s``, while there is a connection."""
        while self._every_s:
            if self._door.link.is_connected:
                await self._round()
            try:
                async with asyncio.timeout(self._every_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    async def _round(self) -> None:
        """Send one; heal and send a second one if it does not come back."""
        if await self.send() or self._door.trouble():
            return
        if not self._is_bad and self._door.link.is_connected:
            text = f"MQTT broker {self._door.path}: a message of our own did not come back; subscribing anew"
            self._context.event(text, severity=Severity.WARNING, kind="mqtt_broker")
        self._door.renew()  # the subscriptions: another try shows whether that was it
        if await self.send() or self._door.trouble() or not self._door.link.is_connected:
            return
        self._is_bad = True
        self._tell(f"MQTT broker {self._door.path}: connected, but {SILENT}: alarms may be lost on the way")
        now_s = self._context.clock.monotonic_s()
        if now_s - self._reconnected_s >= RECONNECT_AGAIN_S:
            self._reconnected_s = now_s
            self._door.link.reconnect(SILENT)

    async def send(self) -> bool:
        """Send one and wait until it is back; false if it is late or the connection went."""
        async with self._sending:
            return await self._send()

    async def _send(self) -> bool:
        loop = asyncio.get_running_loop()
        self._nonce, self._back = secrets.token_hex(8).encode(), loop.create_future()
        began_s = loop.time()
        if not self._door.link.is_connected or not self._door.link.publish(self.topic, self._nonce):
            return False
        if not await self._wait(self._back):
            # The connection went: that is told already. Alarms wait unconfirmed: the broker sends nothing beyond its
            # window then, and nobody knows whether it would.
            self.failed_count += not self._back.cancelled() and not self._door.trouble()
            return False
        self.round_trip_s, self.failed_count, self._is_bad = loop.time() - began_s, 0, False
        self._reconnected_s = float("-inf")
        self._tell("")
        return True

    async def _wait(self, back: asyncio.Future[None]) -> bool:
        """Wait for it: ``BACK_WITHIN_S``, counted anew while alarms come in before it."""
        loop = asyncio.get_running_loop()
        ends_s, late_s = loop.time() + BACK_WITHIN_S, loop.time() + BEHIND_ALARMS_S
        seen = self._seen_count
        while not back.done() and loop.time() < min(ends_s, late_s):
            await asyncio.wait({back}, timeout=min(_LOOK_S, ends_s - loop.time(), late_s - loop.time()))
            if self._seen_count != seen or self._door.link.is_paused:
                seen, ends_s = self._seen_count, loop.time() + BACK_WITHIN_S
        return back.done() and not back.cancelled()

    def _tell(self, problem: str, grace_s: float = 0.0) -> None:
        self._context.condition(self._name, problem, grace_s=grace_s)

    # -- what people see -------------------------------------------------------------------------------------------

    @property
    def status(self) -> str:
        """How long the last one took, in a few words."""
        if self.failed_count:
            return SILENT
        return f"round trip {self.round_trip_s * 1000:.0f} ms" if self.round_trip_s is not None else ""

    async def examine(self) -> Finding:
        """Look now; called while the link runs."""
        link, advice = self._door.link, "see what the broker's log says of our user"
        if not link.is_connected:
            advice = "see whether the broker runs, and whether url, user and password of the plugin are right"
            return Finding(self._name, problem=f"out of reach: {link.problem}", advice=advice)
        if self._door.refusal:
            return Finding(self._name, problem=self._door.refusal, advice=advice)
        about = (
            f"connected by MQTT {'5' if link.settings.version == 5 else '3.1.1'}, {self._door.filters_count} filters"
        )
        if not self._every_s:
            return Finding(self._name, about)
        # While one is on its way, the one before it tells.
        is_back = not self.failed_count if self._sending.locked() else await self.send()
        if trouble := self._door.trouble():
            problem = f"{about}; what it has waits there, for alarms cannot be stored: {trouble}"
            return Finding(self._name, problem=problem, advice="this is no trouble of the broker: see disk and ledger")
        if not is_back:
            advice = f"let our user publish to {self.topic} and subscribe to it; {advice}"
            return Finding(self._name, problem=f"connected, but {SILENT}", advice=advice)
        return Finding(self._name, f"{about}, {self.status}".removesuffix(", "))
