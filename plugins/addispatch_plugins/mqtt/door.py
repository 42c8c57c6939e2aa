"""One broker's side of the plugin: a link, and what it tells the core and the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.sdk import Severity
from addispatch.sdk.mqtt import MqttLink, MqttSettings

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
    ) -> None:
        self.path = str(settings.address)
        self.mark_prefix = "retained" if is_first else f"retained@{self.path}"
        self._context, self._intake, self._on_connected = context, intake, on_connected
        self._told = ""
        self.link = MqttLink(settings, self, held_max_count=held_max_count)
        self.link.subscribe(intake.filters())

    @property
    def status(self) -> str:
        """Say in a few words how it is."""
        if not self.link.is_connected:
            return f"{self.path}: {self.link.problem}"
        waiting = f", {self.link.held_count} alarms wait for the ledger" if self.link.is_paused else ""
        return f"connected to {self.path}{waiting}"

    def connected(self) -> None:
        """Open the redelivery window before the first message."""
        self._context.reconnected(self.path)
        self._tell("", f"Connected to MQTT broker {self.path}", Severity.INFO)
        self._on_connected(self)

    def disconnected(self, reason: str) -> None:
        """Close it, and tell why, unless we wanted it."""
        self._context.disconnected(self.path)
        if reason:
            self._tell(reason, f"MQTT broker {self.path}: {reason}", Severity.WARNING)

    def failed(self, reason: str) -> None:
        """Tell once why the broker cannot be reached, not at every attempt."""
        self._tell(reason, f"MQTT broker {self.path} cannot be used: {reason}. Trying again.", Severity.WARNING)

    def received(self, message: Message) -> None:
        """Take a message."""
        self._intake.take(self, message)

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
