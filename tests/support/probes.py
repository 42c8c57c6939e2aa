"""A probe that shows what the test says, for stories of monitors.

    async with Tale(tmp_path, TEAM) as tale, watching(tale, watched("Boiler", limits={Limit.HI: 90.0})) as dials:
        await dials.shows("Boiler", 95)
        await tale.phone("Adam").expects("Boiler: 95, above HI 90")

Readings follow each other in a few milliseconds; the delays of monitors go by the tale's clock.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Hashable, Iterator, Sequence
from typing import Any

from tale import Tale, after, group, people, policy, settings

from addispatch.domain.errors import StoreError
from addispatch.domain.judgement import Limit, Reading, Rules
from addispatch.domain.monitor import Monitor
from addispatch.sdk import Alarm, ProbeKeys

#: A group that need not acknowledge, and one whose members are asked.
TEAM = people("Adam", "Jane", "Bo", "Chief") + settings() + group("Team", "Adam", policy="") + policy(after(5, "Bo"))
ASKED = people("Adam", "Jane", "Bo", "Chief") + settings() + group("Team", "Adam", "Jane") + policy(after(5, "Bo"))
HOT = {"limits": {Limit.HI: 80.0, Limit.HIHI: 90.0}, "deadband": 2.0}

INTERVAL_S = 0.01


@contextlib.contextmanager
def nothing_stored(tale: Tale) -> Iterator[None]:
    """The ledger takes no alarms."""

    def refuse(_alarm: Alarm) -> asyncio.Future[Any]:
        future = asyncio.get_running_loop().create_future()
        future.set_exception(StoreError("the disk is full"))
        return future

    node = tale.node
    accept, node.accept = node.accept, refuse  # type: ignore[method-assign]
    try:
        yield
    finally:
        node.accept = accept  # type: ignore[method-assign]


class DialKeys(ProbeKeys):
    """The keys of a dial."""

    dial: str
    device: str = ""


def watched(name: str, *, to: tuple[str, ...] = ("Team",), device: str = "", **options: Any) -> Monitor:
    """A monitor of a dial of its own name; options of its rules may be given, too."""
    rules = {key: options.pop(key) for key in tuple(options) if key in Rules.__slots__}
    options.setdefault("interval_s", INTERVAL_S)
    keys = {"dial": name, "device": device or name}
    return Monitor(id=name.lower(), name=name, probe="dial", keys=keys, to=to, rules=Rules(**rules), **options)


class Dials:
    """Implements ``sdk.Probe``."""

    name = "dial"

    def __init__(self, tale: Tale, shown: dict[str, Any] | None = None, hidden: set[str] | None = None) -> None:
        self._tale = tale
        self._shown: dict[str, Any] = shown or {}
        self._hidden: set[str] = hidden or set()
        self.reads: dict[str, int] = {}
        self.prepared: list[str] = []
        self.fails: Exception | None = None
        self._read = asyncio.Event()

    def group(self, keys: DialKeys) -> Hashable:
        return keys.device

    def prepare(self, keys: Sequence[DialKeys]) -> None:
        self.prepared = [one.dial for one in keys]

    async def read(self, keys: Sequence[DialKeys], timeout_s: float) -> Sequence[Reading]:
        if self.fails:
            raise self.fails
        readings = [self._reading(one.dial) for one in keys]
        for one in keys:
            self.reads[one.dial] = self.reads.get(one.dial, 0) + 1
        self._read.set()
        return readings

    def _reading(self, dial: str) -> Reading:
        if dial in self._hidden:
            return Reading(problem="no answer")
        return Reading(self._shown.get(dial, 0))

    async def shows(self, dial: str, value: Any) -> None:
        """From now on; done when it has been read and judged."""
        self._shown[dial] = value
        self._hidden.discard(dial)
        await self.is_read(dial)

    async def hides(self, *dials: str, times: int = 4) -> None:
        """These do not answer any more; done when that was seen so often."""
        self._hidden |= set(dials)
        for dial in dials:
            await self.is_read(dial, times)

    async def is_read(self, dial: str, times: int = 2) -> None:
        """Wait until it is read so often from now on; the last but one is judged then."""
        until = self.reads.get(dial, 0) + times
        async with asyncio.timeout(20):
            while self.reads.get(dial, 0) < until:
                self._read.clear()
                await self._read.wait()
        await self._tale.quiet()


@contextlib.asynccontextmanager
async def watching(tale: Tale, *monitors: Monitor, **begin: Any) -> AsyncIterator[Dials]:
    """The node watches these dials as long as the block lasts."""
    dials = Dials(tale, **begin)
    await watch(tale, dials, *monitors)
    try:
        yield dials
    finally:
        await tale.node.monitoring.stop()


async def watch(tale: Tale, dials: Dials, *monitors: Monitor) -> None:
    """Let the node watch these and no others."""
    tale.node.host.probe_keys = lambda: {"dial": DialKeys}  # type: ignore[method-assign]
    await tale.node.monitoring.use({one.id: one for one in monitors}, {"dial": dials})
