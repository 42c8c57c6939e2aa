"""What of a monitor outlives the process: one mark of the ledger each. Pure; used by ``engine.monitored``.

It holds all that another node needs to watch on in its place: what was told, and what was seen last.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from addispatch.domain.judgement import Change, Judged, Limit, State, Value, Verdict, is_worse

#: Longest mark (``domain.alarm.Mark``).
MAX_BYTES = 256
#: Bytes of texts in it; the second one is tried if the first is too long.
_TEXT_BYTES = (64, 16, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What was told: alarms and lost contact, and how often something was (``number``). What was seen: the rest.

    Times are milliseconds since 1970, ``latency_ms`` is that of the last reading, counts are those of all readings
    and of the good ones since the monitor was made.
    """

    number: int = 0
    is_lost: bool = False
    active: frozenset[Limit] = frozenset()
    worst: Limit | None = None
    """The worst limit told since the value's alarm began, if it is not the worst of ``active``; then, the last one."""
    value: Value | None = None
    value_at_ms: int | None = None
    problem: str = ""
    read_at_ms: int | None = None
    latency_ms: float | None = None
    read_count: int = 0
    ok_count: int = 0

    def told(self, verdict: Verdict, after: State) -> Memory:
        """Return what is remembered when a verdict was told, the last of those that led to the state ``after``."""
        number = self.number + (verdict.change is not Change.EASED)
        active, worst = active_of(after), self._told_limit
        if verdict.change is Change.RAISED and (not self.active or self.is_worse(verdict)):
            worst = verdict.limit
        worst = None if worst is _worst_of(active) else worst
        return replace(self, number=number, is_lost=after.is_lost, active=active, worst=worst)

    def told_first(self, verdict: Verdict) -> Memory:
        """The same for one that another one follows: contact comes back, or an alarm ends."""
        if verdict.change is Change.FOUND:
            return replace(self, number=self.number + 1, is_lost=False)
        return replace(self, number=self.number + 1, active=frozenset(), worst=self._told_limit)

    def is_worse(self, verdict: Verdict) -> bool:
        """Whether a raise says what nobody was told yet: a worse limit, or another one than the last."""
        told = self._told_limit
        return verdict.limit is not None and told is not None and is_worse(verdict.limit, told)

    @property
    def _told_limit(self) -> Limit | None:
        return self.worst or _worst_of(self.active)

    @property
    def state(self) -> State:
        """What judging goes on with; delays begin anew."""
        judged = {limit: Judged(is_active=True) for limit in Limit if limit in self.active}
        return State(value=self.value, problem=self.problem, is_lost=self.is_lost, judged=judged)

    @property
    def packed(self) -> bytes:
        """As a mark of at most ``MAX_BYTES``: long texts are cut."""
        return next(data for most in _TEXT_BYTES if len(data := self._packed(most)) <= MAX_BYTES or not most)

    def _packed(self, text_bytes: int) -> bytes:
        value = _cut(self.value, text_bytes) if isinstance(self.value, str) else self.value
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            value = None  # no register is as long
        doc = {
            "n": self.number, "v": value, "at": self.value_at_ms, "why": _cut(self.problem, text_bytes),
            "read": self.read_at_ms, "ms": self.latency_ms, "reads": self.read_count, "ok": self.ok_count,
            "w": self.worst,
        }  # fmt: skip
        rest = {name: one for name, one in doc.items() if one is not None and one != ""}
        active = [limit for limit in Limit if limit in self.active]
        return json.dumps({"lost": self.is_lost, "active": active, **rest}, separators=(",", ":")).encode()


def active_of(state: State) -> frozenset[Limit]:
    """Return the limits that are alarms."""
    return frozenset(limit for limit, one in state.judged.items() if one.is_active)


def _worst_of(active: frozenset[Limit]) -> Limit | None:
    return next((limit for limit in Limit if limit in active), None)


def unpacked(mark: bytes | None) -> Memory:
    """Read a mark; nothing is remembered by none, or by one nobody can read."""
    if not mark:
        return Memory()
    try:
        return _read(json.loads(mark))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Memory()


def joined(one: bytes, other: bytes) -> bytes:
    """Return the newer of two nodes' marks of a monitor: who told more; then, who read last.

    Commutative, associative, idempotent: the order of what is told is total, and a mark is taken as a whole.
    """
    return max(one, other, key=lambda mark: (*_age(unpacked(mark)), mark))


def _age(memory: Memory) -> tuple[int, int, int]:
    return memory.number, memory.read_at_ms or 0, memory.read_count


def _read(doc: dict[str, Any]) -> Memory:
    value = doc.get("v")
    at_ms, read_at_ms, latency_ms = doc.get("at"), doc.get("read"), doc.get("ms")
    return Memory(
        number=int(doc.get("n", 0)),
        is_lost=bool(doc["lost"]),
        active=frozenset(Limit(limit) for limit in doc["active"]),
        worst=Limit(doc["w"]) if "w" in doc else None,
        value=value if isinstance(value, (float, int, str)) else None,
        value_at_ms=None if at_ms is None else int(at_ms),
        problem=str(doc.get("why", "")),
        read_at_ms=None if read_at_ms is None else int(read_at_ms),
        latency_ms=None if latency_ms is None else float(latency_ms),
        read_count=int(doc.get("reads", 0)),
        ok_count=int(doc.get("ok", 0)),
    )


def _cut(text: str, most_bytes: int) -> str:
    """Return a text of at most so many bytes as JSON writes it, so that it is one again when it is read."""
    while text and len(json.dumps(text)) - 2 > most_bytes:
        text = text[: min(len(text) - 1, most_bytes)]
    return text
