"""The log plugin keeps the contract."""

import pytest

from addispatch.sdk.testing import make_delivery
from addispatch.sdk.testing.channel_contract import ChannelContract
from addispatch.sdk.testing.plugin_contract import PluginContract
from addispatch_plugins.log import plugin


class TestLogPlugin(PluginContract):
    entry_point = "addispatch_plugins.log:plugin"


class TestLogChannel(ChannelContract):
    @pytest.fixture
    async def instance(self, context):
        instance = plugin.create(plugin.config(), context)
        await instance.start()
        yield instance
        await instance.stop()

    @pytest.fixture
    def good_delivery(self):
        return lambda: make_delivery("log", "adam")
