import asyncio
from datetime import UTC, datetime

import pytest

from addispatch.domain.alarm import Alarm, AlarmState, Mark, Priority
from addispatch.domain.errors import ConfigError, ConfigErrors, PluginError, StoreError
from addispatch.domain.message import DeliveryReport, Incoming
from addispatch.domain.receipt import InDoubt, Permanent, Sent, Temporary
from addispatch.host import alone
from addispatch.host.alone import AloneCore, in_words, running, send_one
from addispatch.sdk.context import Severity


@pytest.fixture
def said():
    return []


async def send(name, config, said, to="Adam", **options):
    async with running(name, config, said.append) as (host, core):
        return await send_one(host, core, to, "Tank 3 high", **options)


async def test_one_text_is_sent_by_the_plugin_alone(install, make_config, said):
    install("siren")
    install("other", source="raise RuntimeError('never imported')")
    assert await send("siren", make_config(siren={}, other={}), said) == Sent("r1")
    assert said == []


async def test_it_runs_beside_the_daemon_under_another_name_and_folder(install, make_config, said, tmp_path):
    more = """
    class Instance(Instance):
        async def start(self):
            self.context.event(f"{self.context.node} {self.context.data_dir}")
    Instance.__init__ = lambda self, config, context: setattr(self, "context", context) or setattr(self, "channels", [Pipe()])
    Instance.self_check = Instance.stop = lambda self: asyncio.sleep(0)
    """
    install("siren", more=more)
    await send("siren", make_config(siren={}), said)
    node, folder = said[0].split()
    assert node == "node-a-try"
    assert not folder.startswith(str(tmp_path / "data"))


@pytest.fixture
def install_channel(install):
    """Install ``siren`` with these lines in its channel's class."""
    plain = """
    class Instance:
        def __init__(self, config, context):
            self.channels = [Pipe()]
            Pipe.context = context
        async def self_check(self): pass
        async def start(self): pass
        async def stop(self): pass
    """

    def _install(lines, channel=None):
        install("siren", more=plain + "\n    class Pipe(Pipe):\n" + lines, channel=channel)

    return _install


async def test_it_waits_until_the_channel_is_ready(install_channel, make_config, said):
    install_channel("""
        asked = 0
        @property
        def window(self):
            Pipe.asked += 1
            if Pipe.asked == 1:
                asyncio.get_running_loop().call_soon(Pipe.context.window_changed)
            return 1 if Pipe.asked > 1 else 0
    """)
    async with asyncio.timeout(0.4):
        assert isinstance(await send("siren", make_config(), said), Sent)


async def test_a_channel_that_never_comes_up_says_its_reason(install_channel, make_config, said, monkeypatch):
    monkeypatch.setattr(alone, "READY_WITHIN_S", 0.05)
    install_channel('        window = 0\n        health = Health(False, "no SIM")')
    with pytest.raises(PluginError, match=r"channel siren is still not ready after 0\.05 s: no SIM"):
        await send("siren", make_config(), said)


async def test_a_send_that_hangs_is_in_doubt_and_one_that_raises_a_bug(install_channel, make_config, said):
    install_channel(
        "        deadline_s = 0.05\n        async def send(self, delivery):\n            await asyncio.sleep(60)"
    )
    assert await send("siren", make_config(), said) == InDoubt("no answer within 0.05 s")


async def test_a_send_that_raises_is_called_a_bug(install_channel, make_config, said):
    install_channel("        async def send(self, delivery):\n            raise KeyError('x')")
    with pytest.raises(PluginError, match="the channel raised KeyError: 'x': a bug"):
        await send("siren", make_config(), said)


async def test_numbers_are_taken_as_people_write_them(install_channel, make_config, said):
    install_channel("        async def send(self, delivery):\n            return Sent(delivery.address)", channel="sms")
    assert await send("siren", make_config(), said, to="9123 4567") == Sent("+6591234567")
    with pytest.raises(ConfigError, match="is not a phone number"):
        await send("siren", make_config(), said, to="Adam")


async def test_a_channel_that_is_not_there(install, make_config, said):
    install("siren")
    with pytest.raises(ConfigError, match=r"no channel 'sms'.*there are: siren"):
        await send("siren", make_config(), said, channel="sms")


