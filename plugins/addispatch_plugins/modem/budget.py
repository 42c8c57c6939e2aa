"""What one SIM may send: its rate, and its caps by day and month. Made by the plugin, asked by the fleet.

All of it is kept in a mark of the ledger, so that a restart neither forgets what was sent nor allows a new burst.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from addispatch.sdk import Severity
from addispatch_plugins.modem.bucket import Bucket

if TYPE_CHECKING:
    from addispatch.sdk import Context
    from addispatch_plugins.modem.config import ModemConfig

#: At this share of a cap operators are warned.
WARN_SHARE = 0.8
#: Emergencies may use so much of a cap: more than all of it, but no SIM sends without end.
URGENT_SHARE = 1.1


@dataclass(slots=True)
class Cap:
    """How many parts were sent in a period, ``day`` or ``month``, of ``most``; 0 is no cap.

    ``label`` names the period now, for example ``2026-01-31`` or ``2026-01``; ``warned`` is the share last told.
    """

    period: str
    most: int
    label: str = ""
    count: int = 0
    warned: float = 0.0

    def look(self, today: datetime) -> None:
        """Begin anew in a new period; a clock that was set back does not give it all again."""
        label = today.strftime("%Y-%m-%d" if self.period == "day" else "%Y-%m")
        if label > self.label:
            self.label, self.count, self.warned = label, 0, 0.0

    def allows(self, parts: int, *, urgent: bool) -> bool:
        """Whether so many more may be sent."""
        most = math.ceil(self.most * URGENT_SHARE - 1e-9) if urgent else self.most
        return self.most == 0 or self.count + parts <= most

    @property
    def share(self) -> float:
        """Which warning it is time for: 0, ``WARN_SHARE`` or 1."""
        if self.most == 0 or self.count < self.most * WARN_SHARE:
            return 0.0
        return 1.0 if self.count >= self.most else WARN_SHARE

    def __str__(self) -> str:
        return f"{self.count} of {self.most} parts of this {self.period} are sent"


class Budget:
    """The bucket and the caps of one modem's SIM."""

    def __init__(self, config: ModemConfig, context: Context) -> None:
        self._name, self._context = config.name, context
        self._zone = ZoneInfo(context.timezone)
        self._mark = f"modem.{config.name}.budget"
        self._bucket = Bucket(config.rate_per_minute, config.burst, self._now_s)
        self._caps = (Cap("day", config.daily_cap), Cap("month", config.monthly_cap))
        self._has_caps = any(cap.most for cap in self._caps)
        self._is_counted = config.rate_per_minute > 0 or self._has_caps
        self._is_restored = not self._is_counted
        self._day_ms = (0, 0)

    @property
    def _now_s(self) -> float:
        return self._context.clock.monotonic_s()

    def wait_s(self, parts: int, *, urgent: bool) -> float:
        """Return how long the rate makes a text of so many parts wait, in seconds; 0: it may go."""
        if not self._is_restored:
            self._restore()
        return self._bucket.wait_s(parts, urgent=urgent, now_s=self._now_s)

    def is_capped(self, parts: int, *, urgent: bool) -> bool:
        """Whether a cap forbids it."""
        return parts > 0 and not all(cap.allows(parts, urgent=urgent) for cap in self._looked_at())

    def is_open(self, *, urgent: bool) -> bool:
        """Whether one part may go now. Asked for each alarm that comes in."""
        if not self._is_counted:
            return True
        if self._has_caps and self.is_capped(1, urgent=urgent):
            return False
        return self.wait_s(1, urgent=urgent) == 0

    def cap_left_s(self, parts: int, *, urgent: bool) -> float:
        """Return the time until the caps that forbid it begin anew, in seconds."""
        now = self._context.clock.now().astimezone(self._zone)
        ends = [self._end(cap, now) for cap in self._looked_at() if parts > 0 and not cap.allows(parts, urgent=urgent)]
        return max(((end - now.astimezone(end.tzinfo)).total_seconds() for end in ends), default=0.0)

    def next_change_s(self) -> float:
        """Return the time until something may go that may not go now, in seconds; for ever if nothing waits."""
        waits = []
        for urgent in (False, True):
            capped_s, wait_s = self.cap_left_s(1, urgent=urgent), self.wait_s(1, urgent=urgent)
            waits.append(max(capped_s, wait_s))
        return min((wait_s for wait_s in waits if wait_s > 0), default=math.inf)

    def take(self, parts: int, *, urgent: bool) -> None:
        """Count a text before it leaves."""
        self._restore()
        self._bucket.take(parts, urgent=urgent, now_s=self._now_s)
        self._add(parts)

    def give_back(self, parts: int) -> None:
        """So many parts of what was taken surely did not leave."""
        if parts:
            self._bucket.give_back(parts, self._now_s)
            self._add(-parts)

    def tell(self) -> None:
        """Let people know how the caps stand; called after each text and now and then, for a day ends by itself."""
        for cap in self._looked_at():
            if cap.most == 0:
                continue
            if cap.share > cap.warned:
                severity = Severity.SEVERE if cap.share == 1 else Severity.WARNING
                text = f"Modem {self._name}: {cap}"
                self._context.event(text, severity=severity, kind="modem_cap", modem=self._name)
                cap.warned = cap.share
            self._context.condition(f"modem {self._name} {cap.period} cap", self._problem(cap))

    def _problem(self, cap: Cap) -> str:
        if cap.share == 0:
            return ""
        much = "used up: only emergencies leave" if cap.share == 1 else f"used to {WARN_SHARE:.0%}"
        return f"the cap of {cap.most} parts a {cap.period} of modem {self._name} is {much}"

    def document(self) -> dict[str, int]:
        """Describe it for ``addispatch modems``: parts sent this day and month, if there is a cap."""
        return {f"{cap.period}_parts": cap.count for cap in self._looked_at() if cap.most}

    def _end(self, cap: Cap, now: datetime) -> datetime:
        """When the period ends: a local midnight, in UTC so that a change of summer time is counted."""
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        if cap.period == "month":
            midnight = midnight.replace(day=28) + timedelta(days=4)
            midnight = midnight.replace(day=1)
        else:
            midnight += timedelta(days=1)
        return midnight.astimezone(ZoneInfo("UTC"))

    def _looked_at(self) -> tuple[Cap, ...]:
        """The caps as they stand today."""
        self._restore()
        now_ms = self._context.clock.now_ms()
        if not self._day_ms[0] <= now_ms < self._day_ms[1]:
            today = self._context.clock.now().astimezone(self._zone)
            for cap in self._caps:
                cap.look(today)
            self._day_ms = now_ms, round(self._end(self._caps[0], today).timestamp() * 1000)
        return self._caps

    def _add(self, parts: int) -> None:
        if not self._is_counted:
            return
        for cap in self._looked_at():
            cap.count = max(0, cap.count + parts)
        self.tell()
        stored = self._context.settle({self._mark: self._stored()})
        # A count that could not be stored is still right in memory; the ledger reports its own trouble.
        stored.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _stored(self) -> bytes:
        values = [self._context.clock.now_ms(), round(self._bucket.level, 3), round(self._bucket.reserve, 3)]
        return json.dumps([*values, *([cap.label, cap.count] for cap in self._caps)]).encode()

    def _restore(self) -> None:
        """Once, and not before the first use: marks can be read when the daemon has started."""
        if self._is_restored:
            return
        self._is_restored = True
        stored = self._context.recall(self._mark)
        if stored is None:
            return
        try:
            at_ms, level, reserve, *caps = json.loads(stored)
            counts = [(str(label), int(count)) for label, count in caps]
            self._bucket.restore(
                float(level), float(reserve), (self._context.clock.now_ms() - int(at_ms)) / 1000, self._now_s
            )
        except (ValueError, TypeError) as error:
            self._context.log.warning("%s: what it had sent cannot be read and counts from 0: %s", self._name, error)
            return
        for cap, (label, count) in zip(self._caps, counts, strict=False):
            cap.label, cap.count = label, count
            cap.warned = cap.share
