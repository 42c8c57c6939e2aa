"""A controller gets too hot, is unplugged, and comes back: from its registers to a phone, through the real plugin."""

from __future__ import annotations

from pathlib import Path

from modbus_devices import pymodbus_device, sim_device
from pipelines import until
from tale import Tale, group, people, settings

from addispatch_plugins.modbus.values import Order, Type, encode

MONITOR = """
[[monitor]]
name = "Boiler"
probe = "modbus"
host = "127.0.0.1"
port = {port}
address = "40101"
type = "float32"
byte_order = "CDAB"
interval_s = 0.1
timeout_s = 1
retries = 1
hi = 90.0
deadband = 2.0
units = "C"
to = ["Team"]
"""
TEAM = people("Adam", "Chief") + settings() + group("Team", "Adam", policy="")


class Boiler:
    """Shows its temperature in holding registers 100 and 101, the low word first."""

    def __init__(self) -> None:
        self.temperature = 20.0
        self.device = sim_device(1, holding={100: 0, 101: 0}, action=self.asked)

    async def asked(self, _function, start, _address, _count, registers, _values) -> None:
        data = encode(self.temperature, Type.FLOAT32, Order.CDAB)
        registers[100 - start : 102 - start] = [int.from_bytes(data[:2]), int.from_bytes(data[2:])]


async def comes(tale: Tale, *words: str) -> None:
    """A text is on its way as soon as the register has been read, and then on the phone."""

    def is_there() -> bool:
        return any(all(word in got.text for word in words) for got in tale.phone("Adam")._unexpected)

    await until(is_there)
    await tale.phone("Adam").expects(*words)


async def test_from_a_register_to_a_phone(tmp_path: Path) -> None:
    boiler = Boiler()
    async with pymodbus_device(boiler.device) as device:
        tale = Tale(tmp_path, TEAM + MONITOR.format(port=device.port), more="[plugin.modbus]\n")
        await tale.start()
        boiler.temperature = 95.5
        await comes(tale, "Boiler: 95.5 C, above HI 90 C")
    try:
        await comes(tale, "Boiler", "connection refused")
        async with pymodbus_device(boiler.device, port=device.port):
            await comes(tale, "Boiler", "again")
            boiler.temperature = 80.0
            await comes(tale, "Boiler: 80 C, back to normal")
            assert device.connection_count == 1
    finally:
        await tale.node.stop()
