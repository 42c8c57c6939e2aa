"""The whole way from keys to readings, with pymodbus's server as the device."""

from __future__ import annotations

from modbus_devices import HOST, probing, pymodbus_device

from addispatch_plugins.modbus.keys import ModbusKeys


async def test_reads_a_register():
    async with pymodbus_device(holding={0: 7, 1: 8}) as device:
        keys = ModbusKeys(host=HOST, port=device.port, register="holding", address=1)
        with probing() as probe:
            probe.prepare([keys])
            assert [reading.value for reading in await probe.read([keys], 5)] == [8]
            assert [reading.value for reading in await probe.read([keys], 5)] == [8]
            assert device.connection_count == 1
