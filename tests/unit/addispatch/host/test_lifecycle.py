import asyncio
import time

import pytest

from addispatch.host import Patience, PluginHost
from addispatch.sdk.context import Severity
from addispatch.sdk.protocols import Channel

QUICK = Patience(warn_s=0.05, give_up_s=0.15)


@pytest.fixture
async def host_of(core, make_config):
    hosts = []

    async def _host(*names, plugins=None, patience=QUICK, **tables):
        host = PluginHost(make_config(plugins, **{name: {} for name in names}, **tables), core, patience)
        hosts.append(host)
        await host.load()
        await host.start()
        return host

    yield _host
    for host in hosts:
        await host.stop()


def row(host, name):
    return next(row for row in host.report() if row["name"] == name)


async def test_a_good_plugin_goes_through_its_life(install, core, host_of):
    install("siren")
    host = await host_of("siren")
    assert row(host, "siren") == {
        "name": "siren",
        "status": "enabled",
        "summary": "Does siren",
        "reason": "",
        "origin": "testpkg-siren",
        "version": "2.5",
        "channels": ["siren"],
        "receives": [],
        "capabilities": ["channel"],
        "status_line": "all is well",
    }
    assert isinstance(host.channels()["siren"], Channel)
    assert core.changed_count == 1
    await host.stop()
    assert core.clock.calls == ["siren.self_check", "siren.start", "siren.stop"]
    assert host.channels() == {}
    assert (row(host, "siren")["status"], row(host, "siren")["reason"]) == ("disabled", "stopped")
    assert core.events == []


async def test_sources_start_last_and_everything_stops_in_reverse(install, core, host_of):
    kinds = {"tap": "SOURCE", "pipe": "CHANNEL", "engine": "SERVICE"}
    for name, kind in kinds.items():
        channels = "" if kind == "CHANNEL" else ", channels=()"
        after = f"import dataclasses; plugin = dataclasses.replace(plugin, capabilities=frozenset({{Capability.{kind}}}){channels})"
        more = (
            ""
            if kind == "CHANNEL"
            else "Pipe = lambda: None\nInstance.channels = property(lambda self: (), lambda self, value: None)"
        )
        install(name, after=after, more=more)
    host = await host_of(*kinds)
    assert [call for call in core.clock.calls if call.endswith("start")] == ["engine.start", "pipe.start", "tap.start"]
    core.clock.calls.clear()
    await host.stop()
    assert core.clock.calls == ["tap.stop", "pipe.stop", "engine.stop"]


