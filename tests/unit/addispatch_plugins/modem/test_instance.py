import asyncio
import fcntl
import os
import time
from typing import ClassVar

import pytest

from addispatch.sdk import PluginError
from addispatch.sdk.testing import RecordingContext
from addispatch.sdk.testing.plugin_contract import PluginContract
from addispatch.simulator.modem import SimulatedModem
from addispatch.simulator.network import Network
from addispatch_plugins.modem import plugin as entry
from addispatch_plugins.modem.config import ModemPluginConfig
from addispatch_plugins.modem.instance import ModemPlugin


class TestPlugin(PluginContract):
    entry_point = "addispatch_plugins.modem:plugin"
    config: ClassVar = {"modem": [{"name": "sim1", "port": "/dev/no-such-port"}]}


def make(context, *ports):
    tables = [{"name": f"sim{n}", "port": port} for n, port in enumerate(ports, start=1)]
    return entry.create(ModemPluginConfig.model_validate({"modem": tables, "enabled": bool(tables)}), context)


async def test_ports_without_a_modem_are_told_apart_within_seconds(tmp_path):
    """One that is not there, one that is dead, one that chatters like a GPS receiver, one that is a plain file."""
    (tmp_path / "file").write_text("x")
    master, slave = os.openpty()
    gps_master, gps_slave = os.openpty()
    loop = asyncio.get_running_loop()

    def chatter():
        os.write(gps_master, b"$GPGGA,123519,4807.038,N,01131.000,E\r\n")
        handle[0] = loop.call_later(0.1, chatter)

    handle = [loop.call_later(0, chatter)]
    try:
        async with RecordingContext(tmp_path) as context:
            ports = (tmp_path / "none", os.ttyname(slave), os.ttyname(gps_slave), tmp_path / "file")
            plugin = make(context, *map(str, ports))
            await plugin.self_check()
            began_s = time.perf_counter()
            await plugin.start()
            assert time.perf_counter() - began_s < 0.1
            down = await context.wait_for_event("No working modem found.", timeout_s=20)
            assert f"sim1: there is no such port ({ports[0]})" in down.text
            assert f"sim2: no modem there: nothing answers AT ({ports[1]})" in down.text
            assert f"sim3: no modem there: it sends something, but does not answer AT ({ports[2]})" in down.text
            assert "sim4: the port cannot be used: " in down.text
            assert time.perf_counter() - began_s < 10
            assert [document["state"] for document in plugin.modems()] == ["absent", "broken", "broken", "broken"]
            assert plugin.modems()[0]["error"] == "there is no such port", "the document has the port beside it"
            assert not any(
                str(port) in document["error"] for port, document in zip(ports, plugin.modems(), strict=True)
            )
            assert [event.severity for event in context.events if event.kind == "no_modem"] == ["severe"]
    finally:
        handle[0].cancel()
        for fd in (master, slave, gps_master, gps_slave):
            os.close(fd)


async def test_self_check_names_a_missing_library(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "gammu" else name)
    async with RecordingContext(tmp_path) as context:
        with pytest.raises(PluginError, match="gammu is not installed"):
            await ModemPlugin(ModemPluginConfig(enabled=False), context).self_check()


async def test_beside_another_program_the_daemon_waits_and_a_trial_ends(tmp_path):
    modem = SimulatedModem(Network(), "+6590000001")
    await modem.start()
    tty = os.open(modem.port, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(tty, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        async with RecordingContext(tmp_path) as context:
            plugin = make(context, modem.port)
            await plugin.self_check()
            await plugin.start()
            event = await context.wait_for_event("Modem sim1 is broken", timeout_s=10)
            assert event.text == f"Modem sim1 is broken: another program has the port ({modem.port})"
            context.is_trial = True
            with pytest.raises(PluginError, match="another program has the port of sim1: stop it first"):
                await make(context, modem.port).self_check()
            await make(context, modem.port, "/dev/no-such-port").self_check()
            await plugin.stop()
    finally:
        os.close(tty)
        await modem.stop()


async def test_without_modems_it_says_so(tmp_path):
    async with RecordingContext(tmp_path) as context:
        plugin = make(context)
        await plugin.start()
        assert plugin.status_line() == "0 of 0 modems online"
        assert plugin.channels[0].health.reason == "No working modem found. None is configured."
        await plugin.stop()
