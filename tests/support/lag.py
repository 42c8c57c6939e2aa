"""How long a loop stalls, without what other programs on the machine take from it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

_STEP_S = 0.005


@dataclass
class Lag:
    """``worst_s``: the longest stall so far."""

    worst_s: float = 0.0

    def reset(self) -> None:
        self.worst_s = 0.0


def _waited_s() -> float:
    """How long our threads were ready and had no processor: proc(5), schedstat, second field, nanoseconds."""
    waits = []
    for stat in Path("/proc/self/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # a thread that just ended
            waits.append(int(stat.read_text().split()[1]))
    return sum(waits) / 1e9


@contextlib.asynccontextmanager
async def lag_probe() -> AsyncIterator[Lag]:
    """Watch the running loop while the block lasts."""
    lag = Lag()
    loop = asyncio.get_running_loop()

    async def watch() -> None:
        while True:
            waited_s, due_s = _waited_s(), loop.time() + _STEP_S
            await asyncio.sleep(_STEP_S)
            late_s = loop.time() - due_s
            if late_s > lag.worst_s:  # only then the second look is worth its price
                lag.worst_s = max(lag.worst_s, late_s - (_waited_s() - waited_s))

    task = loop.create_task(watch())
    try:
        yield lag
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
