"""The simulated plant against a real mosquitto."""

import asyncio
import json

import pytest

from addispatch.runtime.mqtt import BrokerAddress, MqttLink, MqttSettings
from addispatch.sdk.testing import Recording
from addispatch.sdk.testing.mosquitto import Mosquitto, free_port
from addispatch.simulator import plant as plant_module
from addispatch.simulator.plant import Machine, Plant

pytestmark = pytest.mark.debian


class Watcher:
    def __init__(self, port):
        self.messages = Recording("message")
        self.up = asyncio.Event()
        self.link = MqttLink(MqttSettings(address=BrokerAddress("127.0.0.1", port), client_id="watcher"), self)
        self.link.subscribe([("plant/#", 1)])

    def connected(self):
        self.up.set()

    def disconnected(self, reason): ...
    def failed(self, reason): ...
    def acknowledged(self, messages): ...

    def received(self, message):
        self.messages.add(message)
        self.link.acknowledge(message)

    async def next(self, topic):
        message = await self.messages.wait_for(lambda item: item.topic == topic)
        return message.payload.decode()


@pytest.fixture
async def broker(tmp_path):
    async with Mosquitto(tmp_path) as running:
        yield running


@pytest.fixture
async def watcher(broker):
    watcher = Watcher(broker.port)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(watcher.link.run())
        await watcher.up.wait()
        await watcher.link.deliver("probe", b"")
        yield watcher
        task.cancel()


async def test_publishes_json_and_text(broker, watcher):
    async with Plant("127.0.0.1", broker.port) as plant:
        await plant.publish("plant/a/alarm", {"message": "98.4 °C"})
        await plant.publish("plant/b", "Grüße")
        assert json.loads(await watcher.next("plant/a/alarm")) == {"message": "98.4 °C"}
        assert await watcher.next("plant/b") == "Grüße"


async def test_an_alarm_begins_above_the_limit_and_ends_well_below_it(broker, watcher):
    boiler = Machine("North", "boiler", limit_c=90)
    async with Plant("127.0.0.1", broker.port, (boiler,)) as plant:
        for temperature_c in (89, 91, 95, 88, 84, 83, 92):
            await plant.measure(boiler, temperature_c)
        alarms = [json.loads(await watcher.next("plant/North/boiler/alarm")) for _ in range(3)]
    assert [(alarm["state"], alarm["message"]) for alarm in alarms] == [
        ("raised", "over-temperature 91.0 °C"),
        ("cleared", "temperature normal, 84.0 °C"),
        ("raised", "over-temperature 92.0 °C"),
    ]
    assert len([m for m in watcher.messages if m.topic.endswith("temperature")]) == 7


async def test_a_live_plant_wanders_the_same_way_each_time(broker, watcher):
    async with Plant("127.0.0.1", broker.port) as plant:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await plant.live(period_s=0.01)
        assert all(20 < machine.temperature_c < 130 for machine in plant.machines)
    await watcher.next("plant/North/pump3/temperature")


async def test_no_broker_is_said_and_no_task_stays(monkeypatch):
    monkeypatch.setattr(plant_module, "PATIENCE_S", 0.3)
    before = asyncio.all_tasks()
    with pytest.raises(ConnectionError, match=r"no broker at 127\.0\.0\.1:.*Connection refused"):
        async with Plant("127.0.0.1", free_port()):
            pass
    assert asyncio.all_tasks() == before