BROKEN = {
    "cannot_import": ("import no_such_library", {}, "load_error", "No module named 'no_such_library'"),
    "exits_at_import": ("raise SystemExit", {}, "load_error", "SystemExit"),
    "bad_table": ("", {"prt": 1}, "config_error", 'did you mean "port"?'),
    "cannot_create": ("class Instance:\n    def __init__(self, *a): raise KeyError('x')", {}, "crashed", "could not be created: KeyError: 'x'"),
    "is_no_instance": ("def Instance(config, context): return 3", {}, "crashed", "a int without self_check, start, stop"),
    "wrong_channels": ("Pipe.name = 'other'", {}, "crashed", "provides the channels ['other'], but names ['wrong_channels']"),
    "check_refuses": ("async def self_check(self): raise PluginError('no modem port')", {}, "check_failed", "check failed: no modem port"),
    "check_mistake": ("async def self_check(self): raise ConfigError('port', 'is taken', 'use 2')", {}, "config_error", "plugin.check_mistake.port: is taken (use 2)"),
    "check_hangs": ("async def self_check(self): await asyncio.sleep(60)", {}, "check_failed", "check failed: TimeoutError: took longer than 0.15 s"),
    "start_raises": ("async def start(self): raise OSError('port in use')", {}, "crashed", "start failed: OSError: port in use"),
    "start_exits": ("async def start(self): sys.exit(3)", {}, "crashed", "it called sys.exit()"),
    "start_cancels": ("async def start(self): raise asyncio.CancelledError", {}, "crashed", "it was cancelled from inside"),
    "start_hangs": ("async def start(self): await asyncio.sleep(60)", {}, "crashed", "start failed: TimeoutError: took longer than 0.15 s"),
    "start_blocking_error": ("def start(self): raise RuntimeError('not even async')", {}, "crashed", "RuntimeError: not even async"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_plugin_is_off_with_a_reason_and_the_others_run(install, core, host_of, name):
    code, table, status, reason = BROKEN[name]
    more = code
    if code.startswith(("async def", "def start")):
        method, body = code.split(": ", 1)
        more = f"class Instance(Instance):\n    {method}:\n        {body}"
    install(name, more=more)
    install("good")
    host = await host_of("good", **{name: table})
    await core.until(lambda: row(host, name)["status"] != "enabled")
    assert row(host, name)["status"] == status
    assert reason in row(host, name)["reason"]
    assert row(host, "good")["status"] == "enabled"
    assert set(host.channels()) == {"good"}
    severe = [(text, data) for severity, _, text, data in core.events if severity is Severity.SEVERE]
    assert len(severe) == 1
    assert severe[0][0].startswith(f"Plugin {name} is off: ")
    assert severe[0][1] == {"plugin": name}
    assert f"{name}.start" not in core.clock.calls
    await host.stop()
    assert (f"{name}.stop" in core.clock.calls) == name.startswith("start_")


async def test_one_that_ignores_its_cancellation_is_left_behind(install, core, host_of, monkeypatch):
    monkeypatch.setattr("addispatch.runtime.tasks.GRACE_S", 0.05)
    more = """
    class Instance(Instance):
        async def start(self):
            for _ in range(8):
                try:
                    await asyncio.sleep(0.1)
                except asyncio.CancelledError:
                    pass
    """
    install("stubborn", more=more)
    began_s = time.monotonic()
    host = await host_of("stubborn")
    await core.until(lambda: row(host, "stubborn")["status"] == "crashed")
    assert time.monotonic() - began_s < 0.6


async def test_a_slow_plugin_holds_up_nobody_and_joins_when_it_is_ready(install, core, host_of):
    more = """
    class Instance(Instance):
        async def start(self):
            await self.context.clock.gate.wait()
    """
    install("slow", more=more)
    install("good")
    core.clock.gate = asyncio.Event()
    host = await host_of("slow", "good", patience=Patience(warn_s=0.05, give_up_s=30))
    assert set(host.channels()) == {"good"}
    await core.until(lambda: core.texts == ["Plugin slow: start takes longer than 0.05 s"])
    assert row(host, "slow")["reason"] == "starting"
    core.changed_count = 0
    core.clock.gate.set()
    await core.until(lambda: core.changed_count == 1)
    assert set(host.channels()) == {"good", "slow"}
    await host.stop()
    assert {"slow.stop", "good.stop"} <= set(core.clock.calls)


async def test_stopping_while_one_still_starts_ends_its_start_first(install, core, host_of):
    more = """
    class Instance(Instance):
        async def start(self):
            try:
                await asyncio.sleep(60)
            finally:
                self.calls.append("start ended")
    """
    install("slow", more=more)
    host = await host_of("slow", patience=Patience(warn_s=0.05, give_up_s=30))
    await asyncio.wait_for(host.stop(), 2)
    assert core.clock.calls == ["slow.self_check", "start ended", "slow.stop"]
    assert row(host, "slow")["status"] == "disabled"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("await asyncio.sleep(60)", "stop failed: TimeoutError: took longer than 0.15 s"),
        ("raise OSError('gone')", "stop failed: OSError: gone"),
    ],
)
async def test_a_stop_that_fails_does_not_keep_the_others_from_stopping(install, core, host_of, body, reason):
    install("good")
    install("bad", more=f"class Instance(Instance):\n    async def stop(self):\n        {body}")
    host = await host_of("good", "bad")
    await asyncio.wait_for(host.stop(), 2)
    assert (row(host, "bad")["status"], row(host, "bad")["reason"]) == ("crashed", reason)
    assert "good.stop" in core.clock.calls


async def test_a_crash_in_a_supervised_task_is_seen_and_heals(install, core, host_of):
    more = """
    class Instance(Instance):
        async def start(self):
            self.context.supervise("reader", self.read)
        async def read(self):
            self.calls.append("read")
            if self.calls.count("read") == 1:
                raise OSError("cable pulled")
            self.context.event("reading again")
            await asyncio.sleep(60)
    """
    install("wobbly", more=more)
    host = await host_of("wobbly")
    await core.until(lambda: "reading again" in core.texts)
    assert row(host, "wobbly")["status"] == "crashed"
    assert row(host, "wobbly")["reason"] == "wobbly.reader failed: OSError: cable pulled (failed 1 times)"
    assert core.texts[0].startswith("Plugin wobbly: wobbly.reader failed: OSError: cable pulled; starting it again in")
    assert set(host.channels()) == {"wobbly"}
    core.clock.forward(minutes=2)
    assert (row(host, "wobbly")["status"], row(host, "wobbly")["reason"]) == ("enabled", "")