async def test_the_first_channel_is_the_usual_one(install, make_config, said):
    more = """
    class Instance(Instance):
        def __init__(self, config, context):
            super().__init__(config, context)
            self.channels = [type("Sms", (Pipe,), {"name": "sms"})(), type("Voice", (Loud,), {"name": "voice"})()]
    class Loud(Pipe):
        async def send(self, delivery): return Sent("rang")
    """
    install("siren", more=more, channel='sms", "voice')
    assert await send("siren", make_config(), said, to="+6591234567") == Sent("r1")
    assert await send("siren", make_config(), said, to="+6591234567", channel="voice") == Sent("rang")


async def test_what_does_not_start_is_an_error_said_once(install, make_config, said):
    install("siren", more="class Instance(Instance):\n    async def start(self): raise OSError('port in use')")
    with pytest.raises((PluginError, ConfigErrors)):
        await send("siren", make_config(siren={}), said)
    with pytest.raises(ConfigErrors, match='did you mean "siren"'):
        await send("sirn", make_config(), said)
    with pytest.raises(ConfigErrors, match=r"plugin\.siren\.prt"):
        await send("siren", make_config(siren={"prt": 1}), said)
    assert said == []


@pytest.fixture
def make_core(make_config, said):
    return lambda confirm=False: AloneCore(make_config(), said.append, confirm=confirm)


async def test_everything_the_plugin_says_is_a_line(make_core, said):
    core = make_core()
    core.accept(Alarm(text="Tank 3 high", source="s", key="t3", priority=Priority.HIGH, to=("A", "B")))
    core.accept(Alarm(text="", source="s", state=AlarmState.CLEARED, topic="plant/1"))
    now = datetime.now(UTC)
    core.received(Incoming(channel="sms", sender="+65", text="ok A123", received_at=now, reference="1"))
    core.reported(DeliveryReport(channel="sms", address="+65", reference="1", delivered=False, at=now, reason="off"))
    core.event("link down", severity=Severity.WARNING)
    core.event("Plugin x is off", kind="plugin_failed")
    assert said == [
        "alarm raised (high, key t3, to A, B): Tank 3 high",
        "alarm cleared (medium, topic plant/1): ",
        "message from +65: ok A123",
        "+65: not delivered: off",
        "[!] link down",
    ]


async def test_nothing_is_confirmed_and_in_the_end_the_plugin_hears_that_it_was_not_stored(make_core):
    core = make_core()
    future = core.accept(Alarm(text="x", source="s", mark=Mark("m", b"1")))
    assert not future.done()
    core.release()
    with pytest.raises(StoreError, match="not stored"):
        await future
    assert core.recall("m") is None


async def test_the_plugin_hears_it_before_it_is_stopped(install, make_config, said):
    more = """
    class Instance(Instance):
        async def start(self):
            self.future = self.context.accept(Alarm(text="Tank 3 high", source="siren"))
        async def stop(self):
            self.context.event(repr(self.future.exception()))
    """
    install("siren", more=more)
    async with running("siren", make_config(), said.append):
        pass
    assert said == ["alarm raised (medium): Tank 3 high", "StoreError('not stored: this was a try')"]


async def test_with_confirm_it_is(make_core):
    core = make_core(confirm=True)
    assert (await core.accept(Alarm(text="x", source="s", id="7", mark=Mark("m", b"1")))).alarm_id == "7"
    assert core.recall("m") == b"1"


@pytest.mark.parametrize(
    ("receipt", "words"),
    [
        (Sent(), "sent"),
        (Sent("12", "sim1", 2), "sent by sim1 in 2 parts, reference 12"),
        (Temporary("no network"), "not sent, worth another try: no network"),
        (Temporary("busy", 5, "sim1"), "not sent by sim1, worth another try: busy (try again in 5 s)"),
        (Permanent("no such number"), "not sent, and trying again would not help: no such number"),
        (InDoubt("time-out"), "perhaps sent: time-out"),
    ],
)
def test_receipts_in_words(receipt, words):
    assert in_words(receipt) == words


async def test_all_are_examined_without_being_started(install, make_config):
    install(
        "siren",
        more="""
    class Instance(Instance):
        async def start(self):
            raise RuntimeError("started")
        async def examine(self):
            return [Finding("line", f"{self.context.is_trial} {self.context.node}")]
    """,
    )
    install(
        "ill",
        more="""
    class Instance(Instance):
        async def self_check(self):
            raise PluginError("no port")
    """,
    )
    install("off")
    found, channels, _refuses = await alone.examined(make_config(siren={}, ill={}, off={"enabled": False}), 5)
    assert {one.subject: one.detail or one.problem for one in found} == {
        "line": "True node-a-try", "plugin ill": "check failed: no port",
    }  # fmt: skip
    assert channels == {"siren", "ill"}
