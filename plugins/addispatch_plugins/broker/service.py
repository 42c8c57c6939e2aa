"""Runs iotcore's broker, which is a child process of its own, and starts it again when it dies."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from addispatch.sdk import Finding, PluginError, Severity

if TYPE_CHECKING:
    from iotcore import Broker

    from addispatch.sdk import Context
    from addispatch_plugins.broker.config import BrokerConfig

#: Larger publishes end the publisher's connection; above what the mqtt plugin takes, so that it can say so.
MAX_PAYLOAD_BYTES = 300_000
#: How often the child is looked at (one system call), and the first and longest pause before it is started again.
LOOK_S = 0.25
#: The name of the condition people are told of.
CONDITION = "embedded broker"
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0


class BrokerService:
    """The instance. The broker keeps nothing over a restart: no retained messages, no sessions, no queues."""

    def __init__(self, config: BrokerConfig, context: Context) -> None:
        self._config, self._context = config, context
        self._where = f"{config.listen}:{config.port}"
        self._broker: Broker | None = None
        self._problem = "not started"
        self._stopping = False

    async def self_check(self) -> None:
        """Raise ``PluginError`` if the broker is not installed."""
        self._make()

    def _make(self) -> Broker:
        try:
            from iotcore import Broker  # noqa: PLC0415 - an extra, needed by this plugin alone
        except ImportError as error:
            raise PluginError(f"iotcore is not installed ({error}): pip install 'addispatch[demo]'") from None
        return Broker(port=self._config.port, listen=self._config.listen, max_payload_size=MAX_PAYLOAD_BYTES)

    async def start(self) -> None:
        """Start it and wait until it listens; raises ``PluginError`` when the port is taken."""
        self._broker = self._make()
        await self._launch()
        self._context.supervise("broker", self._watch)

    async def _launch(self) -> None:
        assert self._broker is not None
        try:
            await asyncio.to_thread(self._broker.start)
        except OSError as error:
            raise PluginError(
                f"port: cannot listen on {self._where}: {error.strerror or error}. Is another broker running there?"
            ) from None
        except RuntimeError as error:
            raise PluginError(f"the broker does not start: {error}") from None
        self._problem = ""

    async def _watch(self) -> None:
        """Start the child again when it died; every client has to connect and subscribe anew then."""
        pause_s = FIRST_PAUSE_S
        while self._broker is not None:
            await asyncio.sleep(LOOK_S)
            if self._stopping or self._broker.is_running:
                pause_s = FIRST_PAUSE_S
                continue
            if not self._problem:
                self._tell("The embedded MQTT broker died; starting it again.", "died", Severity.WARNING)
            try:
                await asyncio.to_thread(self._broker.stop)  # forgets the dead child
                await self._launch()
            except PluginError as error:
                if str(error) != self._problem:
                    self._tell(f"The embedded MQTT broker: {error}", str(error), Severity.WARNING)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            else:
                self._tell(f"The embedded MQTT broker listens on {self._where} again.", "", Severity.INFO)

    def _tell(self, line: str, problem: str, severity: Severity) -> None:
        self._problem = problem
        self._context.condition(CONDITION, f"the embedded MQTT broker on {self._where}: {problem}" if problem else "")
        self._context.event(line, severity=severity, kind="broker")

    async def stop(self) -> None:
        """End the child."""
        self._stopping = True
        self._problem = "stopped"
        if self._broker is not None:
            await asyncio.to_thread(self._broker.stop)

    async def examine(self) -> list[Finding]:
        """Say whether it listens, or before the start whether it could."""
        if self._broker is not None:
            problem = self._problem or ("" if self._broker.is_running else "died")
            return [
                Finding(CONDITION, self.status_line(), f"{self._where}: {problem}" if problem else "", self._advice)
            ]
        try:
            self._make()
            with socket.create_server((self._config.listen, self._config.port)):
                return [Finding(CONDITION, f"{self._where} is free")]
        except PluginError as error:
            return [Finding(CONDITION, problem=str(error))]
        except OSError as error:
            problem = f"cannot listen on {self._where}: {error.strerror or error}"
            return [Finding(CONDITION, problem=problem, advice=self._advice)]

    @property
    def _advice(self) -> str:
        return f"see what has the port: ss -ltnp 'sport = :{self._config.port}'"

    def status_line(self) -> str:
        """Say where it listens, or what is wrong."""
        return f"{self._where}: {self._problem}" if self._problem else f"listening on {self._where}"
