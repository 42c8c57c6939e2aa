"""One publish that both nodes of a cluster heard is one alarm (CLUSTER, PAIRING).

Copies of the same content that came to the two nodes pair one to one within a time; two by the same node do not: those
are two alarms, or a redelivery (``redelivery``). Used in the ledger's writer, by ``enqueue`` and ``engine.joining``.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from addispatch.domain.result import CaseRef

if TYPE_CHECKING:
    from collections.abc import Callable

#: Longest time between two copies while the nodes hear each other, in milliseconds: both send; or one stands by and may
#: have been cut off.
ACTIVE_MS, PASSIVE_MS = 30_000, 600_000
#: Most copies that wait for theirs: 30 s of 3,000 a second.
MAX_COUNT = 100_000


class _Copy(NamedTuple):
    at_ms: int
    fingerprint: str
    alarm_id: str


class Pairing:
    """The copies that have not met yet; in memory, for after a restart the redelivery window takes over."""

    def __init__(self, window_ms: int = ACTIVE_MS) -> None:
        self._window_ms = window_ms
        self._waiting: dict[bool, dict[str, deque[_Copy]]] = {True: {}, False: {}}
        self._order: deque[tuple[bool, _Copy]] = deque()
        self._cases: dict[str, list[CaseRef]] = {}
        self._mates: dict[str, str] = {}
        self._heard: dict[str, str] = {}
        #: Since when the nodes hear each other; None: they do not.
        self._since_ms: int | None = 0
        #: How to take back what the transaction under way did.
        self._undo: list[Callable[[], object]] = []

    def keep(self) -> None:
        """The transaction is committed."""
        self._undo.clear()

    def undo(self) -> None:
        """The transaction is undone, and its units may come again: so is what they did here."""
        while self._undo:
            self._undo.pop()()

    def part(self) -> None:
        """The other node is not there: copies wait until it is. Its broker keeps what it missed, for hours perhaps."""
        self._since_ms = None

    def meet(self, now_ms: int) -> None:
        """The other node is there: whatever waits for its copy does so for the usual time from now on."""
        self._since_ms = now_ms

    def local(self, fingerprint: str, alarm_id: str, now_ms: int) -> tuple[str, tuple[CaseRef, ...]] | None:
        """A publish came to this node: return the other node's alarm it is a copy of, with its cases; else it waits."""
        found = self._take(fingerprint, now_ms, is_local=False)
        if found is None:
            self._put(_Copy(now_ms, fingerprint, alarm_id), is_local=True)
            self._heard[alarm_id] = fingerprint
            self._undo.append(lambda: self._heard.pop(alarm_id, None))
            return None
        return found, tuple(self._cases.get(found, ()))

    def remote(self, fingerprint: str, alarm_id: str, case: CaseRef, now_ms: int) -> str | None:
        """A case of the other node's came: return this node's alarm it is a copy of; else it waits."""
        mate = self._mates.get(alarm_id)
        if mate is not None:
            return mate
        if (cases := self._cases.get(alarm_id)) is not None:
            cases.append(case)
            self._undo.append(cases.pop)
            return None
        found = self._take(fingerprint, now_ms, is_local=True)
        if found is not None:
            self._mates[alarm_id] = found
            self._order.append((True, _Copy(now_ms, "", alarm_id)))
            self._undo += [self._order.pop, lambda: self._mates.pop(alarm_id, None)]
            return found
        self._cases[alarm_id] = [case]
        self._undo.append(lambda: self._cases.pop(alarm_id, None))
        self._put(_Copy(now_ms, fingerprint, alarm_id), is_local=False)
        return None

    def heard(self, alarm_id: str, now_ms: int) -> str | None:
        """The fingerprint of an alarm that came to this node and waits for its copy: for a node that was not there."""
        self._forget(now_ms)
        return self._heard.get(alarm_id)

    def _put(self, copy: _Copy, *, is_local: bool) -> None:
        self._waiting[is_local].setdefault(copy.fingerprint, deque()).append(copy)
        self._order.append((is_local, copy))
        self._undo += [self._order.pop, lambda: self._drop(copy, is_local=is_local, at=-1)]

    def _drop(self, copy: _Copy, *, is_local: bool, at: int) -> None:
        """Take the first (0) or last (-1) of what waits for a fingerprint, if it is this one."""
        waiting = self._waiting[is_local].get(copy.fingerprint)
        if waiting and waiting[at] is copy:
            del waiting[at]
            if not waiting:
                del self._waiting[is_local][copy.fingerprint]

    def _put_back(self, copy: _Copy, *, is_local: bool, was_heard: bool) -> None:
        self._waiting[is_local].setdefault(copy.fingerprint, deque()).appendleft(copy)
        if was_heard:
            self._heard[copy.alarm_id] = copy.fingerprint

    def _take(self, fingerprint: str, now_ms: int, *, is_local: bool) -> str | None:
        self._forget(now_ms)
        waiting = self._waiting[is_local].get(fingerprint)
        if not waiting:
            return None
        copy = waiting[0]
        self._drop(copy, is_local=is_local, at=0)
        was_heard = self._heard.pop(copy.alarm_id, None) is not None
        self._undo.append(lambda: self._put_back(copy, is_local=is_local, was_heard=was_heard))
        return copy.alarm_id

    def _forget(self, now_ms: int) -> None:
        since_ms = now_ms if self._since_ms is None else self._since_ms
        while self._order and (
            now_ms - max(self._order[0][1].at_ms, since_ms) > self._window_ms or len(self._order) > MAX_COUNT
        ):
            is_local, copy = self._order.popleft()
            self._cases.pop(copy.alarm_id, None)
            self._mates.pop(copy.alarm_id, None)
            self._heard.pop(copy.alarm_id, None)
            self._drop(copy, is_local=is_local, at=0)
