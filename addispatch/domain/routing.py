"""Which audiences an alarm goes to: the routes, MQTT topic filters and text patterns. Used by ``pipeline.route``."""

from __future__ import annotations

import fnmatch
import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from addispatch.domain.addressbook import Directory, Match, Route
    from addispatch.domain.alarm import Alarm


def topic_matches(topic_filter: str, topic: str) -> bool:
    """Whether an MQTT topic filter takes a topic (MQTT 3.1.1, 4.7); ``#`` does not take ``$`` topics."""
    if topic_filter in (topic, "#"):
        return topic_filter == topic or not topic.startswith("$")
    wanted, given = topic_filter.split("/"), topic.split("/")
    if given[0].startswith("$") and wanted[0] in ("+", "#"):
        return False
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(given) or level not in ("+", given[index]):
            return False
    return len(wanted) == len(given)


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    # fnmatch's translation uses no nested repeats, so no input can make it backtrack without end. Its third sign, [, is
    # an ordinary one here: "[pump]" would otherwise take any text with one of these letters.
    return re.compile(fnmatch.translate(f"*{text.casefold().replace('[', '[[]')}*"), re.DOTALL)


def text_matches(pattern: str, text: str) -> bool:
    """Whether the pattern occurs in the text: case-insensitive, ``*`` any characters, ``?`` one."""
    if not any(sign in pattern for sign in "*?"):
        return pattern.casefold() in text.casefold()
    return _pattern(pattern).match(text.casefold()) is not None


def candidates(directory: Directory, source: str, topic: str) -> tuple[Route, ...]:
    """Return the routes whose source and topic take such alarms: what can be kept per topic."""
    return tuple(
        route
        for route in directory.routes
        if (not route.match.source or route.match.source == source)
        and (not route.match.topic or topic_matches(route.match.topic, topic))
    )


def takes(match: Match, alarm: Alarm) -> bool:
    """Whether the remaining fields of a candidate's match take the alarm (raw fields, before any template)."""
    return (
        (not match.priority or alarm.priority in match.priority)
        and (not match.text or text_matches(match.text, alarm.text))
        and (not match.key or text_matches(match.key, alarm.key or ""))
    )
