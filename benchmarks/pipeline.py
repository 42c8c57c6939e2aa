"""Side by side with mqttwarn: from an MQTT publish to the hand-over, on one machine, in one run. ``make bench``.

Each contestant runs on core 0; broker, load and sink share core 1. Every measurement starts a fresh broker, a fresh data
folder and a fresh contestant, first the one then the other, in alternating order; the table gives medians and ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import load, slowdisk
from benchmarks.broker import mosquitto
from benchmarks.contestants import Addispatch, Definition, Mqttwarn
from benchmarks.growth import multiply
from benchmarks.process import Contestant
from benchmarks.report import Figures, machine
from benchmarks.sink import PROBES, Outlet, file_outlet, mail_outlet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "addispatch-bench"
#: A contestant that takes less of its core than this has nothing to do.
REST_SHARE = 0.03
#: How busy ``busy`` is.
PEAK_SHARE = 0.8
CONTESTANT_CORE, OTHER_CORE = 0, min(1, (os.cpu_count() or 1) - 1)


@dataclass
class Stage:
    """A contestant that has delivered its first message, with everything around it."""

    definition: Definition
    folder: Path
    broker_port: int
    outlet: Outlet
    environment: dict[str, str]
    contestant: Contestant
    started_s: float = 0.0

    def start(self) -> None:
        """Start (again) and wait until a probe comes through."""
        before, began = self.outlet.probes, time.monotonic()
        command = self.definition.command(self.folder, self.broker_port, self.outlet)
        self.contestant = Contestant(command, self.folder, CONTESTANT_CORE, self.environment)
        while self.outlet.probes == before:
            load.run(self.broker_port, PROBES + time.monotonic_ns() % PROBES, 1, 0)
            self.outlet.wait(0.01)
            if time.monotonic() - began > 30 or self.contestant.process.poll() is not None:
                log = (self.folder / "contestant.log").read_text()[-2000:]
                raise SystemExit(f"{self.definition.name} delivers nothing:\n{log}")
        self.started_s = time.monotonic() - began

    def rest(self) -> None:
        """Wait until what is left of the start is done: what a start costs is measured by itself (``idle``)."""
        until_s, busy_s = time.monotonic() + 15, 1.0
        while busy_s > REST_SHARE and time.monotonic() < until_s:
            cpu_s = self.contestant.cpu_s()
            time.sleep(1)
            busy_s = self.contestant.cpu_s() - cpu_s

    def publish(self, count: int, rate_per_s: float = 0.0) -> subprocess.Popen[str]:
        """Let the load generator run beside us."""
        program = [sys.executable, str(Path(load.__file__)), "--port", str(self.broker_port)]
        arguments = ["--count", str(count), "--rate", str(rate_per_s)]
        return subprocess.Popen([*program, *arguments], stdout=subprocess.PIPE, text=True)


@contextmanager
def stage(
    definition: Definition, *, inflight: int = 1000, connections: int = 0, delay_ms: float = 0
) -> Iterator[Stage]:
    """A fresh broker, sink and contestant; ``connections`` chooses mail instead of the file."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=CACHE, prefix=f"{definition.name}-")))
        port = stack.enter_context(mosquitto(folder, OTHER_CORE, inflight))
        mails = connections and mail_outlet(folder, OTHER_CORE, connections)
        outlet = stack.enter_context(mails or file_outlet(folder))
        environment = slowdisk.environment(CACHE, delay_ms)
        it = Stage(definition, folder, port, outlet, environment, None)  # type: ignore[arg-type]
        it.start()
        # Not a bound method: a kill and restart in between replaces the contestant.
        stack.callback(lambda: it.contestant.stop())  # noqa: PLW0108
        while outlet.wait(0.5):  # the rest of the probes
            pass
        it.rest()
        yield it


