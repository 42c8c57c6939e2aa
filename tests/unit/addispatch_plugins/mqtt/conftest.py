"""A door without a broker: messages go in by hand, acknowledgements are recorded."""

import asyncio

import pytest

from addispatch.sdk.mqtt import Message
from addispatch.sdk.testing import FakeClock, RecordingContext
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
