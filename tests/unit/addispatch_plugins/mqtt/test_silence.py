"""Silence on a real broker: what counts as a message, and what does not look like silence."""

from __future__ import annotations

import asyncio
import json

import pytest

from addispatch.sdk.testing import FakeClock, RecordingContext
from addispatch.sdk.testing.mosquitto import Mosquitto
from addispatch_plugins.mqtt.keys import SilenceKeys

pytestmark = [pytest.mark.debian, pytest.mark.usefixtures("quick_link")]

PUMP = SilenceKeys(topic="plant/pump", max_silence_s=60)
SITE = SilenceKeys(topic="plant/+/alive", max_silence_s=60)


@pytest.fixture
async def context(tmp_path):
    async with RecordingContext(tmp_path, name="mqtt", clock=FakeClock()) as context:
        yield context


class Watch:
    """A probe that watches, and a broker to publish to."""

    def __init__(self, instance, broker, context):
        self.broker, self.clock, self.context = broker, context.clock, context
        (self.probe,) = instance.probes
        self._heard = asyncio.Event()
        heard = self.probe.heard

        def hear(topic):
            heard(topic)
            self._heard.set()

        self.probe.heard = hear

    async def on(self, *keys):
        """Watch these, subscribed with the broker."""
        self.probe.prepare(keys)
        async with asyncio.timeout(10):
            await self.probe._up.wait()
        for ear in self.probe._ears:
            if ear.link.is_connected:  # the broker answers in order
                await ear.link.deliver("probe", b"")

    async def publish(self, topic, *options, is_heard=True):
        self._heard.clear()
        await self.broker.publish(topic, "1", *options)
        if is_heard:
            await asyncio.wait_for(self._heard.wait(), 5)

    async def problems(self, *keys, timeout_s=5):
        return [reading.problem for reading in await self.probe.read(keys, timeout_s)]


@pytest.fixture
async def watch(start, broker, context):
    return Watch(await start(), broker, context)


async def test_a_topic_is_silent_until_a_message_comes(watch):
    await watch.on(PUMP, SITE)
    watch.clock.forward(seconds=59)
    await watch.publish("plant/north/alive")
    watch.clock.forward(seconds=1)
    assert await watch.problems(PUMP, SITE) == ["no message on plant/pump yet", ""]
    await watch.publish("plant/pump")
    assert await watch.problems(PUMP, SITE) == ["", ""]
    watch.clock.forward(seconds=60)
    assert await watch.problems(PUMP, SITE) == [
        "no message on plant/pump for 60 s",
        "no message on plant/+/alive for 60 s",
    ]
    assert not watch.context.alarms


@pytest.mark.parametrize("version", [4, 5])
async def test_what_the_broker_kept_says_nothing_about_now(start, broker, context, version):
    watch = Watch(await start(version=version), broker, context)
    await watch.broker.publish("plant/pump", "1", "--retain")
    await watch.on(PUMP)
    watch.clock.forward(seconds=60)
    assert await watch.problems(PUMP) == ["no message on plant/pump yet"]
    await watch.publish("plant/pump", "--retain")
    assert await watch.problems(PUMP) == [""]


async def test_a_broker_that_is_down_does_not_look_like_silence(watch):
    await watch.on(PUMP)
    await watch.publish("plant/pump")
    await watch.broker.kill()
    await watch.context.wait_for_event("connection lost", timeout_s=10)
    async with asyncio.timeout(20):
        while watch.probe._up.is_set():
            await asyncio.sleep(0.01)
    watch.clock.forward(seconds=600)
    (problem,) = await watch.problems(PUMP, timeout_s=0.01)
    assert problem.startswith("not connected to the broker: ")
    await watch.broker.start()
    assert await watch.problems(PUMP, timeout_s=10) == [""]
    watch.clock.forward(seconds=60)
    assert await watch.problems(PUMP) == ["no message on plant/pump for 60 s"]


async def test_the_first_reading_waits_for_the_connection(watch):
    watch.probe.prepare([PUMP])
    assert await watch.problems(PUMP, timeout_s=10) == [""]


async def test_topics_come_and_go(watch):
    await watch.on(PUMP)
    await watch.on(SITE)
    await watch.publish("plant/pump", is_heard=False)
    await watch.publish("plant/north/alive")
    assert watch.probe._seen.keys() == {"plant/north/alive"}
    (ear,) = watch.probe._ears
    watch.probe.prepare([])
    async with asyncio.timeout(20):
        while ear.link.is_connected:
            await asyncio.sleep(0.01)
    await watch.on(PUMP)
    watch.clock.forward(seconds=60)
    assert await watch.problems(PUMP) == ["no message on plant/pump yet"]


async def test_a_topic_with_two_limits_and_one_within_another(watch):
    soon, everything = PUMP.model_copy(update={"max_silence_s": 30}), SilenceKeys(topic="plant/#", max_silence_s=60)
    await watch.on(PUMP, soon, everything)
    await watch.publish("plant/pump")
    watch.clock.forward(seconds=30)
    assert await watch.problems(PUMP, soon, everything) == ["", "no message on plant/pump for 30 s", ""]
    await watch.publish("plant/other")
    watch.clock.forward(seconds=30)
    assert await watch.problems(PUMP, everything) == ["no message on plant/pump for 60 s", ""]


async def test_only_monitors_are_listened_for(watch):
    await watch.on(PUMP)
    assert "in the directory" in (await watch.problems(SITE))[0]


async def test_a_broker_that_does_not_let_us_listen(context, tmp_path, start):
    (tmp_path / "acl").write_text("topic readwrite probe\ntopic read plant/pump\n")
    async with Mosquitto(tmp_path, f"acl_file {tmp_path / 'acl'}") as strict:
        watch = Watch(await start(url=strict.url), strict, context)
        (ear,) = _prepared(watch, SITE)
        await asyncio.wait_for(watch.probe._up.wait(), 10)
        # mosquitto takes the subscription and sends nothing; brokers that say no are told by what they say.
        ear.failed("the broker refused the subscription plant/+/alive: Not authorized")
        assert await watch.problems(SITE) == ["the broker refused the subscription plant/+/alive: Not authorized"]
        assert "Not authorized" in (await context.wait_for_event("refused")).text


def _prepared(watch, *keys):
    watch.probe.prepare(keys)
    return watch.probe._ears


async def test_one_of_two_brokers_is_enough(context, tmp_path, start, broker):
    watch = Watch(await start(url=None, urls=[broker.url, "mqtt://127.0.0.1:1"], connected=False), broker, context)
    await watch.on(PUMP)
    assert len(watch.probe._ears) == 2
    await watch.publish("plant/pump")
    assert await watch.problems(PUMP) == [""]


async def test_a_restart_remembers_who_was_silent(watch, start):
    await watch.on(PUMP)
    watch.clock.forward(seconds=60)
    await watch.problems(PUMP)
    assert json.loads(watch.context.marks["silence:60 plant/pump"])["silent"]  # not only at the end: it may crash
    await watch.probe.stop()
    again = Watch(await start(), watch.broker, watch.context)
    await again.on(PUMP)
    assert await again.problems(PUMP) == ["no message on plant/pump yet"]
