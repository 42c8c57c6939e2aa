"""Probe ``mqtt_silence``: whether messages still come on a topic. Made by ``instance``.

It listens by connections of its own, which are there only while there are such monitors: a topic that is busy must not
come in the way of alarms, nor fill the session that the broker keeps for them, nor bring an alarm twice because two
subscriptions match it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from addispatch.sdk import AddispatchError, Reading, Severity, Silences
from addispatch.sdk.mqtt import MqttLink, MqttSettings
from addispatch_plugins.mqtt.topics import matches

if TYPE_CHECKING:
    from addispatch.sdk import Context
    from addispatch.sdk.mqtt import Message
    from addispatch_plugins.mqtt.keys import SilenceKeys

#: Most topics of which it is remembered who watches them.
MAX_TOPICS = 10_000
#: How a link begins to say that the broker does not let us subscribe.
REFUSED = "the broker refused the subscription "


class SilenceProbe:
    """Implements ``sdk.Probe``."""

    name = "mqtt_silence"

    def __init__(self, context: Context, brokers: Sequence[MqttSettings]) -> None:
        self._context, self._brokers = context, brokers
        self._silences = Silences(context, "silence:")
        self._ears: tuple[Ear, ...] = ()
        self._watched: dict[str, list[str]] = {}
        self._patterns: list[tuple[list[str], list[str]]] = []
        self._seen: dict[str, tuple[str, ...]] = {}
        self._up = asyncio.Event()

    def group(self, keys: SilenceKeys) -> Hashable:
        """All together: they are only looked up."""
        del keys
        return self.name

    def prepare(self, keys: Sequence[SilenceKeys]) -> None:
        """Listen to these topics, and to no broker if there are none."""
        self._watched, self._seen = {}, {}
        for one in {one.source: one for one in keys}.values():
            self._watched.setdefault(one.topic, []).append(one.source)
        self._silences.watch({one.source: one.max_silence_s for one in keys})
        if keys and not self._ears:
            self._ears = tuple(Ear(settings, self, self._context) for settings in self._brokers)
            for ear in self._ears:
                self._context.supervise(f"watch at {ear.path}", ear.link.run)
        elif not keys and self._ears:
            ears, self._ears = self._ears, ()
            self._up.clear()
            self._context.supervise("end of watch", lambda: _stop(ears))
        self._patterns = [
            (topic.split("/"), sources) for topic, sources in self._watched.items() if "+" in topic or "#" in topic
        ]
        for ear in self._ears:
            ear.subscribe(tuple(self._watched))

    async def read(self, keys: Sequence[SilenceKeys], timeout_s: float) -> Sequence[Reading]:
        """Say which topics are silent; a broker that cannot be heard is another problem."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._up.wait()
        readings = [Reading(problem=self._problem(one)) for one in keys]
        self._silences.store()
        return readings

    async def stop(self) -> None:
        """Say goodbye, and keep what was heard when."""
        ears, self._ears = self._ears, ()
        await _stop(ears)
        if stored := self._silences.store(everything=True):
            with contextlib.suppress(AddispatchError):
                await stored

    def _problem(self, keys: SilenceKeys) -> str:
        if keys.source not in self._watched.get(keys.topic, ()):
            return "only a monitor that is in the directory can be listened for"
        if not self._up.is_set():
            return f"not connected to the broker: {'; '.join(ear.link.problem for ear in self._ears)}"[:300]
        refusals = [ear.refusal(keys.topic) for ear in self._ears if ear.link.is_connected]
        if all(refusals):
            return refusals[0]
        if not self._silences.is_silent(keys.source):
            return ""
        if not self._silences.has_reported(keys.source):
            return f"no message on {keys.topic} yet"
        return f"no message on {keys.topic} for {keys.max_silence_s:g} s"

    # -- what the ears tell ----------------------------------------------------------------------------------------

    def heard(self, topic: str) -> None:
        """A message came."""
        sources = self._seen.get(topic)
        if sources is None:
            levels = topic.split("/")
            by_pattern = [one for pattern, found in self._patterns if matches(pattern, levels) for one in found]
            sources = (*self._watched.get(topic, ()), *by_pattern)
            if len(self._seen) >= MAX_TOPICS:
                self._seen.clear()
            self._seen[topic] = sources
        for source in sources:
            self._silences.heard(source)

    def links_changed(self) -> None:
        """A broker is there, or not any more."""
        if not any(ear.link.is_connected for ear in self._ears):
            self._up.clear()
        elif not self._up.is_set():
            self._silences.deaf()
            self._up.set()


class Ear:
    """One broker (``MqttHandler``)."""

    def __init__(self, settings: MqttSettings, probe: SilenceProbe, context: Context) -> None:
        self.path = str(settings.address)
        self.link = MqttLink(settings, self)
        self._probe, self._context = probe, context
        self._filters: tuple[str, ...] = ()
        self._refused: dict[str, str] = {}

    def subscribe(self, filters: tuple[str, ...]) -> None:
        """Listen to these. That some match the same message costs nothing: it is heard twice."""
        if filters != self._filters:
            self._filters, self._refused = filters, {}
            self.link.subscribe([(topic, 0) for topic in filters])

    def refusal(self, topic: str) -> str:
        """Why the broker does not let us listen to a topic; empty if it does."""
        return self._refused.get(topic, "")

    def connected(self) -> None:
        """Begin to hear."""
        self._refused = {}
        self._probe.links_changed()

    def disconnected(self, reason: str) -> None:
        """The plugin's other connection to this broker tells people why."""
        del reason
        self._probe.links_changed()

    def failed(self, reason: str) -> None:
        """Keep which subscription was refused; the first of them is an event."""
        topic = reason.removeprefix(REFUSED).rpartition(": ")[0]
        if not self.link.is_connected or not reason.startswith(REFUSED):
            return
        if not self._refused:
            self._context.event(f"MQTT broker {self.path}: {reason}", severity=Severity.WARNING, kind="mqtt_broker")
        self._refused[topic] = reason

    def received(self, message: Message) -> None:
        """Hear a message; one that the broker kept says nothing about now."""
        if not message.retain:
            self._probe.heard(message.topic)
        self.link.acknowledge(message)

    def acknowledged(self, messages: list[Message]) -> None:
        """Nothing is kept of them."""


async def _stop(ears: Sequence[Ear]) -> None:
    await asyncio.gather(*(ear.link.stop() for ear in ears))
