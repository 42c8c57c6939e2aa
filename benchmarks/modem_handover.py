"""How long an alarm takes from ``accept`` to the modem's process, on an idle daemon. ``python -m benchmarks.modem_handover``.

The whole path is real: ledger on disk, dispatch, the modem plugin, gammu in its child process, a simulated modem behind
it. The clock stops when the request to send is written to the child; what libGammu then takes (0.7 s) is not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from addispatch.app import started
from addispatch.config import Config
from addispatch.config.models import HttpConfig, NodeConfig
from addispatch.sdk import Alarm
from addispatch.simulator import Network, SimulatedModem
from addispatch_plugins.modem.process import Child

DIRECTORY = '[[recipient]]\nname = "Adam"\nsms = "91234567"\n'


async def measure(count: int, pause_s: float) -> list[float]:
    """Return the hand-over times in milliseconds."""
    handed: asyncio.Queue[float] = asyncio.Queue()
    call = Child.call

    async def timed(self, op, deadline_s, **rest):
        if op == "send":
            handed.put_nowait(time.perf_counter())
        return await call(self, op, deadline_s, **rest)

    Child.call = timed
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "directory.toml").write_text(DIRECTORY)
        modem = SimulatedModem(Network(), number="+6590000001", link=str(folder / "tty"))
        await modem.start()
        config = Config(
            node=NodeConfig(data_dir=folder / "data"),
            http=HttpConfig(listen=""),
            plugin={"modem": {"modem": [{"name": "sim1", "port": modem.port, "poll_s": 300, "rate_per_minute": 0}]}},
        )
        times: list[float] = []
        async with started(config, folder / "directory.toml") as node:
            while not node.host.channels()["sms"].health.up:
                await asyncio.sleep(0.1)
            await asyncio.sleep(1)
            for number in range(count):
                began = time.perf_counter()
                await node.accept(Alarm(text=f"alarm {number}", source="bench", to=("Adam",)))
                times.append((await handed.get() - began) * 1000)
                await asyncio.sleep(pause_s)
        await modem.stop()
    return times


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=60)
    options.add_argument("--pause", type=float, default=1.2, help="seconds between alarms: longer than an SMS takes")
    asked = options.parse_args()
    times = sorted(asyncio.run(measure(asked.count, asked.pause)))
    p99 = times[min(len(times) - 1, int(len(times) * 0.99))]
    print(
        f"hand-over to the modem process, {len(times)} alarms: p50 {statistics.median(times):.2f} ms, p99 {p99:.2f} ms"
    )


if __name__ == "__main__":
    sys.exit(main())
