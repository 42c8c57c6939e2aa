"""A monitor: what is looked at, how it is judged, and the words about it. Pure; used by ``engine.monitoring``.

The engine reads it through a probe, ``domain.judgement`` decides, and what changes becomes an alarm or its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from addispatch.domain.judgement import Change, Limit, Rules, Value, Verdict
from addispatch.domain.window import Window

#: What alarms of monitors name as their source.
SOURCE = "monitor"
#: What the key of an alarm about contact has after the monitor's name.
CONTACT = "/contact"
#: What the key of a value's alarm has if the monitor's name ends as a key does, so that no two monitors share one.
VALUE = "/value"

_LIMIT_WORDS = {
    Limit.HIHI: "above HIHI", Limit.HI: "above HI", Limit.LO: "below LO", Limit.LOLO: "below LOLO",
    Limit.RATE: "changes faster than", Limit.STALE: "has not changed for",
}  # fmt: skip
_OVER_WORDS = {
    Limit.ON: "is not as it was", Limit.RATE: "no longer changes fast", Limit.STALE: "changes again",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """One monitor of the directory. ``keys`` are those of its probe; ``parent`` is a monitor's id, ``to`` are names."""

    id: str
    name: str
    probe: str
    keys: Mapping[str, Any] = field(default_factory=dict)
    enabled: bool = True
    interval_s: float = 60.0
    timeout_s: float = 5.0
    rules: Rules = field(default_factory=Rules)
    parent: str = ""
    to: tuple[str, ...] = ()
    units: str = ""
    text: str = ""
    down_text: str = ""
    recovered_text: str = ""
    maintenance: tuple[Window, ...] = ()

    def key(self, verdict: Verdict) -> str:
        """The key of the alarm a verdict begins or ends: contact and value are conditions of their own."""
        if verdict.limit is None:
            return f"{self.name}{CONTACT}"
        return f"{self.name}{VALUE}" if self.name.endswith((CONTACT, VALUE)) else self.name

    def template(self, verdict: Verdict) -> str:
        """The user's template for a verdict; empty for the words of ``sentence``."""
        if verdict.change in (Change.FOUND, Change.CLEARED):
            return self.recovered_text
        return self.down_text if verdict.change is Change.LOST else self.text

    def fields(self, verdict: Verdict, value: Value | None, problem: str) -> dict[str, Any]:
        """What templates may use."""
        return {
            **self.keys,
            "name": self.name,
            "probe": self.probe,
            "value": Shown.of(value),
            "units": self.units,
            "limit": verdict.limit.value if verdict.limit else "",
            "limit_value": Shown.of(self._at(verdict.limit)),
            "problem": problem,
        }

    def sentence(self, verdict: Verdict, value: Value | None, problem: str) -> str:
        """What is told when there is no template."""
        seen = self._seen(value)
        if verdict.change is Change.LOST:
            return f"{self.name}: no contact ({problem})"
        if verdict.change is Change.FOUND:
            return f"{self.name}: contact again"
        if verdict.change is Change.CLEARED or verdict.limit is None:
            return f"{self.name}: {seen}, back to normal"
        if verdict.limit is Limit.ON:
            return f"{self.name}: is {'on' if value else 'off'}"
        unit = {Limit.RATE: f"{self.units}/s", Limit.STALE: "s"}.get(verdict.limit, self.units)
        at = f"{show(self._at(verdict.limit))} {unit}".rstrip()
        joint = "" if verdict.limit in (Limit.RATE, Limit.STALE) else ","
        return f"{self.name}: {seen}{joint} {_LIMIT_WORDS[verdict.limit]} {at}"

    def passed_on(self, limit: Limit, value: Value | None) -> str:
        """What is told when one alarm ends because another one begins: nothing is back to normal."""
        if limit in _OVER_WORDS:
            return f"{self.name}: {self._seen(value)} {_OVER_WORDS[limit]}"
        bound = self._at(limit)  # none if the limit was taken away
        at = f" {show(bound)} {self.units}".rstrip() if bound is not None else ""
        return f"{self.name}: {self._seen(value)}, no longer {_LIMIT_WORDS[limit]}{at}"

    def changed_limits(self, value: Value | None) -> str:
        """What is told when an alarm ends because the limits are others: the value is what it was."""
        return f"{self.name}: {self._seen(value)}, its limits were changed"

    def _seen(self, value: Value | None) -> str:
        return f"{show(value)} {self.units}".rstrip()

    def _at(self, limit: Limit | None) -> Value | None:
        if limit is Limit.RATE:
            return self.rules.rate
        if limit is Limit.STALE:
            return self.rules.stale_after_s
        return self.rules.limits.get(limit) if limit else None


def show(value: Value | None) -> str:
    """A value as people read it: no more digits than a float is good for."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


class Shown(float):
    """A number that templates can compute with and that is written as people read it."""

    __slots__ = ("_text",)
    _text: str

    @classmethod
    def of(cls, value: Value | None) -> Shown | str:
        """A number as one of these; anything else as its text."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return show(value)
        try:
            made = cls(value)
        except OverflowError:
            return show(value)
        made._text = show(value)
        return made

    def __str__(self) -> str:
        """As ``show`` has it."""
        return self._text

    def __format__(self, spec: str) -> str:
        """Without a format the same."""
        return super().__format__(spec) if spec else self._text
