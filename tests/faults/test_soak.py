"""Hours with eight modems of which one is always ill: nothing is lost, nothing grows. Only in ``make campaign``.

``DURATION=`` is in minutes (10 if not given). A random trouble every minute on one of eight simulated modems, alarms at
a steady rate, the daemon in a process of its own with its ordinary deadlines.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from daemon import Daemon
from fleet import Samples, modems_in, online, toml
from lag_plugin import drop_in, stalls
from troubles import TROUBLES
from ward import ADAM, modem_table, plugin_table

from addispatch.domain.delivery import REPEAT_MARK
from addispatch.simulator import Network, SimulatedModem
from addispatch.simulator.orders import obey

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("ADDISPATCH_CAMPAIGN"), reason="takes minutes to hours: make campaign"),
]

DURATION_S = 60 * float(os.environ.get("DURATION", "10"))
#: A new trouble so often, each for a random part of that time.
TROUBLE_S = 60.0
#: Alarms a second; seven modems send seven at best.
RATE = 2.0
MODEMS = 8
#: The longest a modem may sit on a text, and what its return, a poll before it and a busy machine add.
DELAY_S = 60.0 + 45.0
#: Growth per hour that still counts as flat: the caches of open cases and prepared statements fill for a while.
FLAT_MB, FLAT_FDS = 30.0, 20.0
STALL_MS = 50.0

DIRECTORY = f'[[recipient]]\nname = "Adam"\nsms = "{ADAM}"\n'


@dataclass
class Soak:
    daemon: Daemon
    modems: list[SimulatedModem]
    chance: random.Random
    taken_s: dict[str, float] = field(default_factory=dict)
    arrived_s: dict[str, float] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    samples: Samples = field(default_factory=Samples)

    async def raise_alarms(self) -> None:
        loop, number = asyncio.get_running_loop(), 0
        began_s = loop.time()
        async with self.daemon.client() as client:
            while True:
                text = f"alarm {number}"
                answer = await client.post("/api/v1/alarms", json={"text": text, "to": ["Adam"]})
                assert answer.status_code == 202, answer.text
                self.taken_s[text] = loop.time()
                number += 1
                await asyncio.sleep(max(0.0, began_s + number / RATE - loop.time()))

    async def make_trouble(self) -> None:
        while True:
            modem, trouble = self.chance.choice(self.modems), self.chance.choice(TROUBLES)
            self.troubles[trouble.name] += 1
            lasts_s = self.chance.uniform(0.1, 0.9) * TROUBLE_S
            for order in trouble.begin:
                obey(modem, order)
            await asyncio.sleep(lasts_s)
            for order in (*trouble.end, "mend"):
                obey(modem, order)
            await asyncio.sleep(TROUBLE_S - lasts_s)

    async def watch(self) -> None:
        while True:
            self.samples.take(self.daemon.process.pid)
            await asyncio.sleep(5)


@contextlib.asynccontextmanager
async def soak(folder: Path):
    network = Network()
    modems = await modems_in(folder, network, MODEMS)
    tables = [modem_table(f"sim{number}", modem.port, poll_s=5) for number, modem in enumerate(modems)]
    config = drop_in(folder) + "[log]\nlevel = 'warning'\n" + toml(plugin_table(*tables))
    daemon = Daemon(folder, config, DIRECTORY)
    found = Soak(daemon, modems, random.Random(os.environ.get("ADDISPATCH_SEED", "soak")))

    def arrived(_phone, message) -> None:
        found.seen[message.text] += 1
        found.arrived_s.setdefault(message.text.removeprefix(REPEAT_MARK), asyncio.get_running_loop().time())

    network.on_delivered = arrived
    network.phone(ADAM, "Adam")
    try:
        await daemon.spawn()
        await online(daemon, MODEMS)
        yield found
    finally:
        if daemon.process.returncode is None:
            await daemon.stop()
        for modem in modems:
            await modem.stop()


@pytest.mark.timeout(DURATION_S + 600)
async def test_nothing_is_lost_and_nothing_grows(tmp_path):
    async with soak(tmp_path) as run:
        loop, before = asyncio.get_running_loop(), len(stalls(run.daemon.data)) + 1
        parts = [loop.create_task(part()) for part in (run.raise_alarms, run.make_trouble, run.watch)]
        done, _ = await asyncio.wait(parts, timeout=DURATION_S, return_when=asyncio.FIRST_EXCEPTION)
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
        for part in done:
            part.result()
        for modem in run.modems:
            obey(modem, "mend")
        await run.daemon.idle(timeout_s=180)
        await online(run.daemon, MODEMS, timeout_s=420)
        doubts = len([e for e in await run.daemon.events() if e["kind"] == "DeliveryInDoubt"])
        stalled = max(stalls(run.daemon.data)[before:], default=(0.0, ""))
        assert await run.daemon.stop() == 0
    report(run, doubts, *stalled)


def report(run: Soak, doubts: int, stall_ms: float, where: str) -> None:
    plain = Counter({text: n for text, n in run.seen.items() if not text.startswith(REPEAT_MARK)})
    repeats = Counter(
        {text.removeprefix(REPEAT_MARK): n for text, n in run.seen.items() if text.startswith(REPEAT_MARK)}
    )
    lost = sorted(text for text in run.taken_s if not plain[text] + repeats[text])
    delays = sorted(run.arrived_s[text] - at_s for text, at_s in run.taken_s.items() if text in run.arrived_s)
    samples = run.samples
    rss, fds = samples.slope_per_hour(samples.rss_mb), samples.slope_per_hour(samples.fds)
    print(
        f"{DURATION_S / 60:g} minutes, {MODEMS} modems, {run.troubles.total()} troubles of {len(run.troubles)} kinds:"
        f" {len(run.taken_s)} alarms, {len(lost)} lost, {doubts} in doubt, {repeats.total()} repeated (all marked);"
        f" delay p50 {delays[len(delays) // 2]:.1f}, p99 {delays[int(len(delays) * 0.99)]:.1f}, max {delays[-1]:.1f} s;"
        f" memory {samples.rss_mb[0]:.0f} to {samples.rss_mb[-1]:.0f} MB, slope {rss:+.1f} MB/h;"
        f" descriptors {samples.fds[0]:.0f} to {samples.fds[-1]:.0f}, slope {fds:+.1f}/h;"
        f" longest stall of the loop {stall_ms:.0f} ms"
    )
    print("troubles:", dict(run.troubles))
    assert lost == []
    assert [text for text, count in plain.items() if count > 1] == [], "twice, and the second does not say so"
    assert repeats.total() <= doubts, "repeated without being in doubt"
    assert delays[-1] <= DELAY_S
    assert fds <= FLAT_FDS
    assert rss <= FLAT_MB * max(1.0, 3600 / DURATION_S), "short runs are noisy: they get the growth of an hour in all"
    assert stall_ms <= STALL_MS, where
