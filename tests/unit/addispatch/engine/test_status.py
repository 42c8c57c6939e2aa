"""The status document: numbers that are right, and warnings the worst first."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from pipelines import ADMIN, BrokenDisk, until

from addispatch.sdk.protocols import Health


async def status(node):
    return await node.operations.status(ADMIN)


async def test_all_is_well(running):
    doc = await status(running)
    assert (doc["state"], doc["warnings"], doc["node"], doc["cluster"]) == ("Server running", [], "node-a", "default")
    assert doc["queue"] == {"queued": 0, "sending": 0, "in_doubt": 0}
    assert doc["channels"] == [{"name": "log", "up": True, "reason": "", "window": 256, "in_flight": 0}]
    assert [plugin["name"] for plugin in doc["plugins"] if plugin["status"] == "enabled"] == ["log"]
    assert doc["ledger"]["size_bytes"] > 0
    assert doc["uptime_s"] >= 0


async def test_a_clock_set_back_does_not_shorten_the_uptime(running, monkeypatch):
    before = (await status(running))["uptime_s"]
    day_before_ms = running.clock.now_ms() - 86_400_000
    monkeypatch.setattr(type(running.clock), "now_ms", lambda _clock: day_before_ms)
    assert before <= (await status(running))["uptime_s"] < before + 60


async def test_the_size_of_the_ledger_is_what_it_takes_on_the_disk(running):
    folder = running.config.node.data_dir
    sizes = [(folder / name).stat().st_size for name in ("ledger.db", "ledger.db-wal")]
    assert sizes[1] > 0
    assert (await status(running))["ledger"]["size_bytes"] >= sum(sizes)


async def test_what_is_amiss_around_the_node_is_a_warning(running):
    running.app_warnings = ["the port is taken"]
    assert (await status(running))["warnings"] == ["the port is taken"]


async def test_what_waits_and_what_is_under_way(running, monkeypatch):
    channel = running.host.channels()["log"]
    gate, send = asyncio.Event(), channel.send

    async def wait(delivery):
        await gate.wait()
        return await send(delivery)

    channel.send = wait
    monkeypatch.setattr(type(channel), "window", 2)
    for number in range(5):
        await running.operations.raise_alarm(ADMIN, {"text": f"{number}", "ack_required": number == 0})
    await running.operations.raise_alarm(ADMIN, {"text": "fire", "priority": "critical"})
    await until(lambda: running.dispatcher.lanes["log"].in_flight == 2)
    doc = await status(running)
    assert doc["queue"] == {"queued": 4, "sending": 2, "in_doubt": 0}
    assert doc["queue_by_class"] == {"emergency": 1, "alarm": 3}
    assert doc["cases"] == {"open": 6, "acknowledged": 0, "unacknowledged": 1}
    assert doc["channels"][0]["in_flight"] == 2
    assert doc["queue_oldest_s"] >= 0
    gate.set()

    async def is_done():
        return not any((await status(running))["queue"].values())

    await until(is_done)
    assert (await status(running))["cases"]["open"] == 1


async def test_warnings_the_worst_first(running, monkeypatch):
    channel = running.host.channels()["log"]
    monkeypatch.setattr(type(channel), "health", Health(up=False, reason="the disk is full"))
    monkeypatch.setattr(type(channel), "window", 0)
    await running.operations.raise_alarm(ADMIN, {"text": "hot"})
    running.clock.now_ms = lambda now=running.clock.now_ms: now() + 400_000
    with BrokenDisk(running.ledger):
        await asyncio.wait([running.ledger.submit(lambda _tx: None)])
        doc = await status(running)
    assert doc["state"].startswith(
        "Warning: the ledger cannot be written: database or disk is full. New alarms are not taken"
    )
    assert doc["warnings"][1:] == ["log is down: the disk is full", "the oldest queued message waits for 7 minutes"]


async def test_a_disk_short_of_room_is_a_warning(running):
    running.ledger.intake_problem = "only 3 MiB are free: new alarms are refused until 80 MiB are"
    assert (await status(running))["state"] == f"Warning: {running.ledger.intake_problem}"
    running.ledger.intake_problem, running.disk.warning = "", "only 300 MiB are free"
    assert (await status(running))["warnings"] == ["only 300 MiB are free"]


BANNER = "No working modem found. m1: {} (/dev/x)"


def modems(node, monkeypatch, state, reason):
    monkeypatch.setattr(node.host, "modems", lambda: [{"name": "m1", "state": state}])
    monkeypatch.setattr(type(node.host.channels()["log"]), "health", Health(up=False, reason=BANNER.format(reason)))


async def test_one_fact_is_one_warning(running, monkeypatch):
    """The conditions were reported a moment ago, in the words of then."""
    modems(running, monkeypatch, "broken", "no answer")
    running.conditions.report("channel log", BANNER.format("there is no such port"), grace_s=0)
    running.conditions.report("modem m1", "modem m1 is absent: there is no such port", grace_s=0)
    running.conditions.report("modem m1 credit", "modem m1 has 0.20 left", grace_s=0)
    running.conditions.report("queue", "the oldest queued message waits for 6 minutes", grace_s=0)
    assert (await status(running))["warnings"] == [BANNER.format("no answer"), "modem m1 has 0.20 left"]


async def test_modems_on_their_way_are_no_trouble_just_after_the_start(running, monkeypatch):
    modems(running, monkeypatch, "initialising", "connecting to the modem")
    assert (await status(running))["warnings"] == []
    modems(running, monkeypatch, "broken", "no answer")
    assert len((await status(running))["warnings"]) == 1
    modems(running, monkeypatch, "initialising", "connecting to the modem")
    running.started_monotonic_s -= 31
    assert len((await status(running))["warnings"]) == 1


async def test_an_empty_directory_is_a_warning(running):
    running.directory = SimpleNamespace(snapshot=SimpleNamespace(recipients={}), close=running.directory.close)
    assert (await status(running))["warnings"] == ["the directory is empty: nobody would be told of an alarm"]


async def test_monitors_are_counted(running):
    assert (await status(running))["monitors"] == {"watched": 0, "alarm": 0, "down": 0}
    words = ["ok", "alarm", "down", "down", "new"]
    running.monitoring._all = {str(n): SimpleNamespace(word=word) for n, word in enumerate(words)}
    try:
        assert (await status(running))["monitors"] == {"watched": 5, "alarm": 1, "down": 2}
    finally:
        running.monitoring._all = {}
