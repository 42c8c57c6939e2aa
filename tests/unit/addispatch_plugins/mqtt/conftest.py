"""A door without a broker: messages go in by hand, acknowledgements are recorded. And the plugin at a real broker."""

import asyncio

import pytest

from addispatch.runtime import mqtt as link_module
from addispatch.sdk.mqtt import Message
from addispatch.sdk.testing import FakeClock, RecordingContext
from addispatch.sdk.testing.mosquitto import Mosquitto
from addispatch_plugins.mqtt import plugin, waiting
from addispatch_plugins.mqtt.config import MqttConfig
from addispatch_plugins.mqtt.intake import Intake


class FakeLink:
    def __init__(self):
        self.acknowledged = []

    def acknowledge(self, message):
        self.acknowledged.append(message)


class FakeDoor:
    path = "broker:1883"
    mark_prefix = "retained"

    def __init__(self):
        self.link = FakeLink()
        self._mid = 0

    def message(self, topic, payload=b"", *, retain=False, qos=1, connection=1):
        self._mid += 1
        return Message(topic, payload, qos, retain, self._mid, connection)


async def turns(count=3):
    """Let callbacks of futures run."""
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.fixture
def settle():
    return turns


@pytest.fixture
def door():
    return FakeDoor()


@pytest.fixture
async def by_hand(tmp_path):
    """A context with a clock that stands still."""
    async with RecordingContext(tmp_path, name="mqtt", clock=FakeClock()) as context:
        yield context


@pytest.fixture
def make_intake(by_hand):
    made = []

    def make(*subscriptions):
        config = MqttConfig(url="mqtt://127.0.0.1:1", subscribe=list(subscriptions))
        made.append(Intake(config, by_hand, "addispatch/default"))
        return made[-1]

    yield make
    for intake in made:
        intake.stop()


# -- a real broker -------------------------------------------------------------------------------------------------------


@pytest.fixture
def quick_link(monkeypatch):
    """A link that tries again soon."""
    monkeypatch.setattr(link_module, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(link_module, "STOP_GRACE_S", 0.2)
    monkeypatch.setattr(waiting, "FIRST_PAUSE_S", 0.1)


@pytest.fixture
async def broker(tmp_path):
    async with Mosquitto(tmp_path, "max_inflight_messages 100") as running:
        yield running


@pytest.fixture
async def context(tmp_path):
    async with RecordingContext(tmp_path, name="mqtt") as context:
        yield context


@pytest.fixture
async def start(broker, context):
    started = []

    async def run(*subscriptions, connected=True, context=context, **table):
        table = {"url": broker.url, "publish": False, "subscribe": list(subscriptions), **table}
        instance = plugin.create(plugin.config(**table), context)
        await instance.self_check()
        await instance.start()
        started.append(instance)
        if connected:
            for _door in instance._doors:
                await context.wait_for_event("Connected to MQTT broker", timeout_s=10)
            # The subscription is with the broker before what we publish now: it answers in order.
            await asyncio.gather(*(door.link.deliver("probe", b"") for door in instance._doors))
        return instance

    yield run
    for instance in started:
        await instance.stop()
