"""Recognises a publish that a broker delivers again although it was taken (CLUSTER, PAIRING).

Brokers redeliver around a reconnect what they were already acknowledged, some with a new packet id and without DUP.
So what was on a path at a disconnect (never acknowledged, or acknowledged less than 5 s before) is expected again
for 30 s after the reconnect; each equal arrival takes one of them. At any other time two equal publishes are two.
Used by ``accept``; pure but for the futures it only looks at.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

#: How long before a disconnect an acknowledgement may have got lost with the connection.
DOUBT_S = 5.0
#: How long after a reconnect redeliveries come.
WINDOW_S = 30.0


#: Most outages of one path that are remembered: it takes as many within ``WINDOW_S`` to forget one too early.
MAX_OUTAGES = 16


@dataclass(frozen=True, slots=True)
class Outages:
    """When a path was down lately: kept in the ledger until the window behind each is over.

    Without them a crash some time after a disconnect would forget what had been in doubt then. ``spans`` are pairs of
    times in ms, down and up; the last up is 0 while the path is down.
    """

    spans: tuple[tuple[int, int], ...] = ()

    @classmethod
    def parse(cls, value: bytes) -> Outages:
        """Read what ``value`` wrote."""
        spans = (span.split("-") for span in value.decode().split())
        return cls(tuple((int(down), int(up)) for down, up in spans))

    @property
    def value(self) -> bytes:
        """The form kept as a mark."""
        return " ".join(f"{down}-{up}" for down, up in self.spans).encode()

    def went_down(self, now_ms: int) -> Outages:
        """The path went down (or, if it was down already, a new process finds it so)."""
        recent = self.recent(now_ms)
        return recent if recent.spans and not recent.spans[-1][1] else Outages((*recent.spans, (now_ms, 0)))

    def came_up(self, now_ms: int) -> Outages:
        """The path is up again."""
        if not self.spans or self.spans[-1][1]:
            return self.recent(now_ms)
        return Outages((*self.recent(now_ms).spans[:-1], (self.spans[-1][0], now_ms)))

    def recent(self, now_ms: int) -> Outages:
        """None any more when the path has been up for the length of the window; brokers forget nothing before."""
        is_over = self.spans and 0 < self.spans[-1][1] < now_ms - int(WINDOW_S * 1000)
        return Outages() if is_over else Outages(self.spans[-MAX_OUTAGES:])

    def cover(self, at_ms: int, ended_at_ms: int) -> bool:
        """Whether what was taken at a time is expected again after a crash at ``ended_at_ms``.

        It was in doubt then, or at one of the outages; what came after a reconnect was acknowledged on a sound line.
        """
        doubt_ms = int(DOUBT_S * 1000)
        return at_ms >= ended_at_ms - doubt_ms or any(
            down - doubt_ms <= at_ms and (not up or at_ms < up) for down, up in self.spans
        )


@dataclass(slots=True, eq=False)
class Arrival:
    """One publish taken: ``number`` is its place in the ledger's ring, ``future`` its commit (None: done before)."""

    fingerprint: bytes
    number: int
    future: asyncio.Future[Any] | None = None

    @property
    def is_lost(self) -> bool:
        """Whether its commit failed: then the redelivery is what counts."""
        return (
            self.future is not None
            and self.future.done()
            and (self.future.cancelled() or self.future.exception() is not None)
        )


class _Path:
    """What is known of one connection path."""

    def __init__(self) -> None:
        self.unconfirmed: dict[bytes, list[Arrival]] = {}  # the oldest first; nearly always one
        self.confirmed: deque[tuple[float, Arrival]] = deque()
        self.expected: dict[bytes, deque[Arrival]] = {}
        self.expected_until_s = 0.0

    def expect(self, arrivals: Iterable[Arrival]) -> None:
        for arrival in arrivals:
            if not arrival.is_lost:
                self.expected.setdefault(arrival.fingerprint, deque()).append(arrival)


class Redelivery:
    """The windows of all paths. ``now_s`` is monotonic time."""

    def __init__(self) -> None:
        self._paths: dict[str, _Path] = {}

    def restore(self, path: str, arrivals: Iterable[Arrival]) -> None:
        """At start: what the last process took on this path shortly before it ended."""
        self._paths.setdefault(path, _Path()).expect(arrivals)

    def taken(self, path: str, arrival: Arrival) -> None:
        """A publish was handed over (it need not be committed yet)."""
        state = self._paths.get(path)
        if state is None:
            state = self._paths[path] = _Path()
        state.unconfirmed.setdefault(arrival.fingerprint, []).append(arrival)

    def confirmed(self, path: str, fingerprint: bytes, now_s: float) -> None:
        """The acknowledgement of a publish went out."""
        state = self._paths.get(path)
        if state is None:
            return
        waiting = state.unconfirmed.get(fingerprint)
        while waiting and waiting[0].is_lost:
            del waiting[0]  # its source handed it over again: the later one is what was confirmed
        if waiting:
            state.confirmed.append((now_s, waiting.pop(0)))
            if not waiting:
                del state.unconfirmed[fingerprint]
        while state.confirmed and state.confirmed[0][0] < now_s - DOUBT_S:
            state.confirmed.popleft()

    def disconnected(self, path: str, now_s: float) -> None:
        """The path went down: remember what may come again."""
        state = self._paths.get(path)
        if state is None:
            return
        if now_s > state.expected_until_s:
            state.expected.clear()
        for waiting in state.unconfirmed.values():
            state.expect(waiting)
        state.expect(arrival for at_s, arrival in state.confirmed if at_s >= now_s - DOUBT_S)
        state.unconfirmed.clear()
        state.confirmed.clear()
        state.expected_until_s = now_s + WINDOW_S

    def reconnected(self, path: str, now_s: float) -> None:
        """The path is up: from now on redeliveries are recognised."""
        state = self._paths.setdefault(path, _Path())
        if state.unconfirmed or state.confirmed:
            self.disconnected(path, now_s)
        state.expected_until_s = now_s + WINDOW_S

    def recognise(self, path: str, fingerprint: bytes, now_s: float) -> Arrival | None:
        """Return the arrival this publish repeats, or None if it is a new one."""
        state = self._paths.get(path)
        if state is None or not state.expected:
            return None
        if now_s > state.expected_until_s:
            state.expected.clear()
            return None
        found = state.expected.get(fingerprint)
        while found:
            arrival = found.popleft()
            if not found:
                del state.expected[fingerprint]
            if not arrival.is_lost:
                return arrival
        return None
