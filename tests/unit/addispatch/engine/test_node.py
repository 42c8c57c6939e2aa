"""One node from start to stop: the order, what it recovers, what it says, and that nothing bad at hand keeps it down."""

from __future__ import annotations

import asyncio
import gc
import logging
import os

import pytest
from ledgers import open_ledger
from pipelines import ADMIN, BrokenDisk, until

from addispatch.config import Config
from addispatch.domain.alarm import Alarm
from addispatch.domain.errors import StoreError
from addispatch.domain.events import SEVERE, WARNING, Said
from addispatch.engine.node import Node, _store_id
from addispatch.pipeline.redelivery import Arrival
from addispatch.runtime.clock import SystemClock

DIRECTORY = '[[recipient]]\nname = "Adam"\nchannels = ["log"]\n[[route]]\nname = "all"\nto = ["Adam"]\n'
PATH = "broker:1883"


def config(folder, **more) -> Config:
    plugin = more.pop("plugin", {"log": {}})
    return Config.model_validate(
        {"node": {"data_dir": folder / "data"}, "http": {"listen": ""}, "plugin": plugin, **more}
    )


@pytest.fixture
def files(tmp_path):
    (tmp_path / "directory.toml").write_text(DIRECTORY)
    return tmp_path


@pytest.fixture
async def start(files):
    started = []

    async def run(**more) -> Node:
        node = Node(config(files, **more), SystemClock())
        started.append(node)
        await node.start(files / "directory.toml")
        return node

    yield run
    for node in started:
        await node.stop()


async def texts(node):
    await node.ledger.submit(lambda _tx: None)
    return [e["text"] for e in (await node.operations.events(ADMIN, limit=500))["events"][::-1]]


async def delivered(node, count=1):
    path = node.config.node.data_dir / "plugins" / "log" / "deliveries.log"
    await until(lambda: path.exists() and path.read_text().count("\n") >= count)
    return path.read_text()


def alarm(text="hot", **fields) -> Alarm:
    return Alarm(**{"source": "mqtt", "text": text, **fields})


async def test_an_alarm_goes_through(start):
    node = await start()
    await node.accept(alarm())
    assert '"text":"hot"' in await delivered(node)
    assert "Service Started with no modems enabled!" in await texts(node)
    await until(lambda: not node.dispatcher.lanes["log"].in_flight)


async def test_before_it_is_open_it_asks_to_try_again(files):
    node = Node(config(files), SystemClock())
    with pytest.raises(StoreError, match="starting"):
        node.accept(alarm())
    with pytest.raises(StoreError, match="starting"):
        await node.operations.raise_alarm(ADMIN, {"text": "hot"})
    assert (await node.operations.ready()) == {"ready": False, "reason": "starting", "standby": False, "refuses": ""}
    await node.stop()


async def test_alarms_are_taken_only_when_all_channels_are_known(files, monkeypatch):
    """One taken earlier would have found no channel at all, and its audience none for ever."""
    node = Node(config(files), SystemClock())
    load, refusals = node.host.load, []

    async def load_slowly():
        with pytest.raises(StoreError) as refused:
            node.accept(alarm())
        refusals.append(refused.value)
        await load()

    monkeypatch.setattr(node.host, "load", load_slowly)
    await node.start(files / "directory.toml")
    assert len(refusals) == 1
    await node.accept(alarm())
    await delivered(node)
    await node.stop()


async def test_a_restart_goes_on_where_it_was(start, files):
    node = await start()
    channel = node.host.channels()["log"]
    channel.stop()  # full disk, say: everything is Temporary
    await node.accept(alarm("one"))
    await until(lambda: node.dispatcher.lanes["log"].in_flight == 0)
    await node.stop()
    node = await start(dispatch={"retry_first_s": 0.05})
    assert '"text":"one"' in await delivered(node)


async def test_a_stop_with_a_long_queue_fails_nothing(start, monkeypatch):
    """Nothing may be handed to channels that have stopped: each would cost an attempt, the last one the message."""
    node = await start(dispatch={"max_attempts": 1})
    lane = node.dispatcher.lanes["log"]
    monkeypatch.setattr(type(lane.channel), "window", 2)
    send = lane.channel.send

    async def slowly(delivery):
        await asyncio.sleep(0.01)
        return await send(delivery)

    lane.channel.send = slowly
    await asyncio.gather(*(node.accept(alarm(f"{n}")) for n in range(60)))
    await delivered(node, 4)
    await node.stop()
    node = await start(dispatch={"max_attempts": 1})
    await delivered(node, 60)
    assert (await node.operations.deliveries(ADMIN, state="failed"))["deliveries"] == []


async def test_what_was_taken_just_before_the_end_is_expected_again(start):
    node = await start()
    node.reconnected(PATH)
    for word in (b"a" * 32, b"b" * 32):
        assert not (await node.accept(alarm(fingerprint=word, path=PATH))).duplicate
        node.confirmed(PATH, word)
    await node.stop()
    node = await start()
    node.reconnected(PATH)
    assert (await node.accept(alarm(fingerprint=b"a" * 32, path=PATH))).duplicate
    assert not (await node.accept(alarm(fingerprint=b"a" * 32, path=PATH))).duplicate
    node.disconnected(PATH)


async def test_what_was_taken_long_before_the_end_is_not(start, files):
    node = await start()
    await node.accept(alarm(fingerprint=b"a" * 32, path=PATH))
    await node.stop()
    # It lived on for a minute after that.
    at_s = (files / "data" / "ledger.db").stat().st_mtime + 60
    (files / "data" / "alive").touch()
    os.utime(files / "data" / "alive", (at_s, at_s))
    node = await start()
    node.reconnected(PATH)
    assert not (await node.accept(alarm(fingerprint=b"a" * 32, path=PATH))).duplicate


