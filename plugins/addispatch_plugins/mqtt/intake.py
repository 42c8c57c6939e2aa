"""From a message to an accepted alarm to its acknowledgement. One ``Intake`` per plugin, fed by its links.

The way of each message: which rule, which payload, which alarm, ``context.accept``, and the acknowledgement only when
that is durable (law 1). Everything here runs for each message of a storm, in microseconds; no task is made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache, partial
from hashlib import sha256
from typing import TYPE_CHECKING

from addispatch.sdk import Accepted, Alarm, AlarmState, Mark, Refused
from addispatch_plugins.mqtt.acks import Acks
from addispatch_plugins.mqtt.complaints import Complaints
from addispatch_plugins.mqtt.payload import MAX_PAYLOAD_BYTES, read
from addispatch_plugins.mqtt.rules import NativeRule, Rule, SubscriptionRule
from addispatch_plugins.mqtt.topics import TopicFilter, fewest, matches
from addispatch_plugins.mqtt.waiting import Waiting

if TYPE_CHECKING:
    import asyncio

    from addispatch.sdk import Context
    from addispatch.sdk.mqtt import Message
    from addispatch_plugins.mqtt.config import MqttConfig
    from addispatch_plugins.mqtt.door import Door
    from addispatch_plugins.mqtt.publisher import Publisher

#: Topics whose rule and last payload are kept in memory.
KNOWN_TOPIC_COUNT = 10_000
#: A mark's name stays short however long the topic is.
MAX_MARK_TOPIC_CHARS = 150

_NATIVE = ("alarm/raise", "alarm/raise/+", "alarm/clear", "alarm/clear/+", "send/+", "ack")
#: Below the prefix: what we publish ourselves. A subscription to all topics must not make alarms of it.
_OWN = ("status", "case/", "node/", "_cl/")


@dataclass(slots=True)
class Topic:
    """What is known of a topic: its rule, and per broker the hash of the last payload."""

    name: str
    rule: Rule | None
    last: dict[str, bytes] = field(default_factory=dict)


class Intake:
    """Makes alarms of messages and acknowledges them."""

    def __init__(self, config: MqttConfig, context: Context, prefix: str, publisher: Publisher | None = None) -> None:
        self._subscriptions = config.subscribe
        self._context = context
        self._prefix = prefix
        self._publisher = publisher
        self.complaints = Complaints(context)
        self._waiting = Waiting(context, self._accept)
        self._is_shared = config.shared
        self.acks = Acks(context, self.complaints)
        self._ack_topic = f"{prefix}/ack"
        self._topic = lru_cache(maxsize=KNOWN_TOPIC_COUNT)(self._find)

    def filters(self, *more: str) -> list[tuple[str, int]]:
        """Return what to subscribe to, with ``more`` topics."""
        wanted = [(TopicFilter(f"{self._prefix}/{name}"), 1) for name in _NATIVE]
        wanted += [(item.topic, item.qos) for item in self._subscriptions]
        if self._publisher is not None:
            wanted.append((TopicFilter(self._publisher.own_filter), 0))
        return fewest(wanted + [(TopicFilter(topic), 1) for topic in more])

    @property
    def trouble(self) -> str:
        """Why alarms cannot be stored just now and wait; empty while they can."""
        return self._waiting.trouble

    def stop(self) -> None:
        """Do not try again what could not be stored: the broker has it."""
        self._waiting.stop()

    # -- the way in ------------------------------------------------------------------------------------------------

    def take(self, door: Door, message: Message) -> None:
        """Take one message; called by the link."""
        if message.topic == self._ack_topic:
            self.acks.take(door, message)
            return
        topic = self._topic(message.topic)
        rule = topic.rule
        mark = None
        if rule is None or len(message.payload) > MAX_PAYLOAD_BYTES:
            self._drop(door, message, rule)
            return
        if rule.retained == "changed":
            value = sha256(message.payload).digest()[:16]
            mark = Mark(_mark_name(door.mark_prefix, message.topic), value)
        if message.retain and self._is_old(door, message, topic, mark):
            door.link.acknowledge(message)
            return
        alarm = self._alarm(door, message, topic, mark)
        if alarm is None:
            door.link.acknowledge(message)
            return
        if mark is not None:
            topic.last[door.mark_prefix] = mark.value
        message.token = alarm.fingerprint
        if not self._waiting.adopt(door, message):
            self._accept(door, message, alarm)

    def _drop(self, door: Door, message: Message, rule: Rule | None) -> None:
        if rule is not None:
            size = f"payload of {len(message.payload)} bytes refused, at most {MAX_PAYLOAD_BYTES} are taken"
            self.complaints.add("payload_too_large", message.topic, size)
        elif self._is_own(message.topic):
            if self._publisher is not None and matches(self._publisher.own_filter.split("/"), message.topic.split("/")):
                self._publisher.seen(message)
        else:
            left = "no subscription is for this topic (an earlier configuration's, kept by the broker?): not taken"
            self.complaints.add("topic_unknown", message.topic, left)
        door.link.acknowledge(message)

    def _is_old(self, door: Door, message: Message, topic: Topic, mark: Mark | None) -> bool:
        """Whether a retained message is no news."""
        if not message.payload or (topic.rule is not None and topic.rule.retained == "ignore"):
            return True
        if mark is None:
            return False
        known = topic.last.get(door.mark_prefix) or self._context.recall(mark.name)
        if known == mark.value:
            self._context.log.debug("retained message on %s is the one known: not raised again", message.topic)
            return True
        return False

    def _alarm(self, door: Door, message: Message, topic: Topic, mark: Mark | None) -> Alarm | None:
        rule = topic.rule
        assert rule is not None
        payload = read(message.payload, rule.payload)
        problems = [payload.problem] if payload.problem else []
        fields = rule.fields(payload, problems)
        if not message.payload and fields.get("state") is not AlarmState.CLEARED and not fields["text"].strip():
            self.complaints.add("payload_empty", message.topic, "empty payload: nothing raised")
            return None
        if problems:
            self.complaints.add("payload_bad", message.topic, problems[0])
        source = fields["source"]
        said = b"\0".join((source.encode(errors="replace"), message.topic.encode(), message.payload))
        return Alarm(
            topic=message.topic,
            path=door.path,
            fingerprint=sha256(said).digest(),
            is_shared=self._is_shared,
            mark=mark,
            **fields,
        )

    # -- the way back ----------------------------------------------------------------------------------------------

    def _accept(self, door: Door, message: Message, alarm: Alarm) -> None:
        answer = self._context.accept(alarm)
        if self._context.is_trial:  # its session is its own and ends with it: nobody loses what it acknowledges
            door.link.acknowledge(message)
        else:
            answer.add_done_callback(partial(self._settled, door, message, alarm))

    def _settled(self, door: Door, message: Message, alarm: Alarm, future: asyncio.Future[Accepted]) -> None:
        """Acknowledge what is durable or refused; keep the rest and try again."""
        if future.cancelled():
            return  # we are being stopped: the broker keeps it
        error = future.exception()
        if error is None:
            door.link.acknowledge(message)
            if self._waiting.trouble:
                self._waiting.recovered()
        elif isinstance(error, Refused):
            door.link.acknowledge(message)
        else:
            self._waiting.add(door, message, alarm, error)

    # -- topics ----------------------------------------------------------------------------------------------------

    def _find(self, name: str) -> Topic:
        """Find the rule of a topic: a native one, else the first subscription that matches."""
        if self._is_own(name):
            return Topic(name, None)
        rule: Rule | None = self._native(name.removeprefix(self._prefix + "/")) if self._is_ours(name) else None
        if rule is None:
            for item in self._subscriptions:
                captures = item.topic.match(name)
                if captures is not None:
                    rule = SubscriptionRule(item, name, captures)
                    break
        return Topic(name, rule)

    def _is_ours(self, name: str) -> bool:
        return name.startswith(self._prefix + "/")

    def _is_own(self, name: str) -> bool:
        return self._is_ours(name) and name.removeprefix(self._prefix + "/").startswith(_OWN)

    @staticmethod
    def _native(rest: str) -> Rule | None:
        match rest.split("/"):
            case ["alarm", "raise", *source] if len(source) < 2:
                return NativeRule(source="".join(source))
            case ["alarm", "clear", *source] if len(source) < 2:
                return NativeRule(state=AlarmState.CLEARED, source="".join(source))
            case ["send", group]:
                return NativeRule(group=group)
        return None


def _mark_name(prefix: str, topic: str) -> str:
    if len(topic) > MAX_MARK_TOPIC_CHARS:
        topic = sha256(topic.encode()).hexdigest()
    return f"{prefix}:{topic}"
