import asyncio
import os
import time
from typing import ClassVar

import pytest

from addispatch.sdk import PluginError
from addispatch.sdk.testing import RecordingContext
from addispatch.sdk.testing.plugin_contract import PluginContract
from addispatch_plugins.modem import plugin as entry
from addispatch_plugins.modem.config import ModemPluginConfig
from addispatch_plugins.modem.instance import ModemPlugin


class TestPlugin(PluginContract):
    entry_point = "addispatch_plugins.modem:plugin"
    config: ClassVar = {"modem": [{"name": "sim1", "port": "/dev/no-such-port"}]}


def make(context, *ports):
    tables = [{"name": f"sim{n}", "port": port} for n, port in enumerate(ports, start=1)]
    return entry.create(ModemPluginConfig.model_validate({"modem": tables}), context)


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
            assert f"sim1: there is no port {ports[0]}" in down.text
            assert f"sim2: no modem on {ports[1]}: nothing there answers AT" in down.text
            assert f"sim3: no modem on {ports[2]}: it sends something, but does not answer AT" in down.text
            assert "sim4: the port cannot be used: " in down.text
            assert time.perf_counter() - began_s < 10
            assert [document["state"] for document in plugin.modems()] == ["absent", "broken", "broken", "broken"]
            assert [event.severity for event in context.events if event.kind == "no_modem"] == ["severe"]
    finally:
        handle[0].cancel()
        for fd in (master, slave, gps_master, gps_slave):
            os.close(fd)


async def test_self_check_names_a_missing_library(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "gammu" else name)
    async with RecordingContext(tmp_path) as context:
        with pytest.raises(PluginError, match="gammu is not installed"):
            await ModemPlugin(ModemPluginConfig(), context).self_check()


async def test_without_modems_it_says_so(tmp_path):
    async with RecordingContext(tmp_path) as context:
        plugin = make(context)
        await plugin.start()
        assert plugin.status_line() == "0 of 0 modems online"
        assert plugin.channels[0].health.reason == "No working modem found. None is configured."
        await plugin.stop()
