"""Who has been silent for too long. For probes of what reports by itself (``heartbeat``, ``mqtt_silence``).

What is known survives a restart: a source that was silent before is silent until it is heard, and the clock of one that
reports once a day does not begin anew with each restart.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from addispatch.sdk.context import Context

#: After a time in which nobody could be heard (a restart, a broker out of reach) silence begins at the earliest when a
#: source had its ``max_silence_s`` again to report, or so long, in seconds.
GRACE_S = 3600.0
#: When a source was heard is stored at most so often, in seconds, and at most ten times in its ``max_silence_s``.
STORE_S = 30.0


@dataclass(slots=True)
class _One:
    max_s: float
    heard_s: float
    not_before_s: float
    is_known: bool = False
    """It was heard once, not only expected."""
    is_silent: bool = False
    is_stored: bool = True
    stored_s: float = float("-inf")


class Silences:
    """The sources of one probe, by name. ``prefix`` begins the names of its marks in the ledger."""

    def __init__(self, context: Context, prefix: str) -> None:
        self._context, self._prefix = context, prefix
        self._all: dict[str, _One] = {}

    def watch(self, sources: Mapping[str, float]) -> None:
        """Expect these, each at least in so many seconds, and no others."""
        gone = [name for name in self._all if name not in sources]
        for name in gone:
            del self._all[name]
        known = {f"{self._prefix}{name}": b"" for name in gone if self._context.recall(f"{self._prefix}{name}")}
        if known:
            self._settle(known)
        for name, max_s in sources.items():
            one = self._all.get(name)
            if one is None:
                self._all[name] = self._begun(name, max_s)
            elif one.max_s != max_s:
                one.max_s, one.is_silent, one.is_stored = max_s, False, False

    def heard(self, name: str) -> None:
        """A source reports; of one that is not expected nothing is kept."""
        if one := self._all.get(name):
            one.heard_s, one.is_known, one.is_stored = self._now_s(), True, False
            if one.is_silent:
                one.is_silent, one.stored_s = False, float("-inf")

    def deaf(self) -> None:
        """Until now nobody could be heard: nobody is to blame for that."""
        now_s = self._now_s()
        for one in self._all.values():
            one.not_before_s = now_s + min(one.max_s, GRACE_S)

    def is_silent(self, name: str) -> bool:
        """Whether it is; not for one that is not expected."""
        one = self._all.get(name)
        if one is None:
            return False
        now_s = self._now_s()
        if not one.is_silent and now_s - one.heard_s >= one.max_s and now_s >= one.not_before_s:
            one.is_silent, one.is_stored, one.stored_s = True, False, float("-inf")
        return one.is_silent

    def has_reported(self, name: str) -> bool:
        """Whether it was ever heard."""
        one = self._all.get(name)
        return one is not None and one.is_known

    def store(self, *, everything: bool = False) -> asyncio.Future[None] | None:
        """Keep what changed, in one commit; call it now and then. ``everything``: at the end."""
        now_s, marks = self._now_s(), {}
        for name, one in self._all.items():
            if one.is_stored or (not everything and now_s - one.stored_s < max(STORE_S, one.max_s / 10)):
                continue
            heard_ms = self._context.clock.now_ms() - round((now_s - one.heard_s) * 1000)
            marks[f"{self._prefix}{name}"] = orjson.dumps(
                {"heard_ms": heard_ms, "silent": one.is_silent, "known": one.is_known}
            )
            one.is_stored, one.stored_s = True, now_s
        return self._settle(marks) if marks else None

    def _settle(self, marks: dict[str, bytes]) -> asyncio.Future[None]:
        future = self._context.settle(marks)
        future.add_done_callback(lambda done: self._settled(done, tuple(marks)))
        return future

    def _settled(self, done: asyncio.Future[None], marks: tuple[str, ...]) -> None:
        """A ledger that takes nothing says so itself; here it is tried again the next time."""
        if done.cancelled() or done.exception() is not None:
            for name in marks:
                if one := self._all.get(name.removeprefix(self._prefix)):
                    one.is_stored, one.stored_s = False, float("-inf")

    def _begun(self, name: str, max_s: float) -> _One:
        now_s = self._now_s()
        fresh = _One(max_s, now_s, now_s + min(max_s, GRACE_S), is_stored=False)
        value = self._context.recall(f"{self._prefix}{name}")
        if not value:
            return fresh
        with contextlib.suppress(ValueError, KeyError, TypeError):  # of another version
            doc = orjson.loads(value)
            ago_s = max(self._context.clock.now_ms() - doc["heard_ms"], 0) / 1000
            fresh.heard_s, fresh.is_silent, fresh.is_known = now_s - ago_s, bool(doc["silent"]), bool(doc["known"])
            fresh.is_stored = True
        return fresh

    def _now_s(self) -> float:
        return self._context.clock.monotonic_s()
