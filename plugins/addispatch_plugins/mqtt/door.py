"""One broker's side of the plugin: a link, and what it tells the core and the operator."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from addispatch.sdk import Finding, Severity
from addispatch.sdk.mqtt import MqttLink, MqttSettings
from addispatch_plugins.mqtt.canary import Canary

if TYPE_CHECKING:
    from collections.abc import Callable

    from addispatch.sdk import Context
    from addispatch.sdk.mqtt import Message
    from addispatch_plugins.mqtt.intake import Intake


class Door:
    """Hears a link (``MqttHandler``) and passes on. ``path`` names the connection for the core's redelivery window.

    ``mark_prefix``: brokers may hold different retained messages of one topic, so each has marks of its own; those of
    the first do not name it, so that moving it to another address raises nothing again.
    """

    def __init__(
        self,
        settings: MqttSettings,
        context: Context,
        intake: Intake,
        on_connected: Callable[[Door], None],
        *,
        is_first: bool,
        held_max_count: int,
        canary_topic: str,
        canary_s: float,
    ) -> None:
        self.path = str(settings.address)
        self.mark_prefix = "retained" if is_first else f"retained@{self.path}"
        self._context, self._intake, self._on_connected = context, intake, on_connected
        self._told = ""
        self.link = MqttLink(settings, self, held_max_count=held_max_count)
        self.canary = Canary(self, context, canary_topic, canary_s)
        self._filters = intake.filters(*([canary_topic] if canary_s else []))
        #: What the broker did not let us subscribe to, on this connection.
        self.refusal = ""
        #: Set once the broker took us or did not.
        self.answered = asyncio.Event()
        self.link.subscribe(self._filters)

    @property
    def status(self) -> str:
        """Say in a few words how it is."""
        if not self.link.is_connected:
            return f"{self.path}: {self.link.problem}"
        waiting = f"{self.link.held_count} alarms wait for the ledger" if self.link.is_paused else ""
        return ", ".join(filter(None, (f"connected to {self.path}", waiting, self.canary.status)))

    def trouble(self) -> str:
        """Why alarms wait unconfirmed; the broker may hold back everything behind them."""
        return self._intake.trouble

    @property
    def filters_count(self) -> int:
        """How many filters we subscribe to."""
        return len(self._filters)

    def connected(self) -> None:
        """Open the redelivery window before the first message."""
        self._context.reconnected(self.path)
        self.refusal = ""
        self.answered.set()
        self.canary.connected()
        self._tell("", f"Connected to MQTT broker {self.path}", Severity.INFO)
        self._on_connected(self)

    def disconnected(self, reason: str) -> None:
        """Close it, and tell why, unless we wanted it."""
        self._context.disconnected(self.path)
        if reason:
            self.canary.lost(reason)
            self._tell(reason, f"MQTT broker {self.path}: {reason}", Severity.WARNING)

    def failed(self, reason: str) -> None:
        """Tell once why the broker cannot be used, not at every attempt."""
        self.answered.set()
        if self.link.is_connected:
            self.refusal = reason
        else:
            self.canary.lost(reason)
        self._tell(reason, f"MQTT broker {self.path} cannot be used: {reason}. Trying again.", Severity.WARNING)

    def received(self, message: Message) -> None:
        """Take a message."""
        self.canary.seen()
        if message.topic == self.canary.topic:
            self.canary.heard(message.payload)
            self.link.acknowledge(message)
        else:
            self._intake.take(self, message)

    async def examine(self) -> Finding:
        """Look now how the broker is."""
        return await self.canary.examine()

    def renew(self) -> None:
        """Subscribe once more: the broker may have forgotten it."""
        self.link.subscribe(self._filters)

    def acknowledged(self, messages: list[Message]) -> None:
        """Tell the core what cannot come again (unless the connection breaks right now)."""
        confirmed, path = self._context.confirmed, self.path
        for message in messages:
            if message.token is not None:
                confirmed(path, message.token)

    def _tell(self, what: str, line: str, severity: Severity) -> None:
        if what != self._told or not what:
            self._told = what
            self._context.event(line, severity=severity, kind="mqtt_broker")
