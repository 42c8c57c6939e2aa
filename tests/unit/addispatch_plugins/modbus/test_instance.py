"""The plugin as a whole."""

from __future__ import annotations

import socket

from modbus_devices import HOST, pymodbus_device

from addispatch.sdk import Examiner, StatusReporter
from addispatch.sdk.testing import RecordingContext
from addispatch_plugins.modbus.config import ModbusConfig
from addispatch_plugins.modbus.instance import ModbusPlugin
from addispatch_plugins.modbus.keys import ModbusKeys


async def test_tells_what_is_wrong_with_which_device(tmp_path):
    async with RecordingContext(tmp_path, name="modbus") as context, pymodbus_device(holding={0: 7}) as device:
        plugin = ModbusPlugin(ModbusConfig(), context)
        assert isinstance(plugin, Examiner)
        assert isinstance(plugin, StatusReporter)
        await plugin.self_check()
        assert await plugin.examine() == []
        await plugin.start()
        (probe,) = plugin.probes
        with socket.socket() as taken:
            taken.bind((HOST, 0))
            gone = ModbusKeys(host=HOST, port=taken.getsockname()[1], register="holding", address=0)
            good = ModbusKeys(host=HOST, port=device.port, register="holding", address=0)
            probe.prepare([good, good, gone])
            await probe.read([good, good], 5)
            assert plugin.status_line() == "2 devices"
            await probe.read([gone], 5)
        assert plugin.status_line().startswith("2 devices, 1 with problems: 127.0.0.1:")
        found = {finding.subject: finding for finding in await plugin.examine()}
        one = found[f"modbus {HOST}:{device.port}"]
        assert (one.detail, one.problem, one.advice) == ("connected, 2 monitors, 1 answers", "", "")
        other = found[f"modbus {HOST}:{gone.port}"]
        assert other.problem == "connection refused"
        assert f"speaks Modbus on port {gone.port}" in other.advice
        await plugin.stop()
        assert plugin.status_line() == "0 devices"
        await device.until(lambda: device.open_count == 0)


async def test_a_watchdog_problem_is_a_condition(tmp_path):
    async with RecordingContext(tmp_path, name="modbus") as context, pymodbus_device(holding={0: 7}) as device:
        plugin = ModbusPlugin(ModbusConfig(), context)
        keys = ModbusKeys(host=HOST, port=device.port, register="holding", address=0, watchdog=5)
        await plugin.probes[0].read([keys], 5)
        ((name, problem),) = context.conditions.items()
        assert name == f"modbus watchdog {HOST}:{device.port} unit 1 register 5"
        assert "no holding register 5" in problem
        await plugin.stop()
