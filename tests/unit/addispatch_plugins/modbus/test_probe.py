"""The whole way from keys to readings: what is shared, what ends, and that nothing is left of what went wrong."""

from __future__ import annotations

import asyncio
import gc
import socket
from pathlib import Path

import pytest
from modbus_devices import (
    HOST,
    FramerType,
    modbus_tk_device,
    probing,
    pymodbus_device,
    rogue,
    saying,
    sim_device,
    swallow,
)

from addispatch.sdk import Explainer, Probe
from addispatch_plugins.modbus.keys import ModbusKeys


def holding(port: int, address: int | str = 0, **keys) -> ModbusKeys:
    return ModbusKeys(host=HOST, port=port, register="holding", address=address, **keys)


def test_is_a_probe():
    with probing() as probe:
        assert isinstance(probe, Probe)
        assert isinstance(probe, Explainer)


def test_groups_are_units_of_devices():
    with probing() as probe:
        keys = [holding(502), holding(502, 9), holding(502, unit=2), holding(503), holding(502, framer="rtu")]
        assert len({probe.group(one) for one in keys}) == 4
        assert probe.group(keys[0]) == probe.group(keys[1])


async def test_the_units_of_a_gateway_share_its_connection():
    units = [sim_device(unit, holding={0: unit}) for unit in range(1, 6)]
    async with pymodbus_device(*units, framer=FramerType.RTU) as device:
        keys = [holding(device.port, unit=unit, framer="rtu") for unit in range(1, 6)]
        with probing() as probe:
            probe.prepare(keys)
            groups = await asyncio.gather(*(probe.read([one], 5) for one in keys))
            assert [reading.value for (reading,) in groups] == [1, 2, 3, 4, 5]
            assert device.connection_count == 1


@pytest.mark.filterwarnings("ignore:isSet")
async def test_a_foreign_device():
    with modbus_tk_device({0: 0x42C8, 1: 0, 2: 9}) as port, probing() as probe:
        keys = [holding(port, type="float32"), holding(port, 2), holding(port, "40004"), holding(port, 0, unit=1)]
        readings = await probe.read(keys, 5)
        assert [reading.value for reading in readings] == [100.0, 9, None, 0x42C8]
        assert readings[2].problem == "illegal data address: the device has no holding register 3 (40004)"


async def test_what_nobody_watches_any_more_is_let_go():
    async with pymodbus_device(holding={0: 7}) as one, pymodbus_device(holding={0: 8}) as two:
        with probing() as probe:
            keys = [holding(one.port), holding(two.port)]
            probe.prepare(keys)
            for key in keys:
                await probe.read([key], 5)
            probe.prepare(keys[:1])
            await two.until(lambda: two.open_count == 0)
            assert [reading.value for reading in await probe.read(keys[:1], 5)] == [7]
            assert (one.connection_count, one.open_count) == (1, 1)
            # Read out of turn, as ``monitors test`` does: it is closed at once.
            assert [reading.value for reading in await probe.read(keys[1:], 5)] == [8]
            await two.until(lambda: two.open_count == 0)
            assert len(probe.lines) == 1


async def test_after_the_end_nothing_is_read():
    async with pymodbus_device(holding={0: 7}) as device:
        with probing() as probe:
            probe.close()
            (reading,) = await probe.read([holding(device.port)], 5)
            assert reading.problem == "the plugin modbus has stopped"
            assert await probe.explain(holding(device.port), 5) == [("problem", reading.problem)]
        assert device.connection_count == 0


async def test_a_device_that_goes_and_comes_back():
    with probing() as probe:
        async with pymodbus_device(holding={0: 7}) as device:
            keys = [holding(device.port)]
            probe.prepare(keys)
            assert [reading.value for reading in await probe.read(keys, 5)] == [7]
        (reading,) = await probe.read(keys, 5)
        assert reading.problem == "connection refused"
        async with pymodbus_device(port=device.port, holding={0: 9}):
            assert [reading.value for reading in await probe.read(keys, 5)] == [9]


