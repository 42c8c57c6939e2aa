"""Monitors of one unit are read together; a bad one fails alone; a watchdog register is counted on."""

from __future__ import annotations

import asyncio
import gc
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modbus_devices import (
    HOST,
    ExcCodes,
    missing_unit,
    probing,
    pymodbus_device,
    request,
    rogue,
    saying,
    sim_device,
    swallow,
)

from addispatch_plugins.modbus import reader
from addispatch_plugins.modbus.address import Register
from addispatch_plugins.modbus.keys import ModbusKeys
from addispatch_plugins.modbus.plan import Span
from addispatch_plugins.modbus.problems import ModbusError
from addispatch_plugins.modbus.reader import cut, decoder
from addispatch_plugins.modbus.values import Order, Type, encode


def holding(port: int, address: int | str, **keys) -> ModbusKeys:
    return ModbusKeys(host=HOST, port=port, register="holding", address=address, **keys)


async def values(probe, keys, timeout_s: float = 5) -> list:
    if not probe.lines:
        probe.prepare(keys)
    return [reading.problem or reading.value for reading in await probe.read(keys, timeout_s)]


async def test_neighbours_cost_one_request_and_everybody_gets_his_own():
    registers = {at: 100 + at for at in range(12)} | {20: 0x42C8, 21: 0}
    async with pymodbus_device(holding=registers, coil={3: 1, 5: 1}, discrete={17: 1}, inputs={0: 65_535}) as device:
        keys = [
            holding(device.port, 5),
            holding(device.port, 0, type="int16", scale=0.1, offset=-1),
            holding(device.port, 20, type="float32"),
            holding(device.port, 2, bit=1),
            holding(device.port, 5),
            ModbusKeys(host=HOST, port=device.port, register="coil", address=5),
            ModbusKeys(host=HOST, port=device.port, address="00005"),
            ModbusKeys(host=HOST, port=device.port, address="10018"),
            ModbusKeys(host=HOST, port=device.port, address="30001", type="int16"),
        ]
        with probing(gap=14) as probe:
            readings = await probe.read(keys, 5)
            assert [one.value for one in readings] == [
                105, pytest.approx(9.0), 100.0, True, 105, True, False, True, -1,
            ]  # fmt: skip
            assert all(one.latency_s is not None and 0 < one.latency_s < 5 for one in readings)
    # The holes between are not there, so the first request was refused; the coils needed one, the others one each.
    functions = [function for _, function, *_ in device.asked]
    assert (functions.count(1), functions.count(2), functions.count(4)) == (1, 1, 1)


async def test_a_bad_address_fails_alone_and_is_remembered(monkeypatch):
    async with pymodbus_device(holding={at: at for at in (0, 1, 3, 4)}) as device:
        keys = [holding(device.port, at) for at in range(5)]
        with probing() as probe:
            good = [0, 1, "illegal data address: the device has no holding register 2 (40003)", 3, 4]
            assert await values(probe, keys) == good
            assert [request[2:] for request in device.asked] == [(0, 5), *((at, 1) for at in range(5))]
            device.asked.clear()
            assert await values(probe, keys) == good
            assert [request[2:] for request in device.asked] == [(0, 2), (3, 2), (2, 1)]
            monkeypatch.setattr(reader, "CAREFUL_S", 0.0)
            await values(probe, keys)
            device.asked.clear()
            # Two readings later what was remembered is too old.
            probe._readers[tuple(map(id, keys))]._careful_until_s = 0.001
            assert await values(probe, keys) == good
            assert device.asked[0][2:] == (0, 5)


async def test_holes_between_are_not_asked_for_again():
    async with pymodbus_device(holding={0: 7, 5: 8}) as device:
        keys = [holding(device.port, 0), holding(device.port, 5)]
        with probing() as probe:
            assert await values(probe, keys) == [7, 8]
            device.asked.clear()
            assert await values(probe, keys) == [7, 8]
            assert [request[2:] for request in device.asked] == [(0, 1), (5, 1)]


async def test_a_device_that_takes_few_registers_at_once():
    async def action(function, start, address, count, registers, values):
        return ExcCodes.ILLEGAL_VALUE if count > 1 else None

    async with pymodbus_device(sim_device(1, holding=dict(enumerate(range(4))), action=action)) as device:
        keys = [holding(device.port, at) for at in range(4)]
        with probing() as probe:
            for _ in range(3):
                device.asked.clear()
                assert await values(probe, keys) == [0, 1, 2, 3]
            assert len(device.asked) == 4, "it has learnt"
        with probing(max_registers=1) as probe:
            device.asked.clear()
            assert await values(probe, keys) == [0, 1, 2, 3]
            assert len(device.asked) == 4, "or is told"


async def test_a_missing_unit_costs_one_request():
    async with pymodbus_device(missing_unit(3)) as device:
        keys = [holding(device.port, at, unit=3) for at in (0, 50, 100)]
        with probing() as probe:
            assert await values(probe, keys) == ["unit 3 does not answer (gateway target failed to respond)"] * 3
        assert len(device.asked) == 1


async def test_a_host_that_swallows_costs_one_time_out():
    async with rogue(swallow) as device:
        keys = [holding(device.port, at) for at in range(0, 2_000, 100)]
        with probing() as probe:
            began_s = asyncio.get_running_loop().time()
            assert await values(probe, keys, 0.3) == ["no answer within 0.3 s"] * 20
            assert asyncio.get_running_loop().time() - began_s < 0.6


