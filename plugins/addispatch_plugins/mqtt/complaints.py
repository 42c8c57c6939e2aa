"""Events about bad messages, so few that a bad device cannot fill the event log. Used by the intake.

The first of its kind is told at once. What is left out is counted, and told in a line per kind when the minute is over.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from addispatch.sdk import Severity

if TYPE_CHECKING:
    from addispatch.sdk import Context

#: One event per kind, topic and what it was about in this time; the next one says how many there were.
QUIET_S = 60.0
#: Most of them remembered, and most events of all of them per minute.
MAX_KNOWN, MAX_PER_MINUTE = 1000, 60
#: How much of a topic, of a reason and of what it was about is shown.
SHOWN_CHARS, ABOUT_CHARS = 150, 40
#: Most that a summary names.
MOST_NAMED = 40


class _Key(NamedTuple):
    kind: str
    topic: str
    about: str
    reason: str


class Complaints:
    """Counts what it does not tell, and tells how many that were."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[_Key, tuple[float, int]] = {}
        self._forgotten: dict[str, int] = {}  # by kind: left out, and not known any more
        self._minute_s = float("-inf")
        self._told_count = 0
        self._left_out = asyncio.Event()

    def add(self, kind: str, topic: str, text: str, about: str = "") -> None:
        """Tell, or count, that a message on the topic was bad.

        ``about`` tells apart what must not pass for the same, for example the code of an acknowledgement.
        """
        now_s = self._context.clock.monotonic_s()
        key = _Key(kind, topic, about[:ABOUT_CHARS], text[:SHOWN_CHARS] if about else "")
        told_s, more_count = self._known.pop(key, (float("-inf"), 0))
        if now_s - self._minute_s >= QUIET_S:
            self._minute_s, self._told_count = now_s, 0
        if now_s - told_s < QUIET_S or self._told_count >= MAX_PER_MINUTE:
            self._known[key] = (told_s, more_count + 1)
            self._left_out.set()
        else:
            self._told_count += 1
            self._known[key] = (now_s, 0)
            since = f" ({more_count} more like it before)" if more_count else ""
            what = f" ({key.about})" if key.about and key.about not in text else ""
            self._tell(kind, f"MQTT {topic[:SHOWN_CHARS]}: {text[:SHOWN_CHARS]}{what}{since}")
        if len(self._known) > MAX_KNOWN:
            oldest = next(iter(self._known))
            count = self._known.pop(oldest)[1]
            self._forgotten[oldest.kind] = self._forgotten.get(oldest.kind, 0) + count

    async def run(self) -> None:
        """Sum up once a minute if something was left out, for ever."""
        while True:
            await self._left_out.wait()
            await asyncio.sleep(QUIET_S)
            self.sum_up()

    def sum_up(self) -> None:
        """Tell how many were left out, in one event per kind, naming what they were about as far as there is room."""
        self._left_out.clear()
        counts = {kind: count for kind, count in self._forgotten.items() if count}
        names: dict[str, dict[str, None]] = {}
        self._forgotten.clear()
        for key, (told_s, count) in self._known.items():
            if count:
                counts[key.kind] = counts.get(key.kind, 0) + count
                names.setdefault(key.kind, {})[key.about or key.topic[:ABOUT_CHARS]] = None
                self._known[key] = (told_s, 0)
        for kind, count in counts.items():
            found = list(names.get(kind, ()))
            shown = ", ".join(found[:MOST_NAMED]) + (", …" if len(found) > MOST_NAMED else "")
            about = f", about {shown}" if shown else ""
            self._tell(kind, f"MQTT: and {count} more like it ({kind}){about}")

    def _tell(self, kind: str, line: str) -> None:
        self._context.event(line, severity=Severity.WARNING, kind=kind)
