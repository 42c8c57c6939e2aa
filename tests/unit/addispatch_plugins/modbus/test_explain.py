"""A value in every way it might be meant."""

from __future__ import annotations

import asyncio
import socket
import struct

from modbus_devices import HOST, probing, pymodbus_device, rogue, swallow

from addispatch.sdk import Explainer
from addispatch_plugins.modbus.explain import bits, registers, said
from addispatch_plugins.modbus.keys import ModbusKeys


async def test_shows_every_type_and_order():
    async with pymodbus_device(holding={10: 0x42C8, 11: 0, 12: 0x4142, 13: 0x4300}) as device:
        keys = ModbusKeys(host=HOST, port=device.port, register="holding", address=10, type="float32")
        with probing() as probe:
            assert isinstance(probe, Explainer)
            rows = await probe.explain(keys, 5)
            shown = dict(rows)
            assert len(shown) == len(rows), "each name once"
            assert rows[0] == ("value", "100")
            assert shown["read"] == "holding registers 10 to 13 (40011 to 40014)"
            assert shown["raw"] == "0x42C8 0x0000 0x4142 0x4300"
            assert shown["bits 15…0"] == "0100 0010 1100 1000"
            assert (shown["int16"], shown["uint16"], shown["int16 BADC"]) == ("17096", "17096", "-14270")
            assert shown["float32 ABCD"] == "100"
            assert shown["float32 CDAB"] == said(struct.unpack(">f", b"\0\0\x42\xc8")[0])
            assert shown["uint32 DCBA"] == str(0x0000C842)
            assert shown["int64 ABCD"] == str(0x42C8000041424300)
            assert shown["string ABCD"] == '"BÈ"'
            assert shown["string BADC"] == '"ÈB"'
            assert {f"float64 {order}" for order in ("ABCD", "CDAB", "BADC", "DCBA")} <= shown.keys()
            assert not probe.lines, "it was no monitor's: nothing stays open"
        await device.until(lambda: device.open_count == 0)


async def test_less_is_read_where_less_is():
    async with pymodbus_device(holding={0: 1, 1: 2, 7: 7}, coil={at: at % 2 for at in range(16)}) as device:
        with probing() as probe:
            one = ModbusKeys(host=HOST, port=device.port, register="holding", address=7)
            shown = dict(await probe.explain(one, 5))
            assert shown["raw"] == "0x0007"
            assert "int32 ABCD" not in shown
            two = ModbusKeys(host=HOST, port=device.port, register="holding", address=0)
            assert dict(await probe.explain(two, 5))["raw"] == "0x0001 0x0002"
            coil = ModbusKeys(host=HOST, port=device.port, register="coil", address=1)
            assert await probe.explain(coil, 5) == [
                ("value", "true"),
                ("read", "coils 1 to 8 (00002 to 00009)"),
                ("bits", "1 0 1 0 1 0 1 0"),
            ]
            edge = ModbusKeys(host=HOST, port=device.port, register="holding", address=65_535)
            assert await probe.explain(edge, 5) == [
                ("problem", "illegal data address: the device has no holding register 65535 (465536)")
            ]


async def test_a_problem_is_a_line_and_costs_one_time_out():
    async with rogue(swallow) as device:
        keys = ModbusKeys(host=HOST, port=device.port, register="holding", address=0)
        with probing() as probe:
            began_s = asyncio.get_running_loop().time()
            assert await probe.explain(keys, 0.2) == [("problem", "no answer within 0.2 s")]
            assert asyncio.get_running_loop().time() - began_s < 0.5


async def test_who_looks_need_not_wait_for_a_pause_to_end():
    with socket.socket() as taken, probing() as probe:
        taken.bind((HOST, 0))
        port = taken.getsockname()[1]
        keys = ModbusKeys(host=HOST, port=port, register="holding", address=0)
        probe.prepare([keys])
        for _ in range(5):
            await probe.read([keys], 5)
        taken.close()
        async with pymodbus_device(port=port, holding={0: 7}):
            assert dict(await probe.explain(keys, 5))["value"] == "7"
            assert [reading.value for reading in await probe.read([keys], 5)] == [7]


def test_bits_in_the_order_of_their_addresses():
    assert bits(b"\x05\x01", 9) == [("bits", "1 0 1 0 0 0 0 0 1")]


def test_a_single_register():
    assert {"int16", "string ABCD"} <= dict(registers(b"\0\1")).keys()


def test_said():
    assert [said(value) for value in (True, 7, 0.1 + 0.2, "A", float("nan"), 1e30)] == [
        "true", "7", "0.3", '"A"', "nan", "1e+30",
    ]  # fmt: skip
