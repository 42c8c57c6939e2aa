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


@dataclass
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


@contextlib.asynccontextmanager
async def lag_probe() -> AsyncIterator[Lag]:
    """Watch the running loop while the block lasts."""
    lag, onlooker = Lag(), _Onlooker()
    loop = asyncio.get_running_loop()

    async def watch() -> None:
        while True:
            waits_s, due_s = _waits_s(), loop.time() + _STEP_S
            onlooker.tick()
            await asyncio.sleep(_STEP_S)
            late_s = loop.time() - due_s
            if late_s > lag.worst_s:  # only then the second look is worth its price
                late_s -= _more_s(waits_s)
                if late_s > lag.worst_s:
                    lag.worst_s, lag.where = late_s, onlooker.seen

    onlooker.start()
    task = loop.create_task(watch())
    try:
        yield lag
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        onlooker.stop()
