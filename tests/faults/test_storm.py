"""A storm of alarms over MQTT into a daemon with modems: all are taken, and a critical one overtakes the queue.

``make test`` sends 1,000 in 6 s, ``make campaign`` 10,000 in 60 s. Modems send about one text a second each, so that
nearly all of it waits in the ledger when the storm is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
from pathlib import Path

import pytest
from daemon import Daemon
from fleet import Samples, modems_in, online, toml
from lag_plugin import drop_in, stalls
from publisher import Publisher
from ward import ADAM, modem_table, plugin_table

from addispatch.sdk.testing.mosquitto import Mosquitto
from addispatch.simulator import Network
from addispatch_plugins.modem.config import ModemConfig

pytestmark = [pytest.mark.debian, pytest.mark.slow]

CAMPAIGN = bool(os.environ.get("ADDISPATCH_CAMPAIGN"))
ALARMS, SPAN_S, MODEMS = (10_000, 60.0, 8) if CAMPAIGN else (1_000, 6.0, 2)
CRITICAL_S = 5.0
#: Parts a minute and at once per SIM, as far as the plugin can be told so.
PER_MINUTE, BURST = 30, 5
#: Growth of the daemon's memory that still counts as flat: caches of open cases fill, whatever waits is on disk.
FLAT_MB = 60.0

CONFIG = """
[plugin.mqtt]
url = "{url}"
[[plugin.mqtt.subscribe]]
topic = "plant/alarm"
to = ["Adam"]
[log]
level = "warning"
"""
DIRECTORY = f'[[recipient]]\nname = "Adam"\nsms = "{ADAM}"\n'
LIMITED = "rate_per_minute" in ModemConfig.model_fields


@contextlib.asynccontextmanager
async def plant(folder: Path):
    """Broker, publisher, daemon with all its modems online."""
    network = Network()
    modems = await modems_in(folder, network, MODEMS)
    limits = {"rate_per_minute": PER_MINUTE, "burst": BURST} if LIMITED else {}
    tables = [modem_table(f"sim{number}", modem.port, poll_s=60, **limits) for number, modem in enumerate(modems)]
    async with Mosquitto(folder, "max_queued_messages 0", "max_inflight_messages 1000") as broker:
        config = drop_in(folder) + toml(plugin_table(*tables)) + CONFIG.format(url=broker.url)
        daemon = Daemon(folder, config, DIRECTORY)
        try:
            await daemon.spawn()
            await online(daemon, MODEMS)
            async with Publisher(broker.port) as publisher:
                yield network, modems, daemon, publisher
        finally:
            if daemon.process.returncode is None:
                await daemon.kill()
            for modem in modems:
                await modem.stop()


@pytest.mark.timeout(120 + 4 * SPAN_S)
async def test_all_is_taken_and_the_critical_one_goes_first(tmp_path):
    async with plant(tmp_path) as (network, modems, daemon, publisher):
        loop, samples = asyncio.get_running_loop(), Samples()
        samples.take(daemon.process.pid)
        before = len(stalls(daemon.data)) + 1  # the window under way is still that of the start

        published = asyncio.Event()

        def publish(number: int) -> None:
            if number < ALARMS:
                publisher.publish("plant/alarm", json.dumps({"text": f"alarm {number}"}))
            else:
                published.set()

        began_s = loop.time()
        storm = loop.create_task(publisher.steadily(ALARMS / SPAN_S, publish))
        await asyncio.sleep(SPAN_S / 2)
        publisher.publish("plant/alarm", json.dumps({"text": "critical", "priority": "critical"}))
        published_s = loop.time()
        await network.phone(ADAM).expect("critical", 60)
        critical_s = loop.time() - published_s
        await asyncio.wait_for(published.wait(), SPAN_S + 30)
        storm.cancel()
        await publisher.all_confirmed(60)
        count = ALARMS + 1
        await daemon.until(lambda status: taken(status, network) >= count, timeout_s=60)
        took_s = loop.time() - began_s
        samples.take(daemon.process.pid)
        report(samples, critical_s, took_s, [len(modem.sent) for modem in modems], stalls(daemon.data)[before:])
        assert len(publisher.accepted) == count
        assert critical_s <= CRITICAL_S
        assert samples.rss_mb[-1] - samples.rss_mb[0] <= FLAT_MB
        if LIMITED:
            most = 2 * BURST + PER_MINUTE * (loop.time() - began_s + 30) / 60  # they came online up to 30 s before
            assert max(len(modem.sent) for modem in modems) <= most
        assert await daemon.stop() == 0
    with contextlib.closing(sqlite3.connect(daemon.data / "ledger.db")) as ledger:
        assert ledger.execute("SELECT count(*), count(DISTINCT case_seq) FROM deliveries").fetchone() == (count, count)


def taken(status: dict, network: Network) -> int:
    """At least what is in the ledger: what waits or is under way, and what is on the phone; a few are both just now."""
    return sum(status["queue"].values()) + len(network.phone(ADAM).received)


def report(
    samples: Samples, critical_s: float, took_s: float, sent: list[int], stalls: list[tuple[float, str]]
) -> None:
    print(
        f"{ALARMS} alarms in {SPAN_S:g} s over MQTT, {MODEMS} modems: all taken {took_s:.1f} s after the first;"
        f" the critical one on the phone after {critical_s:.1f} s; memory {samples.rss_mb[0]:.0f} to"
        f" {samples.rss_mb[-1]:.0f} MB; {sum(sent)} texts sent meanwhile, at most {max(sent)} by one SIM;"
        f" longest stall of the loop {max(stalls, default=(0.0, ''))[0]:.0f} ms"
    )
