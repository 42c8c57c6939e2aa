"""How long a loop stalls and where, without what other programs on the machine take from it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

_STEP_S = 0.005
#: Stalls longer than this are looked into.
_WORTH_A_LOOK_S = 0.03


@dataclass(eq=False)
class Lag:
    """``worst_s``: the longest stall so far; ``where``: what the loop's thread was doing in the middle of it."""

    worst_s: float = 0.0
    where: str = ""

    def reset(self) -> None:
        self.worst_s, self.where = 0.0, ""


def _waits_s() -> dict[str, float]:
    """How long each of our threads was ready and had no processor: proc(5), schedstat, second field, nanoseconds."""
    waits = {}
    for stat in Path("/proc/self/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # a thread that just ended
            waits[stat.parent.name] = int(stat.read_text().split()[1]) / 1e9
    return waits


def _more_s(before: dict[str, float]) -> float:
    """How much longer those threads have waited since."""
    return sum(max(0.0, wait_s - before[thread]) for thread, wait_s in _waits_s().items() if thread in before)


def _places(frame: FrameType | None) -> str:
    """Innermost first. Plain numbers: reading the source lines would take longer than most stalls, and the GIL."""
    places = []
    while frame is not None and len(places) < 10:
        places.append(f"{frame.f_code.co_qualname} ({frame.f_code.co_filename}:{frame.f_lineno})")
        frame = frame.f_back
    return " < ".join(places)


class _Onlooker(threading.Thread):
    """Looks at the loop's thread when that has not come by for a while."""

    def __init__(self) -> None:
        super().__init__(name="onlooker", daemon=True)
        self._of = threading.get_ident()
        self._tick, self._ended = threading.Event(), threading.Event()
        self.seen = ""

    def tick(self) -> None:
        self.seen = ""
        self._tick.set()

    def run(self) -> None:
        while not self._ended.is_set():
            self._tick.clear()
            if not self._tick.wait(_WORTH_A_LOOK_S):
                self.seen = self.seen or _places(sys._current_frames().get(self._of))

    def stop(self) -> None:
        self._ended.set()
        self._tick.set()


class _Watch:
    """Watches one loop for all who want to know: to look at every thread two hundred times a second has its price."""

    def __init__(self) -> None:
        self.lags: list[Lag] = []
        self._onlooker = _Onlooker()
        self._onlooker.start()
        self._task = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            waits_s, due_s = _waits_s(), loop.time() + _STEP_S
            self._onlooker.tick()
            await asyncio.sleep(_STEP_S)
            late_s = loop.time() - due_s
            if late_s > min(lag.worst_s for lag in self.lags):  # only then the second look is worth its price
                late_s -= _more_s(waits_s)
                for lag in self.lags:
                    if late_s > lag.worst_s:
                        lag.worst_s, lag.where = late_s, self._onlooker.seen

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._onlooker.stop()


_watches: dict[asyncio.AbstractEventLoop, _Watch] = {}


@contextlib.asynccontextmanager
async def lag_probe() -> AsyncIterator[Lag]:
    """Watch the running loop while the block lasts."""
    loop, lag = asyncio.get_running_loop(), Lag()
    if loop not in _watches:
        _watches[loop] = _Watch()
    watch = _watches[loop]
    watch.lags.append(lag)
    try:
        yield lag
    finally:
        watch.lags.remove(lag)
        if not watch.lags:
            del _watches[loop]
            await watch.stop()
