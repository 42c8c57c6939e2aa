"""The mqtt plugin keeps the contracts of plugins and sources, with a real mosquitto as the outside."""

from typing import ClassVar

import pytest

from addispatch.runtime import mqtt
from addispatch.sdk.testing.mosquitto import Mosquitto
from addispatch.sdk.testing.plugin_contract import PluginContract
from addispatch.sdk.testing.source_contract import SourceContract
from addispatch_plugins.mqtt import plugin


class TestMqttPlugin(PluginContract):
    entry_point = "addispatch_plugins.mqtt:plugin"
    config: ClassVar = {"url": "mqtt://127.0.0.1:1"}


@pytest.mark.debian
class TestMqttSource(SourceContract):
    @pytest.fixture
    async def broker(self, tmp_path):
        async with Mosquitto(tmp_path) as running:
            yield running

    @pytest.fixture
    async def instance(self, broker, context, monkeypatch):
        monkeypatch.setattr(mqtt, "STOP_GRACE_S", 0.2)
        instance = plugin.create(plugin.config(url=broker.url, publish=False), context)
        await instance.start()
        await context.wait_for_event("Connected to MQTT broker")
        yield instance
        await instance.stop()

    @pytest.fixture
    def stimulus(self, broker, context):
        class Publisher:
            async def raise_alarm(self):
                await broker.publish("addispatch/default/alarm/raise", "Pump 3 is hot", "--retain")

            async def wait_confirmed(self, timeout_s):
                await context.confirmations.wait_for(timeout_s=timeout_s)

            async def offer_again(self):
                """Nothing: the plugin tries again by itself."""

        return Publisher()
