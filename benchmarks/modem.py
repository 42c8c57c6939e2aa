"""Texts through modems, side by side with gammu-smsd and smstools. ``python -m benchmarks.modem [--only …] [--quick]``.

All talk to the same simulated modems, which answer at once: what is measured is the program and its library.

- ``throughput``: texts a second from the hand-over of a batch to the last arrival, at one and at eight modems
- ``latency``: one text on an idle system, from its hand-over to its arrival in the network
- ``recovery``: unplugged for five seconds while a text waits; from the replug to its arrival
- ``kill``: kill -9 in the middle of a queue, start again: what is missing and what came twice
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from addispatch.domain.delivery import REPEAT_MARK
from addispatch.simulator import Network, Phone, SimulatedModem
from addispatch.simulator.phone import PhoneMessage
from benchmarks.modem_contestants import ALL, NUMBER, PATIENCE_S, Addispatch, Contestant, GammuSmsd, GammuSmsdDefault
from benchmarks.report import machine

#: How long one may wait for a text before it counts as missing, in seconds.
GIVE_UP_S = 150.0
UNPLUGGED_S = 5.0


@dataclass
class Stage:
    """Modems, and when which text arrived."""

    network: Network
    modems: list[SimulatedModem]
    contestant: Contestant
    arrivals: list[tuple[float, str]] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def arrived(self, _phone: Phone, message: PhoneMessage) -> None:
        self.arrivals.append((time.perf_counter(), message.text.strip()))
        self._news.set()

    async def wait(self, enough: Callable[[], bool], timeout_s: float = GIVE_UP_S) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not enough():
                    self._news.clear()
                    await self._news.wait()
        return enough()

    def has(self, text: str) -> bool:
        return any(text == arrived.removeprefix(REPEAT_MARK) for _at, arrived in self.arrivals)

    async def comes_up(self) -> None:
        """Each modem has sent something, and whoever can tell says it is ready."""
        async with asyncio.timeout(PATIENCE_S):
            while not await self.contestant.is_up():
                await asyncio.sleep(0.2)
        warm = [f"warm up {number}" for number in range(3 * len(self.modems))]
        await self.contestant.enqueue(warm)
        if not await self.wait(lambda: all(self.has(text) for text in warm)):
            raise RuntimeError(f"{self.contestant.name} does not send; see {self.contestant.folder}")
        await asyncio.sleep(2)


@contextlib.asynccontextmanager
async def stage(kind: type[Contestant], count: int) -> AsyncIterator[Stage]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder, network, modems = Path(name), Network(), []
        for number in range(count):
            modem = SimulatedModem(
                network, f"+65900000{number:02d}", link=folder / f"tty{number}", imei=f"3569380356438{number:02d}"
            )
            await modem.start()
            modems.append(modem)
        found = Stage(network, modems, kind(folder, [modem.port for modem in modems]))
        network.on_delivered = found.arrived
        await found.contestant.start()
        try:
            await found.comes_up()
            yield found
        finally:
            await found.contestant.stop()
            for modem in modems:
                await modem.stop()


async def throughput(kind: type[Contestant], modems: int, each: int) -> dict[str, float]:
    async with stage(kind, modems) as s:
        texts = [f"text {number}" for number in range(each * modems)]
        began_s = time.perf_counter()
        await s.contestant.enqueue(texts)
        complete = await s.wait(lambda: all(s.has(text) for text in texts), 60 + 5 * each)
        rate = len(texts) / (s.arrivals[-1][0] - began_s) if complete else 0.0
    return {f"texts/s at {modems} modem{'s' * (modems > 1)}": rate}


async def latency(kind: type[Contestant], count: int) -> dict[str, float]:
    times = []
    async with stage(kind, 1) as s:
        for number in range(count):
            await asyncio.sleep(2.0 + 0.37 * (number % 5))  # not in step with anybody's loop
            began_s = time.perf_counter()
            await s.contestant.enqueue([f"lone {number}"])
            if await s.wait(lambda text=f"lone {number}": s.has(text)):  # type: ignore[misc]
                times.append(s.arrivals[-1][0] - began_s)
    return {"lone text, s (median)": statistics.median(times), "lone text, s (longest)": max(times)}


async def recovery(kind: type[Contestant]) -> dict[str, float]:
    async with stage(kind, 1) as s:
        s.modems[0].unplug()
        await asyncio.sleep(UNPLUGGED_S / 2)
        await s.contestant.enqueue(["after the plug"])
        await asyncio.sleep(UNPLUGGED_S / 2)
        s.modems[0].replug()
        began_s = time.perf_counter()
        came = await s.wait(lambda: s.has("after the plug"))
        return {"replug to the waiting text, s": s.arrivals[-1][0] - began_s if came else float("inf")}


async def kill(kind: type[Contestant], count: int) -> dict[str, float]:
    async with stage(kind, 1) as s:
        texts = [f"queued {number}" for number in range(count)]
        before = len(s.arrivals)
        await s.contestant.enqueue(texts)
        await s.wait(lambda: len(s.arrivals) >= before + count // 3)
        await s.contestant.kill()
        await s.contestant.start()
        await s.wait(lambda: all(s.has(text) for text in texts), 60 + 5 * count)
        await asyncio.sleep(5)  # what comes twice comes late
        seen = [text for _at, text in s.arrivals[before:]]
    lost = sum(not (text in seen or REPEAT_MARK + text in seen) for text in texts)
    twice = sum(max(seen.count(text) - 1, 0) for text in texts)
    marked = sum(REPEAT_MARK + text in seen for text in texts)
    return {
        "kill -9: lost": lost,
        "kill -9: twice, unmarked": twice,
        "kill -9: marked as repeated": marked,
    }


Play = Callable[[type[Contestant]], Awaitable[dict[str, float]]]


def parts(options: argparse.Namespace) -> dict[str, list[tuple[Play, tuple[type[Contestant], ...]]]]:
    fast = tuple(kind for kind in ALL if kind is not GammuSmsdDefault)
    each, lone, queued = (6, 3, 9) if options.quick else (20, 10, 30)
    return {
        "throughput": [
            (lambda kind: throughput(kind, 1, each), fast),
            (lambda kind: throughput(kind, 8, each), fast),
        ],
        "latency": [(lambda kind: latency(kind, lone), ALL)],
        "recovery": [(recovery, ALL)],
        "kill": [(lambda kind: kill(kind, queued), fast)],
    }


async def run(options: argparse.Namespace) -> None:
    known = parts(options)
    for name in options.only.split(",") if options.only else known:
        for play, kinds in known[name]:
            figures: dict[str, dict[str, float]] = {}
            for kind in kinds:
                if missing := kind.missing():
                    print(f"{kind.name} is left out: {', '.join(missing)} is not installed", file=sys.stderr)
                    continue
                try:
                    for figure, value in (await play(kind)).items():
                        figures.setdefault(figure, {})[kind.name] = value
                except (RuntimeError, TimeoutError) as error:
                    print(f"{kind.name}, {name}: {error!r}", file=sys.stderr)
            for figure, values in figures.items():
                show(figure, values)


def show(figure: str, values: dict[str, float]) -> None:
    """One line per figure: each contestant, and ours divided by theirs."""
    ours = values.get(Addispatch.name)
    cells = []
    for name, value in values.items():
        ratio = f" (ratio {ours / value:.2f})" if ours is not None and value and name != Addispatch.name else ""
        cells.append(f"{name} {value:.3g}{ratio}")
    print(f"{figure}: " + "; ".join(cells), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="throughput,latency,recovery,kill")
    parser.add_argument("--quick", action="store_true", help="few texts: does it work?")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        print(machine(Path(name)))
    print(f"all texts to {NUMBER}; ratio: {Addispatch.name} divided by the other; fastest setting: {GammuSmsd.__doc__}")
    asyncio.run(run(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
