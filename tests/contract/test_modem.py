"""The modem plugin keeps the contract, with real libGammu in front of a simulated modem."""

import pytest
import pytest_asyncio

from addispatch.sdk.testing import RecordingContext, make_delivery
from addispatch.sdk.testing.channel_contract import ChannelContract
from addispatch.sdk.testing.plugin_contract import PluginContract
from addispatch.simulator.modem import SimulatedModem
from addispatch.simulator.network import Network
from addispatch_plugins.modem import plugin


class TestModemPlugin(PluginContract):
    entry_point = "addispatch_plugins.modem:plugin"
    config = {"modem": [{"name": "sim1", "port": "/dev/ttyUSB0"}]}  # noqa: RUF012


@pytest_asyncio.fixture(scope="class", loop_scope="class")
async def running(tmp_path_factory):
    """A plugin with one modem; it rings shorter than people may configure."""
    folder = tmp_path_factory.mktemp("modem")
    port = folder / "tty-sim1"
    modem = SimulatedModem(Network(), "+6590000000", link=port)
    await modem.start()
    async with RecordingContext(folder, name="modem") as context:
        config = plugin.config.model_validate({"modem": [{"name": "sim1", "port": str(port), "rate_per_minute": 0}]})
        quick = tuple(modem.model_copy(update={"ring_s": 0.3}) for modem in config.modem)
        instance = plugin.create(config.model_copy(update={"modem": quick}), context)
        await instance.self_check()
        await instance.start()
        await context.wait_for_event("Modem sim1 is online", timeout_s=25)
        yield instance
        await instance.stop()
    await modem.stop()


@pytest.mark.asyncio(loop_scope="class")
class TestSmsChannel(ChannelContract):
    """One modem for all tests: gammu takes seconds to bring one up, and the test that stops it comes last."""

    @pytest.fixture
    def instance(self, running):
        return running

    @pytest.fixture
    def good_delivery(self):
        return lambda: make_delivery("sms", "+6591234567")

    @pytest.fixture
    def bad_delivery(self):
        return make_delivery("sms", "no number")


@pytest.mark.asyncio(loop_scope="class")
class TestVoiceChannel(ChannelContract):
    """The same for calls."""

    @pytest.fixture
    def instance(self, running):
        return running

    @pytest.fixture
    def channel(self, running):
        return running.channels[1]

    @pytest.fixture
    def good_delivery(self):
        return lambda: make_delivery("voice", "+6591234567")

    @pytest.fixture
    def bad_delivery(self):
        return make_delivery("voice", "+6591234567;")
