"""Monitoring at scale, beside a bare pymodbus client. ``python -m benchmarks.monitoring [rate] [density] [many] [outage]``.

``rate``: readings per second through engine, probe and judgement, as fast as they go, and pymodbus's client in a plain
loop on the same devices. ``density``: 5,000 devices each second, how late readings begin. ``many``: 9,999 monitors of
1,000 devices every 10 s, processor and memory, and whether the start bursts. ``outage``: all devices silent at once.

Each measurement has a fresh process on core 0; the devices share one on another core. ``--profile`` shows what
``density`` spends its time on.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import gc
import json
import os
import pstats
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from addispatch.app import started
from addispatch.config import Config
from addispatch.config.models import HttpConfig, NodeConfig
from addispatch.domain.judgement import Limit, Rules
from addispatch.domain.monitor import Monitor
from addispatch.domain.monitor_memory import unpacked
from addispatch.engine.monitoring import Monitoring
from benchmarks.modbus_devices import devices, host
from benchmarks.report import machine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from addispatch.engine.node import Node

CORE, OTHER_CORE = 0, min(1, (os.cpu_count() or 1) - 1)
PEOPLE = '[[recipient]]\nname = "Adam"\nchannels = ["log"]\n'
#: The device's register wanders between 42 and 43.
RULES = Rules(limits={Limit.HIHI: 90.0, Limit.HI: 80.0}, deadband=2.0)

Figures = dict[str, float]


# -- what is measured with -------------------------------------------------------------------------------------------


class Watch:
    """When readings began, how late, and how long the loop was busy with something else, for as long as it is ``on``."""

    def __init__(self) -> None:
        self.began: list[float] = []
        self.late_ms: list[float] = []
        self.loop_lag_ms: list[float] = []
        self.on = False
        inner = Monitoring._read  # noqa: SLF001
        watch = self

        async def read(self: Monitoring, group: Any) -> Any:
            if watch.on:
                watch.began.append(time.perf_counter())
                watch.late_ms.append(group.lag_s * 1000)
            return await inner(self, group)

        Monitoring._read = read  # type: ignore[method-assign]  # noqa: SLF001

    async def feel(self, every_s: float = 0.005) -> None:
        """Sleep again and again, and see how much longer it took."""
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + every_s
            await asyncio.sleep(every_s)
            if self.on:
                self.loop_lag_ms.append((loop.time() - due_s) * 1000)

    @contextlib.asynccontextmanager
    async def measuring(self) -> AsyncIterator[Figures]:
        """Processor time, lateness and lag of the block, put into what it yields."""
        figures: Figures = {}
        feeling = asyncio.get_running_loop().create_task(self.feel())
        self.on, cpu_s, wall_s = True, time.process_time(), time.perf_counter()
        try:
            yield figures
        finally:
            self.on = False
            feeling.cancel()
        cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
        count = max(1, len(self.began))
        figures |= {"readings/s": len(self.began) / wall_s, "core %": cpu_s / wall_s * 100}
        figures["CPU µs per reading"] = cpu_s / count * 1e6
        for name, values in (("late", self.late_ms), ("loop lag", self.loop_lag_ms)):
            figures |= {f"{name} {what} ms": p(values, share) for what, share in (("p50", 0.5), ("p99", 0.99))}
            figures[f"{name} max ms"] = max(values, default=0.0)


def p(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def rss_kb() -> float:
    gc.collect()
    return int(re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())[1])  # type: ignore[index]


@contextlib.asynccontextmanager
async def node(monitors: str = "") -> AsyncIterator[Node]:
    """A whole node, with the monitors of a directory if some are given."""
    with tempfile.TemporaryDirectory(prefix="monitoring-") as name:
        folder = Path(name)
        (folder / "directory.toml").write_text(PEOPLE + monitors)
        config = Config(
            node=NodeConfig(data_dir=folder / "data"), http=HttpConfig(listen=""), plugin={"log": {}, "modbus": {}}
        )
        async with started(config, folder / "directory.toml") as running:
            while "modbus" not in running.host.probes():
                await asyncio.sleep(0.01)
            yield running


def monitor(number: int, port: int, *, device: int | None = None, **options: Any) -> Monitor:
    keys = {"host": host(number if device is None else device), "port": port, "register": "holding", "address": 0}
    keys |= options.pop("keys", {})
    options.setdefault("rules", RULES)
    return Monitor(id=f"m{number}", name=f"M{number}", probe="modbus", keys=keys, to=("Adam",), **options)


async def watch_these(running: Node, monitors: list[Monitor]) -> None:
    await running.monitoring.use({one.id: one for one in monitors}, running.host.probes())


async def all_read(running: Node) -> None:
    """Wait until each monitor was read once, and none failed."""
    while any(not one.read_count for one in running.monitoring.watched):
        await asyncio.sleep(0.1)
    if failing := [one for one in running.monitoring.watched if one.state.problem]:
        print(f"  ! {len(failing)} fail: {failing[0].state.problem}", file=sys.stderr)


# -- the parts, each in a process of its own -------------------------------------------------------------------------


async def rate_ours(port: int, connections: int, seconds: float) -> Figures:
    watch = Watch()
    async with node() as running:
        # The interval is never kept: each device is read again as soon as it has answered.
        await watch_these(running, [monitor(n, port, interval_s=0.001) for n in range(connections)])
        await all_read(running)
        async with watch.measuring() as figures:
            await asyncio.sleep(seconds)
    return {name: figures[name] for name in ("readings/s", "CPU µs per reading")}


async def rate_bare(port: int, connections: int, seconds: float) -> Figures:
    from pymodbus.client import AsyncModbusTcpClient

    clients = [AsyncModbusTcpClient(host(n), port=port) for n in range(connections)]
    for client in clients:
        await client.connect()
    count, until_s = 0, 0.0

    async def read(client: AsyncModbusTcpClient) -> None:
        nonlocal count
        while time.perf_counter() < until_s:
            answer = await client.read_holding_registers(0, count=1)
            assert answer.registers[0] in (42, 43)
            count += 1

    began_s, cpu_s = time.perf_counter(), time.process_time()
    until_s = began_s + seconds
    await asyncio.gather(*map(read, clients))
    took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - cpu_s
    for client in clients:
        client.close()
    return {"readings/s": count / took_s, "CPU µs per reading": cpu_s / count * 1e6}


async def density(port: int, count: int, seconds: float, *, is_profiled: bool) -> Figures:
    watch = Watch()
    async with node() as running:
        await watch_these(running, [monitor(n, port, interval_s=1.0) for n in range(count)])
        await all_read(running)
        await asyncio.sleep(2)
        profile = cProfile.Profile()
        async with watch.measuring() as figures:
            if is_profiled:
                profile.enable()
            await asyncio.sleep(seconds)
            profile.disable()
        if is_profiled:
            pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(45)
    return figures


def definition(number: int, port: int, device: int) -> str:
    return (
        f'[[monitor]]\nname = "M{number}"\nprobe = "modbus"\nhost = "{host(device)}"\nport = {port}\nregister = "holding"\n'
        f'address = {number // 1000}\ninterval_s = 10\nhi = 80\nhihi = 90\ndeadband = 2\nto = ["Adam"]\n'
    )


async def many(port: int, count: int, device_count: int, seconds: float) -> Figures:
    watch = Watch()
    monitors = "".join(definition(n, port, n % device_count) for n in range(count))
    began_s = time.perf_counter()
    watch.on = True
    async with node(monitors) as running:
        while not running.monitoring.documents():
            await asyncio.sleep(0.01)
        started_s = time.perf_counter() - began_s
        await all_read(running)
        first = Counter(int((at_s - watch.began[0]) * 10) for at_s in watch.began)
        burst = max(first.values()) / (device_count / 100)
        watch.began.clear()
        watch.late_ms.clear()
        async with watch.measuring() as figures:
            await asyncio.sleep(seconds)
        return {"start s": started_s, "busiest 0.1 s of the start": burst, "RSS kB": rss_kb()} | figures


async def nothing(seconds: float) -> Figures:
    watch = Watch()
    async with node() as running:
        await asyncio.sleep(3)
        async with watch.measuring() as figures:
            await asyncio.sleep(seconds)
        assert not running.monitoring.documents()
        return {"RSS kB": rss_kb(), "core %": figures["core %"]}


def told_count(running: Node) -> int:
    """Monitors whose loss of contact was told: cheap enough to be asked often."""
    return sum(one._told.is_lost for one in running.monitoring.watched)  # noqa: SLF001


def lost_count(running: Node) -> int:
    """The same by the memory of the ledger."""
    marks = running.ledger.marks
    return sum(unpacked(marks.get(one.mark_name)).is_lost for one in running.monitoring.watched)


async def outage(port: int, count: int, pid: int, *, with_parent: bool) -> Figures:
    """Devices fall silent at once (their process is stopped): when the alarms are on disk."""
    # A time-out as long as the interval would leave out each second reading.
    interval_s, timeout_s, retries = 1.0, 0.5, 2
    watch = Watch()
    rules = Rules(limits=RULES.limits, retries=retries)
    times = {"interval_s": interval_s, "timeout_s": timeout_s, "rules": rules}
    async with node() as running:
        parent = [monitor(0, port, **times)]
        rest = [monitor(n, port, parent="m0" if with_parent else "", **times) for n in range(1, count)]
        await watch_these(running, parent + rest)
        await all_read(running)
        await asyncio.sleep(2)
        # On a busy machine some fail without being silent: those are no alarms of the outage, but they are told.
        lost_before_count = told_count(running)
        opened: list[float] = []
        end = running.feed.subscribe(
            lambda event: opened.append(time.perf_counter()) if event["kind"] == "AlarmAccepted" else None
        )
        expected = 1 if with_parent else count
        async with watch.measuring() as figures:
            os.kill(pid, signal.SIGSTOP)
            silent_s = time.perf_counter()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(60):
                    while told_count(running) < expected:
                        await asyncio.sleep(0.02)
            told_s = time.perf_counter() - silent_s
            await asyncio.sleep(3)
        os.kill(pid, signal.SIGCONT)
        end()
        # The next reading, the retries, and the last one's time-out: so long no alarm may come at all.
        delay_s = interval_s + retries * max(interval_s, timeout_s) + timeout_s
        late = {"all told after the delay s": told_s - delay_s, "delay s": delay_s, "told": float(lost_count(running))}
        late |= {"alarms accepted": float(len(opened)), "lost before": float(lost_before_count)}
        return late | {name: figures[name] for name in figures if "loop lag" in name}


def inside(given: argparse.Namespace) -> Figures:
    """Run one measurement in this process."""
    os.sched_setaffinity(0, {CORE})
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    part, port, count, seconds = given.inside, given.port, given.count, given.seconds
    runs = {
        "ours": lambda: rate_ours(port, count, seconds),
        "bare": lambda: rate_bare(port, count, seconds),
        "density": lambda: density(port, count, seconds, is_profiled=given.profile),
        "many": lambda: many(port, count, max(1, count // 10 + 1), seconds),
        "nothing": lambda: nothing(seconds),
        "outage": lambda: outage(port, count, given.pid, with_parent=False),
        "parent": lambda: outage(port, count, given.pid, with_parent=True),
    }
    return asyncio.run(runs[part]())


# -- outside ---------------------------------------------------------------------------------------------------------


def measure(part: str, count: int, seconds: float, *more: str) -> Figures:
    """Run one measurement in a fresh process beside fresh devices."""
    with devices(OTHER_CORE) as (port, process):
        arguments = ["--inside", part, "--port", port, "--count", count, "--seconds", seconds, "--pid", process.pid]
        command = [sys.executable, "-m", "benchmarks.monitoring", *map(str, arguments), *more]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def show(figures: Figures, *names: str) -> str:
    return ", ".join(f"{name} {figures[name]:,.4g}" for name in names or figures)


def rate(runs: int, seconds: float) -> None:
    for connections in (100, 1000):
        pairs = [(measure("ours", connections, seconds), measure("bare", connections, seconds)) for _ in range(runs)]
        for name, goal in (("readings/s", "goal 0.6"), ("CPU µs per reading", "")):
            ours, bare = ([one[side][name] for one in pairs] for side in (0, 1))
            ratio = statistics.median(a / b for a, b in zip(ours, bare, strict=True))
            print(
                f"{connections} connections, {name}: {statistics.median(ours):,.0f} beside"
                f" {statistics.median(bare):,.0f} of a bare pymodbus loop: {ratio:.2f} {goal}"
            )


def main() -> int:
    parser = argparse.ArgumentParser(description=re.sub(r"\s+", " ", __doc__ or ""))
    parser.add_argument("parts", nargs="*", default=["rate", "density", "many", "outage"])
    parser.add_argument("--quick", action="store_true", help="does it work?")
    parser.add_argument("--runs", type=int, default=3, help="pairs of ``rate``")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    for name in ("port", "count", "pid"):
        parser.add_argument(f"--{name}", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        print(json.dumps(inside(given)))
        return 0
    quick, more = given.quick, ["--profile"] if given.profile else []
    with tempfile.TemporaryDirectory() as folder:
        print(machine(Path(folder)))
    if "rate" in given.parts:
        rate(1 if quick else given.runs, 3 if quick else 10)
    if "density" in given.parts:
        for count in (500,) if quick else (3000, 5000):
            print(f"{count} devices each second: {show(measure('density', count, 5 if quick else 20, *more))}")
    if "many" in given.parts:
        count = 999 if quick else 9999
        rest, figures = measure("nothing", 0, 3), measure("many", count, 11 if quick else 30)
        figures["kB per monitor"] = (figures.pop("RSS kB") - rest["RSS kB"]) / count
        figures["core % at rest"] = rest["core %"]
        print(f"{count} monitors, ten of a device, every 10 s: {show(figures)}")
    if "outage" in given.parts:
        count = 100 if quick else 1000
        print(f"{count} devices silent at once: {show(measure('outage', count, 0))}")
        print(f"the same behind one parent: {show(measure('parent', count, 0))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