def device_that(answers):
    """Holding registers of a rogue: ``answers(address, count)`` is the data, or anything else it says, None for silence."""

    async def talk(reader, writer):
        while True:
            asked = await request(reader)
            said = answers(int.from_bytes(asked[8:10]), int.from_bytes(asked[10:12]))
            if isinstance(said, list):
                data = b"".join(value.to_bytes(2) for value in said)
                said = asked[:4] + (3 + len(data)).to_bytes(2) + asked[6:8] + bytes([len(data)]) + data
            writer.write(said or b"")

    return rogue(talk)


@pytest.mark.parametrize(("said", "problem"), [(b"rubbish, no Modbus", "no Modbus/TCP"), (None, "no answer within")])
async def test_a_register_answered_by_rubbish_or_silence_takes_no_others_down(said, problem):
    def answers(number, count):
        return said if number <= 2 < number + count else list(range(number, number + count))

    async with device_that(answers) as device:
        keys = [holding(device.port, at) for at in (1, 2, 3, 500)]
        with probing() as probe:
            for _ in range(4):  # it takes some readings to find out which one it is
                first, bad, third, far = await values(probe, keys, 0.1)
            assert (first, third, far) == (1, 3, 500)
            assert problem in bad


async def test_a_peer_that_talks_rubbish_is_asked_twice():
    async with device_that(lambda *_: b"SSH-2.0-dropbear\r\n") as device:
        keys = [holding(device.port, at) for at in range(0, 1_000, 100)]
        with probing() as probe:
            assert {problem[:30] for problem in await values(probe, keys)} == {"what answers is no Modbus/TCP:"}
        assert device.connection_count == 2


async def test_what_was_read_before_the_connection_broke_counts():
    answers = iter(["0000 0005 01 0302 0007", "0000 0005 01"])
    async with rogue(saying(lambda asked: asked[:2] + bytes.fromhex(next(answers, "")))) as device:
        keys = [holding(device.port, 0), holding(device.port, 500)]
        with probing() as probe:
            assert await values(probe, keys, 0.2) == [7, "no whole answer within 0.2 s (only 7 bytes came)"]


async def test_a_register_that_changes_its_meaning():
    async with pymodbus_device(holding={0: 0x7FC0, 1: 0, 2: 0xFF80, 3: 0}) as device:
        keys = [holding(device.port, at, type="float32") for at in (0, 2)]
        with probing() as probe:
            nan, infinite = await values(probe, keys)
            assert math.isnan(nan)
            assert infinite == -math.inf


async def test_the_watchdog_counts_on():
    written = []

    async def action(function, start, address, count, registers, values):
        if values is not None:
            written.append((address, values[0]))

    async with pymodbus_device(sim_device(1, holding={0: 7, 9: 0}, action=action)) as device:
        keys = [holding(device.port, 0, watchdog=9), holding(device.port, 0, watchdog="40010")]
        with probing() as probe:
            for _ in range(2):
                assert await values(probe, keys) == [7, 7]
            probe._line(keys[0].line).counters[1, 9] = 65_535
            await values(probe, keys)
            assert written == [(9, 0), (9, 1), (9, 0)]
            assert set(probe._tell.values()) == {""}


async def test_a_watchdog_that_is_refused_fails_no_reading():
    async with pymodbus_device(holding={0: 7}) as device:
        keys = [holding(device.port, 0, watchdog=9)]
        with probing() as probe:
            assert await values(probe, keys) == [7]
            assert probe._tell == {
                f"modbus watchdog {HOST}:{device.port} unit 1 register 9": (
                    "illegal data address: the device has no holding register 9 (40010)"
                )
            }


async def test_nothing_is_written_unless_asked_for():
    async with pymodbus_device(holding={0: 7}) as device:
        with probing() as probe:
            await values(probe, [holding(device.port, 0)])
        assert [function for _, function, *_ in device.asked] == [3]


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 65_535), min_size=20, max_size=20),
    st.integers(0, 16),
    st.sampled_from([Type.INT16, Type.UINT32, Type.FLOAT64]),
    st.sampled_from(Order),
)
def test_each_gets_his_own_part(registers, at, kind, order):
    block = Span(Register.HOLDING, 100, 20)
    keys = holding(502, 100 + at, type=kind, byte_order=order)
    part = cut(b"".join(one.to_bytes(2) for one in registers), block, Span(Register.HOLDING, 100 + at, keys.count))
    value = decoder(keys)(part)
    if not (isinstance(value, float) and math.isnan(value)):
        assert encode(value, kind, order) == part


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=50))
def test_each_bit_is_its_own(bits):
    data = sum(bit << at for at, bit in enumerate(bits)).to_bytes((len(bits) + 7) // 8, "little")
    block = Span(Register.COIL, 7, len(bits))
    keys = ModbusKeys(host="plc", register="coil", address=7)
    assert [decoder(keys)(cut(data, block, Span(Register.COIL, 7 + at, 1))) for at in range(len(bits))] == bits


async def test_a_failed_reading_leaves_nothing_for_the_cycle_collector():
    """With a thousand devices down that took the loop tens of milliseconds each time."""
    async with rogue(saying(lambda _: b"HTTP/1.1 400 Bad Request")) as device:
        keys = [holding(device.port, 0)]
        with probing() as probe:
            gc.collect()
            gc.disable()
            try:
                assert await values(probe, keys) == ['what answers is no Modbus/TCP: "HTTP/1.1 400 Bad"']
                await asyncio.sleep(0)  # the loop still has the future that told of it
                assert not [one for one in gc.get_objects() if isinstance(one, ModbusError)]
            finally:
                gc.enable()