async def test_the_later_of_two_plugins_with_one_channel_is_refused(install, host_of):
    install("first", channel="sms")
    install("second", channel="sms")
    host = await host_of("first", "second")
    assert row(host, "first")["status"] == "enabled"
    assert row(host, "second")["status"] == "config_error"
    assert "'sms' is provided by plugin first already" in row(host, "second")["reason"]
    assert set(host.channels()) == {"sms"}


async def test_what_a_channel_refuses_is_asked_of_it_and_a_fault_is_no_reason(install, host_of):
    answers = {"siren": "return f'{address} is far'", "horn": "raise OSError(address)", "bell": "return None"}
    for name, answer in answers.items():
        install(name, after=f"def refuses(self, address):\n    {answer}\nPipe.refuses = refuses")
    host = await host_of("siren", "horn", "bell")
    assert [host.refuses(name, "+44") for name in ("siren", "horn", "bell", "none")] == ["+44 is far", "", "", ""]


async def test_modems_are_gathered_and_a_plugin_that_cannot_say_is_skipped(install, host_of):
    install("one", more="class Instance(Instance):\n    def modems(self): return [{'name': 'sim1'}]")
    more = """
    class Instance(Instance):
        def modems(self):
            raise KeyError("x")
        def status_line(self):
            raise KeyError("y")
    """
    install("two", more=more)
    host = await host_of("one", "two")
    assert host.modems() == [{"name": "sim1"}]
    assert (row(host, "two")["status"], row(host, "two")["status_line"]) == ("enabled", "")


async def test_a_dropin_runs_like_any_other(tmp_path, write_plugin, host_of):
    folder = tmp_path / "dropins"
    folder.mkdir(mode=0o755)
    file = write_plugin(folder / "bell.py", "bell")
    host = await host_of("bell", plugins={"folder": str(folder)})
    assert (row(host, "bell")["status"], row(host, "bell")["origin"]) == ("enabled", str(file))


async def test_an_unsafe_folder_is_an_event_and_the_host_starts(tmp_path, core, host_of):
    host = await host_of("mqqt", plugins={"folder": str(tmp_path / "gone")})
    assert core.texts[0].startswith("Plugins: plugins.folder: cannot read")
    assert row(host, "mqqt")["status"] == "config_error"
    assert [error.path for error in host.check()] == ["plugins.folder", "plugin.mqqt"]


async def test_one_line_per_plugin_is_logged_at_start(install, host_of, caplog):
    install("siren")
    caplog.set_level("INFO", "addispatch.host")
    await host_of("siren", "mqqt")
    lines = [record.getMessage() for record in caplog.records]
    assert "plugin siren: enabled - Does siren" in lines
    assert (
        'plugin mqqt: config_error - plugin.mqqt: no plugin of this name is installed (did you mean "mqtt"?)' in lines
    )
    assert "plugin log: disabled - no table [plugin.log]" in lines


async def test_checking_again_while_it_runs_finds_nothing_new(install, host_of):
    install("siren")
    host = await host_of("siren", "log")
    assert host.check() == []


EXAMINED = """
class Instance(Instance):
    async def examine(self):
        self.calls.append("examined")
        return [Finding("line", problem="cut", advice="mend it")]
"""


async def test_each_plugin_examines_itself_and_those_that_are_off_say_why(install, core, host_of):
    install("siren", more=EXAMINED)
    install("plain")
    install(
        "late",
        more="""
    class Instance(Instance):
        async def examine(self):
            await asyncio.sleep(60)
    """,
    )
    install(
        "rude",
        more="""
    class Instance(Instance):
        async def examine(self):
            raise ValueError("boo")
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
    host = await host_of("siren", "plain", "late", "rude", "ill", nonsense={}, off={"enabled": False})
    found = {one.subject: one for one in await host.examine(0.1)}
    assert (found["line"].problem, found["line"].advice) == ("cut", "mend it")
    assert (found["plugin plain"].detail, found["plugin plain"].problem) == ("all is well", "")
    assert found["plugin late"].problem == "it did not examine itself within 0.1 s"
    assert found["plugin rude"].problem == "it could not examine itself: ValueError: boo"
    assert found["plugin ill"].problem == "it is off: check failed: no port"
    assert found["plugin nonsense"].problem.startswith("it is off: plugin.nonsense: no plugin of this name")
    assert len(found) == 6


async def test_they_examine_themselves_all_at_once(install, host_of):
    for name in ("one", "two", "three"):
        install(
            name,
            more="""
    class Instance(Instance):
        async def examine(self):
            await asyncio.sleep(0.2)
            return [Finding(self.context.name)]
    """,
        )
    host = await host_of("one", "two", "three")
    began_s = time.monotonic()
    assert len(await host.examine(5)) == 3
    assert time.monotonic() - began_s < 0.5
