"""A small simulated plant: machines whose temperature wanders, and a PLC that publishes alarms over MQTT.

Used by the demo, by tests, and by whoever wants traffic without a plant. It knows nothing of addispatch: topics and
payloads are those of an ordinary PLC, ``plant/<area>/<machine>/alarm`` and ``…/temperature``.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import orjson

from addispatch.runtime.mqtt import BrokerAddress, MqttLink, MqttSettings
from addispatch.runtime.tasks import Supervisor

if TYPE_CHECKING:
    from addispatch.runtime.mqtt import Message

#: How long the broker may take to be there, in seconds.
PATIENCE_S = 10.0


@dataclass(slots=True)
class Machine:
    """A machine with one measured value. An alarm begins above ``limit_c`` and ends ``HYSTERESIS_C`` below it."""

    area: str
    name: str
    temperature_c: float = 70.0
    limit_c: float = 90.0
    is_alarming: bool = False

    @property
    def topic(self) -> str:
        """The machine's place in the tree."""
        return f"plant/{self.area}/{self.name}"


HYSTERESIS_C = 5.0


def default_machines() -> tuple[Machine, ...]:
    """Return the machines of the demo's plant."""
    return (Machine("Boilerhouse", "boiler1"), Machine("Boilerhouse", "boiler2"), Machine("North", "pump3", 45.0, 60.0))


class Plant:
    """``async with Plant(host, port) as plant``: connected to the broker until the end."""

    def __init__(self, host: str, port: int, machines: tuple[Machine, ...] | None = None, *, seed: int = 1) -> None:
        self.machines = machines or default_machines()
        self._random = random.Random(seed)
        settings = MqttSettings(address=BrokerAddress(host, port), client_id=f"plc-{port}-{id(self):x}")
        self._link = MqttLink(settings, self)
        self._up = asyncio.Event()
        self._supervisor = Supervisor()

    async def publish(self, topic: str, payload: Mapping[str, Any] | str) -> None:
        """Publish JSON or text at QoS 1; returns when the broker has it. Raises ``ConnectionError``."""
        raw = payload.encode() if isinstance(payload, str) else orjson.dumps(payload)
        await self._link.deliver(topic, raw)

    async def measure(self, machine: Machine, temperature_c: float) -> None:
        """Let a machine have a temperature: publish it, and the alarm's beginning or end if it passes the limit."""
        machine.temperature_c = temperature_c
        await self.publish(f"{machine.topic}/temperature", f"{temperature_c:.1f}")
        if temperature_c > machine.limit_c and not machine.is_alarming:
            machine.is_alarming = True
            await self._alarm(machine, f"over-temperature {temperature_c:.1f} °C", "raised")
        elif temperature_c < machine.limit_c - HYSTERESIS_C and machine.is_alarming:
            machine.is_alarming = False
            await self._alarm(machine, f"temperature normal, {temperature_c:.1f} °C", "cleared")

    async def _alarm(self, machine: Machine, message: str, state: str) -> None:
        await self.publish(f"{machine.topic}/alarm", {"message": message, "priority": "high", "state": state})

    async def live(self, period_s: float = 1.0) -> None:
        """Let the temperatures wander for ever, each a step per period."""
        while True:
            for machine in self.machines:
                pull = (machine.limit_c - 15 - machine.temperature_c) * 0.02  # back to where it runs well
                await self.measure(machine, machine.temperature_c + self._random.gauss(pull, 2.0))
            await asyncio.sleep(period_s)

    async def __aenter__(self) -> Self:
        self._supervisor.run("plant", self._link.run)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._up.wait()
        except TimeoutError:
            await self._supervisor.stop()
            raise ConnectionError(f"no broker at {self._link.settings.address}: {self._link.problem}") from None
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._link.stop()
        await self._supervisor.stop()

    # -- what the link tells ---------------------------------------------------------------------------------------

    def connected(self) -> None:
        """The broker took us."""
        self._up.set()

    def disconnected(self, reason: str) -> None:
        """Nothing to do: the link comes back, and ``publish`` says so meanwhile."""

    def failed(self, reason: str) -> None:
        """Nothing to do, as above."""

    def received(self, message: Message) -> None:
        """A plant subscribes to nothing."""

    def acknowledged(self, messages: list[Message]) -> None:
        """A plant subscribes to nothing."""