def burst(it: Stage, count: int) -> dict[str, float]:
    """Publish all at once: deliveries per second from the first publish to the last delivery, and processor time each."""
    cpu_s = it.contestant.cpu_s()
    load_process = it.publish(count)
    it.outlet.wait_for(count, quiet_s=20)
    sent = json.loads(load_process.communicate()[0])
    if len(it.outlet.seen) < count:
        print(f"  ! {it.definition.name}: {count - len(it.outlet.seen)} of {count} did not arrive", file=sys.stderr)
    seconds = (it.outlet.last_ns - sent["start_ns"]) / 1e9
    return {"msg/s": len(it.outlet.seen) / seconds, "CPU µs": (it.contestant.cpu_s() - cpu_s) / count * 1e6}


def throughput(definition: Definition, quick: bool) -> dict[str, float]:
    """Bursts of 20,000 with a broker that keeps 1,000 in flight, and with the default of 20."""
    figures = {}
    for inflight in (1000, 20):
        with stage(definition, inflight=inflight) as it:
            result = burst(it, 5_000 if quick else 20_000)
        figures |= {f"burst, {name}, broker window {inflight}": value for name, value in result.items()}
    return figures


def latency(definition: Definition, quick: bool) -> dict[str, float]:
    """Publish to hand-over at a calm and at a busy rate."""
    calm = hand_over(definition, 20, 5 if quick else 20, "20/s")
    return calm | hand_over(definition, 3500, 2 if quick else 6, "3500/s")


def busy(definition: Definition, quick: bool) -> dict[str, float]:
    """The same at four fifths of what mqttwarn takes in a burst: as busy on any machine, whatever it is worth."""
    rate = int(PEAK_SHARE * peer_peak())
    share = f"{PEAK_SHARE:.0%} of mqttwarn's peak"
    return {f"{share}, msg/s": rate, **hand_over(definition, rate, 2 if quick else 6, share)}


@cache
def peer_peak() -> float:
    """The middle of three bursts of mqttwarn, in messages per second."""
    peer = Mqttwarn()
    peer.install(CACHE)
    rates = []
    for _ in range(3):
        with stage(peer) as it:
            rates.append(burst(it, 5_000)["msg/s"])
    return statistics.median(rates)


def hand_over(definition: Definition, rate_per_s: int, seconds: int, name: str) -> dict[str, float]:
    """Publish to hand-over at a rate, p50 and p99."""
    with stage(definition) as it:
        load_process = it.publish(rate_per_s * seconds, rate_per_s)
        it.outlet.wait_for(rate_per_s * seconds, quiet_s=5, pause_s=0)
        load_process.communicate()
    times = sorted(times[0] for times in it.outlet.seen.values())
    p50, p99 = statistics.median(times), times[int(len(times) * 0.99)]
    return {f"latency at {name}, p50 ms": p50, f"latency at {name}, p99 ms": p99}


def smtp(definition: Definition, quick: bool) -> dict[str, float]:
    """Mails per second over one and over eight connections (mqttwarn: workers)."""
    figures = {}
    for connections in (1, 8):
        with stage(definition, connections=connections) as it:
            result = burst(it, 1_000 if quick else 4_000)
        figures |= {f"mail, {connections} connection(s), {name}": value for name, value in result.items()}
    return figures