async def test_the_ring_is_read_in_the_order_of_time(files):
    """The newest place, not the greatest number, is where counting goes on."""
    clock = SystemClock()
    data = files / "data"
    data.mkdir()
    async with open_ledger(data) as ledger:

        def fill(tx):
            now_ms = clock.now_ms()
            for number, ago_s in ((131_071, 2), (131_072, 1), (131_073, 0.5), (4, 400)):
                tx.remember_intake(number, now_ms - int(ago_s * 1000), PATH, bytes([number % 7]) * 32)

        await ledger.submit(fill)
        node = Node(config(files), clock)
        arrivals, number = await ledger.submit(node._read_intake)
        assert number == 1
        assert sorted(a.number for a in arrivals[PATH]) == [0, 1, 131_071]
        assert all(isinstance(a, Arrival) and a.future is None for a in arrivals[PATH])


async def test_the_store_keeps_its_identity(start):
    ids = []
    for _ in range(2):
        node = await start()
        ids.append(await node.ledger.submit(_store_id))
        await node.stop()
    assert ids[0] == ids[1]
    assert len(ids[0]) == 32


async def test_marks_are_stored_and_recalled(start):
    node = await start()
    await node.settle({"retained:a": b"1"})
    assert (node.recall("retained:a"), node.recall("retained:b")) == (b"1", None)


async def test_a_bad_provisioning_file_is_told_and_the_node_is_up(files, start):
    (files / "directory.toml").write_text(
        DIRECTORY + '[[recipient]]\nname = "B"\nsms = "12"\n[[group]]\nname = "G"\nmembers = ["X"]\n'
    )
    node = await start()
    lines = [line for line in await texts(node) if line.startswith("directory.toml not applied")]
    assert len(lines) == 2
    assert any("sms" in line for line in lines)
    doc = await node.operations.status(ADMIN)
    (warning,) = [one for one in doc["warnings"] if one.startswith("directory.toml is not applied")]
    assert "'12' is not a phone number" in warning
    assert warning.endswith("and 1 more")
    assert doc["state"].startswith("Warning: ")
    assert (await node.operations.ready())["ready"]
    await node.accept(alarm())
    assert any("NOBODY TOLD" in line for line in await texts(node))


async def test_a_good_provisioning_file_ends_the_warning(files, start):
    (files / "directory.toml").write_text("[[recip")
    node = await start()
    assert len((await node.operations.status(ADMIN))["warnings"]) == 2, "nobody is in the directory, either"
    await node.stop()
    (files / "directory.toml").write_text(DIRECTORY)
    assert (await (await start()).operations.status(ADMIN))["state"] == "Server running"


@pytest.mark.parametrize("content", [b"[[recip", b"\xff\xfe", b"", b"x = 1\n" * 10])
async def test_a_truncated_provisioning_file_is_told_and_the_node_is_up(files, start, content):
    (files / "directory.toml").write_bytes(content)
    node = await start()
    assert (await node.operations.ready())["ready"]
    told = [line for line in await texts(node) if "directory.toml" in line]
    assert bool(told) == bool(content)


async def test_a_damaged_ledger_is_set_aside_with_a_severe_event(files, start):
    node = await start()
    await node.accept(alarm())
    await node.stop()
    (files / "data" / "ledger.db").write_bytes(b"rubbish" * 1000)
    for suffix in ("-wal", "-shm"):
        (files / "data" / f"ledger.db{suffix}").unlink(missing_ok=True)
    node = await start()
    assert any("is damaged" in line for line in await texts(node))
    await node.accept(alarm("new"))


async def test_a_plugin_that_is_broken_is_told_and_the_node_is_up(start):
    node = await start(plugin={"log": {}, "mqtt": {"url": "mqtt://x", "urls": ["mqtt://y"]}, "ghost": {}})
    lines = await texts(node)
    assert any("Plugin mqtt is off" in line for line in lines)
    assert any("Plugin ghost is off" in line for line in lines)
    await node.accept(alarm())
    await delivered(node)
    status = await node.operations.status(ADMIN)
    assert status["state"].startswith("Warning: plugin mqtt is off")


async def test_an_event_the_ledger_cannot_take_is_in_the_log(start, caplog):
    caplog.set_level(logging.INFO)
    node = await start()
    with BrokenDisk(node.ledger):
        node.say(Said("the roof is gone", SEVERE))
        await until(lambda: node.ledger.problem)
    assert "the roof is gone" in caplog.text
    assert (await node.operations.ready())["ready"] is False
    assert "full" in (await node.operations.status(ADMIN))["warnings"][0]


async def test_a_warning_is_in_the_log_once_wherever_it_comes_from(start, caplog):
    node = await start()
    node.say(Said("the roof leaks", WARNING))
    await node.ledger.submit(lambda tx: tx.event(0, Said("the other node is not there", WARNING)))
    await until(lambda: "the other node is not there" in caplog.messages)
    assert caplog.messages.count("the roof leaks") == caplog.messages.count("the other node is not there") == 1


async def test_saying_something_after_the_end_hurts_nobody(start, caplog):
    node = await start()
    await node.stop()
    node.say(Said("late"))
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_a_start_that_fails_can_be_stopped(files):
    (files / "data").mkdir()
    (files / "data" / "ledger.db").mkdir()
    node = Node(config(files), SystemClock())
    with pytest.raises(StoreError):
        await node.start()
    await node.stop()
