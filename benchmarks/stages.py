"""What an alarm costs, stage by stage, in µs of processor time. ``python -m benchmarks.stages``.

One process: alarms are handed to ``accept`` as the MQTT plugin does, the ``log`` channel takes them. Each stage is timed
by its thread's own clock, so that waiting (for the disk, for the other thread) does not count; the timing itself adds
about half a microsecond to each stage. For the MQTT part see ``benchmarks.mqtt_intake``.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import sys
import tempfile
import time
from collections import Counter, deque
from pathlib import Path

import sqlalchemy as sa

from addispatch.app import started
from addispatch.config import Config
from addispatch.config.models import HttpConfig, NodeConfig
from addispatch.engine import dispatch
from addispatch.pipeline import accept, enqueue
from addispatch.sdk import Alarm, Mark
from addispatch.store.transaction import Transaction
from addispatch_plugins.log.instance import LogChannel

DIRECTORY = """
[[recipient]]
name = "Adam"
channels = ["log"]
[[group]]
name = "Ops"
members = ["Adam"]
[[route]]
name = "plant"
match = { topic = "plant/#" }
to = ["Ops"]
"""
#: Most alarms not yet committed, as the MQTT plugin has it.
HELD = 2000

spent_s: Counter[str] = Counter()


def timed(owner, name: str, stage: str) -> None:
    """Replace a function by one that adds its thread's time to a stage."""
    function = getattr(owner, name)

    def measured(*args, **kwargs):
        began = time.thread_time()
        try:
            return function(*args, **kwargs)
        finally:
            spent_s[stage] += time.thread_time() - began

    setattr(owner, name, measured)


def instrument() -> None:
    timed(accept.Pipeline, "plan", "route, filter, compose")
    timed(accept.Pipeline, "accept", "accept, whole (loop)")
    timed(enqueue, "new_deliveries", "build deliveries")
    timed(accept, "store", "store, whole (writer)")
    timed(Transaction, "claim_due", "claim (with the rows written before it)")
    timed(Transaction, "finish", "write rows: events, outcomes, marks")
    timed(dispatch, "record", "outcome, event")
    timed(sa.engine.default.DefaultDialect, "do_commit", "commit")
    timed(LogChannel, "send", "log channel")


def alarm(number: int) -> Alarm:
    digest = hashlib.sha256(number.to_bytes(4, "big")).digest()
    topic = f"plant/line{number % 20}/alarm"
    text = f"line {number % 20}: tank level high ({number})"
    return Alarm(
        text=text, source="mqtt", topic=topic, fingerprint=digest, path="bench", mark=Mark(f"retained:{topic}", digest)
    )


async def burst(folder: Path, count: int) -> tuple[float, float]:
    """Return CPU and wall-clock seconds of a burst."""
    (folder / "directory.toml").write_text(DIRECTORY)
    config = Config(node=NodeConfig(data_dir=folder / "data"), http=HttpConfig(listen=""), plugin={"log": {}})
    async with started(config, folder / "directory.toml") as node:
        waiting = count
        futures: deque[asyncio.Future] = deque()
        sent = asyncio.Event()

        def watch(event) -> None:
            nonlocal waiting
            waiting -= event["kind"] == "DeliverySent"
            if not waiting:
                sent.set()

        node.feed.subscribe(watch)
        cpu_s, wall_s = time.process_time(), time.monotonic()
        for number in range(count):
            futures.append(node.accept(alarm(number)))
            if len(futures) > HELD:
                await futures.popleft()
        await sent.wait()
        return time.process_time() - cpu_s, time.monotonic() - wall_s


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=20_000)
    count = options.parse_args().count
    for is_timed in (False, True):
        if is_timed:
            instrument()
        with tempfile.TemporaryDirectory() as name:
            cpu_s, wall_s = asyncio.run(burst(Path(name), count))
        how = "with the stages timed" if is_timed else "undisturbed"
        print(f"{how}: {cpu_s / count * 1e6:.0f} µs CPU per alarm, {count / wall_s:,.0f} alarms/s")
    for stage, total_s in spent_s.most_common():
        print(f"{total_s / count * 1e6:7.1f}  {stage}")


if __name__ == "__main__":
    sys.exit(main())