async def test_bad_devices_do_not_hold_up_good_ones():
    async with pymodbus_device(holding={0: 7}) as good, rogue(swallow) as bad:
        with probing() as probe:
            keys = [holding(bad.port), holding(good.port)]
            probe.prepare(keys)
            began_s = asyncio.get_running_loop().time()
            silent = asyncio.gather(*(probe.read(keys[:1], 0.3) for _ in range(3)))
            for _ in range(10):
                assert [reading.value for reading in await probe.read(keys[1:], 5)] == [7]
            assert asyncio.get_running_loop().time() - began_s < 0.25
            await silent


async def test_five_hundred_half_open_connections_hold_up_nobody_and_are_ended():
    files_before = open_files()
    with socket.socket() as full:
        full.bind(("0.0.0.0", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex((HOST, port))
        async with pymodbus_device(holding={0: 7}) as good:
            with probing() as probe:
                # Nobody takes their connections: what we send is swallowed.
                hosts = [f"127.0.{1 + n // 250}.{1 + n % 250}" for n in range(500)]
                bad = [ModbusKeys(host=host, port=port, register="holding", address=0) for host in hosts]
                probe.prepare([*bad, holding(good.port)])
                loop = asyncio.get_running_loop()
                all_s = loop.time()
                waiting = asyncio.gather(*(probe.read([one], 1.0) for one in bad))
                await asyncio.sleep(0)
                assert open_files() >= files_before + 500
                slowest_s = 0.0
                for _ in range(20):
                    began_s = loop.time()
                    assert [reading.value for reading in await probe.read([holding(good.port)], 5)] == [7]
                    slowest_s = max(slowest_s, loop.time() - began_s)
                assert not waiting.done(), "they were half open all the time"
                assert slowest_s < 0.5
                assert {reading.problem for (reading,) in await waiting} == {"no connection within 1 s"}
                assert loop.time() - all_s < 10
                assert sum(line.is_connected for line in probe.lines) == 1
        for filler in fillers:
            filler.close()
    assert open_files() <= files_before + 2


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_nothing_is_left_of_failures():
    async with (
        rogue(swallow) as silent,
        rogue(saying(lambda _: b"garbage" * 9)) as noisy,
        rogue(saying(lambda asked: asked[:5], then_waits=False)) as broken,
    ):
        peers = (silent, noisy, broken)
        with probing() as probe:
            keys = [holding(port) for port in (*(peer.port for peer in peers), 1)]
            names = [ModbusKeys(host="plc.invalid", register="coil", address=0)]
            probe.prepare(keys + names)
            before, tasks = open_files(), len(asyncio.all_tasks())
            for _ in range(3):
                for key in keys + names:
                    (reading,) = await probe.read([key], 0.05)
                    assert reading.problem
            for peer in peers:
                await peer.until(lambda peer=peer: peer.open_count == 0)
            gc.collect()
            assert len(asyncio.all_tasks()) <= tasks
            assert open_files() <= before


async def test_what_was_learned_of_a_device_outlives_a_change_of_others() -> None:
    device = sim_device(1, holding={0: 1, 1: 2})
    async with pymodbus_device(device) as one, pymodbus_device(sim_device(1, holding={0: 9})) as two:
        keys, other = [holding(one.port, 0), holding(one.port, 1)], holding(two.port)
        with probing() as probe:
            probe.prepare([*keys, other])
            await probe.read(keys, 5)
            await probe.read([other], 5)
            reader = next(iter(probe._readers.values()))
            probe.prepare(keys)
            assert list(probe._readers.values()) == [reader]
            assert [reading.value for reading in await probe.read(keys, 5)] == [1, 2]
            assert list(probe._readers.values()) == [reader]
            probe.prepare(keys[:1])
            assert not probe._readers
            assert [reading.value for reading in await probe.read(keys[:1], 5)] == [1]
