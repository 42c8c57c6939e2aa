"""Events about bad messages, so few that a bad device cannot fill the event log. Used by the intake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.sdk import Severity

if TYPE_CHECKING:
    from addispatch.sdk import Context

#: One event per topic and kind in this time; the next one says how many there were.
QUIET_S = 60.0
#: Most (topic, kind) remembered, and most events of all of them per minute.
MAX_KNOWN, MAX_PER_MINUTE = 1000, 60
#: How much of a topic and of a reason is shown.
SHOWN_CHARS = 150


class Complaints:
    """Counts what it does not tell."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[tuple[str, str], tuple[float, int]] = {}
        self._minute_s = float("-inf")
        self._told_count = 0

    def add(self, kind: str, topic: str, text: str) -> None:
        """Tell, or count, that a message on the topic was bad."""
        now_s = self._context.clock.monotonic_s()
        told_s, more = self._known.pop((kind, topic), (float("-inf"), 0))
        if now_s - self._minute_s >= QUIET_S:
            self._minute_s, self._told_count = now_s, 0
        if now_s - told_s < QUIET_S or self._told_count >= MAX_PER_MINUTE:
            self._known[kind, topic] = (told_s, more + 1)
        else:
            self._told_count += 1
            self._known[kind, topic] = (now_s, 0)
            since = f" ({more} more like it before)" if more else ""
            line = f"MQTT {topic[:SHOWN_CHARS]}: {text[:SHOWN_CHARS]}{since}"
            self._context.event(line, severity=Severity.WARNING, kind=kind)
        if len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]
