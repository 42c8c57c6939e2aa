"""The canary against a real mosquitto that forgets, falls silent and dies."""

import asyncio
import os
import signal

import pytest

from addispatch.sdk.testing.mosquitto import Mosquitto
from addispatch_plugins.mqtt import canary

pytestmark = [pytest.mark.debian, pytest.mark.usefixtures("quick_link")]

TOPIC = "addispatch/default/node/node-a/canary"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(canary, "BACK_WITHIN_S", 0.7)
    monkeypatch.setattr(canary, "_LOOK_S", 0.1)


@pytest.fixture
def begin(start):
    async def begin(**changes):
        return await start(**{"publish": True, "canary_s": 1, **changes})

    return begin


def name(broker):
    return f"broker {broker.url.removeprefix('mqtt://')}"


async def until(condition, timeout_s=10):
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


async def forget(door):
    """The broker forgets what we subscribed to, and our link does not know."""
    link = door.link
    subscribed = asyncio.get_running_loop().create_future()
    link._client.on_unsubscribe = lambda *_: subscribed.set_result(None)
    link._client.unsubscribe([topic for topic, _ in link._filters])
    link._flush_soon()
    await subscribed
    door.canary._wake.set()  # now, not in a second


async def test_it_comes_back_and_its_time_is_shown(begin, context):
    (door,) = (await begin())._doors
    await until(lambda: door.canary.round_trip_s is not None)
    assert "round trip" in door.status
    assert not any(context.conditions.values())
    assert len(context.alarms) == 0
    assert [event for event in context.events if "no subscription" in event.text] == []


async def test_a_forgotten_subscription_is_noticed_and_healed(begin, context, broker, monkeypatch):
    (door,) = (await begin())._doors
    await until(lambda: door.canary.round_trip_s is not None)
    renewed, renew = asyncio.Event(), door.renew
    monkeypatch.setattr(door, "renew", lambda: (renew(), renewed.set()))
    await forget(door)
    await asyncio.wait_for(renewed.wait(), 10)
    await until(lambda: door.canary.failed_count == 0)
    assert not context.conditions.get(name(broker))
    await broker.publish("addispatch/default/alarm/raise/plc", "hot")
    assert (await context.wait_for_alarm("hot")).source == "plc"


async def test_when_subscribing_does_not_help_it_connects_anew_and_people_are_told(begin, context, broker, monkeypatch):
    (door,) = (await begin())._doors
    await until(lambda: door.canary.round_trip_s is not None)
    monkeypatch.setattr(door, "renew", lambda: None)
    await forget(door)
    _, problem = await context.condition_changes.wait_for(lambda change: "do not come back" in change[1])
    assert problem.startswith(f"MQTT broker {door.path}: connected, but our own messages do not come back")
    await context.condition_changes.wait_for(lambda change: change == (name(broker), ""))
    assert [link for link, _ in context.links].count("up") == 2


async def test_without_the_right_it_connects_anew_once_only(tmp_path, begin, context, broker):
    acl = tmp_path / "acl"
    acl.write_text("topic readwrite #\ntopic deny " + TOPIC + "\n")
    async with Mosquitto(tmp_path, f"acl_file {acl}") as strict:
        instance = await begin(url=strict.url)
        await context.condition_changes.wait_for(lambda change: "do not come back" in change[1])
        await until(lambda: instance._doors[0].canary.failed_count >= 5)
        assert [link for link, _ in context.links].count("up") == 2
        (finding,) = await instance.examine()
        assert f"let our user publish to {TOPIC}" in finding.advice
        assert "own messages" in finding.problem


async def test_a_broker_that_dies_is_told_of_and_so_is_its_return(begin, context, broker):
    (door,) = (await begin())._doors
    await until(lambda: door.canary.round_trip_s is not None)
    await broker.kill()
    _, problem = await context.condition_changes.wait_for(lambda change: change[0] == name(broker) and change[1])
    assert problem.startswith(f"MQTT broker {door.path} is out of reach: ")
    await broker.start()
    await context.condition_changes.wait_for(lambda change: change == (name(broker), ""))
    await broker.publish("addispatch/default/alarm/raise/plc", "after")
    await context.wait_for_alarm("after")


async def test_a_broker_that_hangs_is_noticed_before_the_keepalive_ends(begin, context, broker):
    (door,) = (await begin())._doors
    await until(lambda: door.canary.round_trip_s is not None)
    os.kill(broker._process.pid, signal.SIGSTOP)
    door.canary._wake.set()
    try:
        await context.condition_changes.wait_for(lambda change: "do not come back" in change[1])
    finally:
        os.kill(broker._process.pid, signal.SIGCONT)
    await context.condition_changes.wait_for(lambda change: change == (name(broker), ""))


async def test_what_waits_behind_alarms_is_not_lost(begin, context, monkeypatch):
    """A link that reads nothing, because the ledger is slow, says nothing about the broker."""
    instance = await begin(canary_s=60)
    (door,) = instance._doors
    await until(lambda: door.canary.round_trip_s is not None)
    door.link._pause()
    sending = asyncio.get_running_loop().create_task(door.canary.send())
    await asyncio.sleep(1.0)
    assert not sending.done()
    door.link._resume()
    assert await sending
    assert door.canary.failed_count == 0


async def test_turned_off_the_connection_alone_counts(begin, context, broker):
    (door,) = (await begin(canary_s=0))._doors
    assert door.canary.round_trip_s is None
    assert TOPIC not in [topic for topic, _ in door._filters]
    await broker.kill()
    await context.condition_changes.wait_for(lambda change: change[0] == name(broker) and change[1])
    await broker.start()
    await context.condition_changes.wait_for(lambda change: change == (name(broker), ""))


async def test_examined_while_it_runs(begin, broker):
    (finding,) = await (await begin()).examine()
    assert (finding.subject, finding.problem) == (name(broker), "")
    assert finding.detail.startswith("connected by MQTT 3.1.1, 8 filters, round trip ")
    await broker.kill()
    instance = await begin(url=broker.url, connected=False)
    await until(instance._doors[0].answered.is_set)
    (finding,) = await instance.examine()
    assert "out of reach: " in finding.problem


async def test_nothing_is_missed_while_alarms_cannot_be_stored(begin, context, broker):
    """The broker sends no more than its window: alarms that wait unconfirmed hold back our own message."""
    instance = await begin(canary_s=60)
    (door,) = instance._doors
    await until(lambda: door.canary.round_trip_s is not None)
    instance._intake._waiting.trouble = "only 3 MiB are free"
    await forget(door)
    await door.canary._round()
    assert door.canary.failed_count == 0
    assert not any(context.conditions.values())
    (finding,) = await instance.examine()
    assert finding.problem.endswith("alarms cannot be stored: only 3 MiB are free")
    assert "no trouble of the broker" in finding.advice
    instance._intake._waiting.trouble = ""
    await door.canary._round()
    assert [text for text in (event.text for event in context.events) if "subscribing anew" in text]
