"""MQTT topic filters with named captures: ``plant/{site}/+/alarm/#``. Used by the configuration and by the intake."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

#: Longest filter, in characters, and most levels.
MAX_FILTER_CHARS, MAX_LEVELS = 500, 30
#: Names the templates use for something else.
RESERVED = frozenset({"topic", "payload", "value"})

_CAPTURE = re.compile(r"\{([A-Za-z_]\w*)\}")


@dataclass(frozen=True, slots=True)
class TopicFilter:
    """A filter as the broker knows it, and which levels have a name."""

    mqtt: str
    captures: tuple[tuple[int, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what a user wrote; raises ``ValueError`` that says what is wrong (MQTT 3.1.1, 4.7)."""
        if not text or len(text) > MAX_FILTER_CHARS or "\0" in text:
            raise ValueError(f"must have 1 to {MAX_FILTER_CHARS} characters")
        levels = text.split("/")
        if levels[0] == "$share":
            raise ValueError("shared subscriptions lose alarms on some brokers; subscribe to the topic itself")
        if len(levels) > MAX_LEVELS:
            raise ValueError(f"has more than {MAX_LEVELS} levels")
        names: list[tuple[int, str]] = []
        for index, level in enumerate(levels):
            name = _CAPTURE.fullmatch(level)
            if name:
                names.append((index, _new_name(name[1], names)))
                levels[index] = "+"
            elif "{" in level or "}" in level:
                raise ValueError(f"{level!r}: a capture is a whole level with a name, like plant/{{site}}/alarm")
            elif level == "#" and index != len(levels) - 1:
                raise ValueError("# stands only at the end")
            elif len(level) > 1 and ("#" in level or "+" in level):
                raise ValueError(f"{level!r}: # and + stand alone between slashes")
        return cls("/".join(levels), tuple(names))

    def match(self, topic: str) -> dict[str, str] | None:
        """Return the captured levels if the topic matches."""
        levels = topic.split("/")
        if not matches(self.mqtt.split("/"), levels):
            return None
        return {name: levels[index] for index, name in self.captures}

    def covers(self, other: TopicFilter) -> bool:
        """Whether every topic the other one matches is matched by this one too."""
        theirs = other.mqtt.split("/")
        ours = self.mqtt.split("/")
        if "#" in theirs and "#" not in ours:
            return False
        return matches(ours, theirs)


def _new_name(name: str, names: list[tuple[int, str]]) -> str:
    if name in RESERVED:
        raise ValueError(f"{{{name}}}: this name means something else in templates; take another")
    if any(name == known for _, known in names):
        raise ValueError(f"{{{name}}} is there twice")
    return name


def matches(levels: list[str], topic: list[str]) -> bool:
    """Whether a filter matches a topic, both split at the slashes (MQTT 3.1.1, 4.7.1 to 4.7.2)."""
    if topic[0].startswith("$") and levels[0] in ("+", "#"):
        return False
    for index, level in enumerate(levels):
        if level == "#":
            return True
        if index >= len(topic) or (level != topic[index] and (level != "+" or topic[index] == "#")):
            return False
    return len(levels) == len(topic)


def fewest(filters: list[tuple[TopicFilter, int]]) -> list[tuple[str, int]]:
    """Leave out filters that others cover, keeping the highest QoS: some brokers send a copy for each subscription."""
    kept: list[tuple[TopicFilter, int]] = []
    for candidate, qos in filters:
        if any(other.covers(candidate) for other, _ in kept):
            kept = [(other, max(qos, theirs) if other.covers(candidate) else theirs) for other, theirs in kept]
            continue
        covered = [theirs for other, theirs in kept if candidate.covers(other)]
        kept = [(other, theirs) for other, theirs in kept if not candidate.covers(other)]
        kept.append((candidate, max([qos, *covered])))
    return [(item.mqtt, qos) for item, qos in kept]
