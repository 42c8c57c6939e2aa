"""The smtp plugin keeps the contract."""

import pytest

from addispatch.sdk.testing import make_delivery
from addispatch.sdk.testing.channel_contract import ChannelContract
from addispatch.sdk.testing.plugin_contract import PluginContract
from addispatch.simulator.mailsink import MailSink
from addispatch_plugins.smtp import plugin


class TestSmtpPlugin(PluginContract):
    entry_point = "addispatch_plugins.smtp:plugin"
    config = {"primary": {"host": "mail.example.com", "sender": "plant@example.com"}}  # noqa: RUF012


class TestEmailChannel(ChannelContract):
    @pytest.fixture
    async def instance(self, context):
        async with MailSink() as sink:
            server = {"host": sink.host, "port": sink.port, "security": "none", "sender": "plant@example.com"}
            instance = plugin.create(plugin.config.model_validate({"primary": {**server, "connections": 8}}), context)
            await instance.self_check()
            await instance.start()
            yield instance
            await instance.stop()

    @pytest.fixture
    def good_delivery(self):
        return lambda: make_delivery("email", "adam@example.com")

    @pytest.fixture
    def bad_delivery(self):
        return make_delivery("email", "no address")