def loss(definition: Definition, quick: bool) -> dict[str, float]:
    """kill -9 in the middle of a burst of 5,000 (QoS 1, broker answered all), restart, count."""
    count = 2_000 if quick else 5_000
    with stage(definition) as it:
        load_process = it.publish(count)
        it.outlet.wait_for(count // 5, quiet_s=20)
        it.contestant.kill()
        load_process.communicate()
        it.start()
        it.outlet.wait_for(count, quiet_s=8)
        it.outlet.wait(1.0)
        return {
            f"kill -9 in a burst of {count:,}: lost": count - len(it.outlet.seen),
            f"kill -9 in a burst of {count:,}: repeated": it.outlet.total - len(it.outlet.seen),
        }


def idle(definition: Definition, quick: bool) -> dict[str, float]:
    """Memory and processor at rest, and how fast it is there."""
    with stage(definition) as it:
        seconds = 2 if quick else 10
        time.sleep(2)
        cpu_s = it.contestant.cpu_s()
        time.sleep(seconds)
        return {
            "start to first delivery, s": it.started_s,
            "memory at rest, MB": it.contestant.rss_mb(),
            "CPU at rest, % of a core": (it.contestant.cpu_s() - cpu_s) / seconds * 100,
        }


def slow_disk(definition: Definition, quick: bool) -> dict[str, float]:
    """Bursts while every fsync takes 1, 10 or 100 ms longer."""
    figures = {}
    for delay_ms in (1, 10, 100):
        with stage(definition, delay_ms=delay_ms) as it:
            result = burst(it, 2_000 if quick or delay_ms == 100 else 10_000)
        figures[f"burst, msg/s, fsync +{delay_ms} ms"] = result["msg/s"]
    return figures


def growth(definition: Definition, quick: bool) -> dict[str, float]:
    """The same burst on an empty ledger and on one with a million finished cases; addispatch alone keeps them."""
    if definition.name != "addispatch":
        return {}
    count, cases_count = (2_000, 50_000) if quick else (10_000, 1_000_000)
    with stage(definition) as it:
        empty = burst(it, count)
        it.contestant.stop()
        grown = multiply(it.folder / "data" / "ledger.db", cases_count)
        it.outlet.seen.clear()
        it.start()
        it.rest()
        full = burst(it, count)
        return {
            "burst, msg/s, empty ledger": empty["msg/s"],
            f"burst, msg/s, {grown:,} finished cases": full["msg/s"],
            f"start with {grown:,} finished cases, s": it.started_s,
            f"full / empty ledger, {grown:,} cases": full["msg/s"] / empty["msg/s"],
        }


PARTS: dict[str, Callable[[Definition, bool], dict[str, float]]] = {
    "throughput": throughput,
    "latency": latency,
    "busy": busy,
    "smtp": smtp,
    "loss": loss,
    "idle": idle,
    "slowdisk": slow_disk,
    "growth": growth,
}


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas between: " + ", ".join(PARTS))
    parser.add_argument("--contestants", default="addispatch,mqttwarn", help="which of them (default: both)")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="fewer messages, one run: does it work?")
    parser.add_argument("--json", type=Path, help="write all figures there, too")
    chosen = parser.parse_args()
    if unknown := set(chosen.only.split(",")) - PARTS.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return chosen


def main() -> None:
    chosen = options()
    if missing := [name for name in ("mosquitto", "taskset", "gcc") if not shutil.which(name)]:
        raise SystemExit(f"please install {', '.join(missing)} (Debian: mosquitto util-linux gcc libc6-dev)")
    CACHE.mkdir(parents=True, exist_ok=True)
    definitions: list[Any] = [d for d in (Addispatch(), Mqttwarn()) if d.name in chosen.contestants.split(",")]
    for definition in definitions:
        definition.install(CACHE)
    os.sched_setaffinity(0, {OTHER_CORE})
    about, figures = machine(CACHE), Figures()
    runs = 1 if chosen.quick else chosen.runs
    for part in chosen.only.split(","):
        for run in range(runs):
            for definition in definitions if run % 2 == 0 else reversed(definitions):
                print(f"{part}, run {run + 1} of {runs}: {definition.name}", file=sys.stderr)
                figures.add(definition.name, PARTS[part](definition, chosen.quick))
    print(f"\n{about}\nMedians of {runs} run(s), lowest to highest in brackets; ratios are medians of pairs.\n")
    print(figures.table())
    if chosen.json:
        chosen.json.write_text(json.dumps({"machine": about, "figures": figures.values}, indent=1))


if __name__ == "__main__":
    main()
