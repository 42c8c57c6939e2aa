"""A serial line of two ptys: pymodbus's RTU server and modbus-tk's at the other end."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import serial
from modbus_devices import missing_unit, modbus_tk_device, probing, pymodbus_on_serial, serial_line, sim_device

from addispatch_plugins.modbus.address import Register
from addispatch_plugins.modbus.deadline import Deadline
from addispatch_plugins.modbus.keys import LineKey, ModbusKeys
from addispatch_plugins.modbus.link import open_link
from addispatch_plugins.modbus.problems import Asked, ClosedError, LinkError

ONE = Asked(1, Register.HOLDING, 0)


def key_of(path: str) -> LineKey:
    return LineKey("", 0, True, path, 115_200, "none", 1)


def keys_of(path: str, **keys) -> ModbusKeys:
    return ModbusKeys(serial=path, baud=115_200, parity="none", **{"register": "holding", "address": 0, **keys})


within = Deadline.within


async def test_units_of_a_line_take_turns_and_a_silent_one_fails_alone():
    async with serial_line() as (ours, theirs):
        units = [sim_device(unit, holding={0: 100 + unit, 1: 7}) for unit in (1, 2)]
        units.append(missing_unit(3, silent=True))
        async with pymodbus_on_serial(theirs, *units) as device:
            keys = [keys_of(ours, unit=unit) for unit in (1, 2, 3)]
            with probing() as probe:
                probe.prepare(keys)
                groups = await asyncio.gather(*(probe.read([one], 0.8) for one in keys))
                assert [reading.value for (reading,) in groups] == [101, 102, None]
                assert groups[2][0].problem.startswith("no answer within")
                assert {unit for unit, *_ in device.asked} >= {1, 2}


@pytest.mark.filterwarnings("ignore:isSet")
async def test_a_foreign_device():
    async with serial_line() as (ours, theirs):
        with modbus_tk_device({0: 0x42C8, 1: 0, 2: 9}, path=theirs), probing() as probe:
            keys = [keys_of(ours, type="float32"), keys_of(ours, address=2), keys_of(ours, address="40004")]
            readings = await probe.read(keys, 5)
            assert [reading.value for reading in readings] == [100.0, 9, None]
            assert readings[2].problem == "illegal data address: the device has no holding register 3 (40004)"


@pytest.fixture
def executor():
    with ThreadPoolExecutor(1) as executor:
        yield executor


async def test_a_port_that_is_not_there_or_taken(executor, tmp_path):
    with pytest.raises(LinkError, match=r"^no such serial port$"):
        await open_link(key_of("/dev/no-such-port"), within(5), executor)
    (tmp_path / "file").touch()
    with pytest.raises(LinkError):
        await open_link(key_of(str(tmp_path / "file")), within(5), executor)
    async with serial_line() as (ours, _):
        link = await open_link(key_of(ours), within(5), executor)
        with pytest.raises(LinkError, match="another program"):
            await open_link(key_of(ours), within(5), executor)
        port = link._transport._port
        link.close()
        executor.submit(int).result()  # closing is done in the same thread before
        assert not port.is_open
        (await open_link(key_of(ours), within(5), executor)).close()


async def test_a_port_that_opens_too_late_is_closed_again(executor, monkeypatch):
    opened, gate = [], threading.Event()

    class Slow(serial.Serial):
        def __init__(self, *args, **options):
            assert gate.wait(5)
            super().__init__(*args, **options)
            opened.append(self)

    monkeypatch.setattr(serial, "Serial", Slow)
    async with serial_line() as (ours, _):
        with pytest.raises(LinkError, match=r"no connection within 0\.05 s"):
            await open_link(key_of(ours), within(0.05), executor)
        gate.set()
        async with asyncio.timeout(20):
            while not opened or opened[0].is_open:
                await asyncio.sleep(0.005)


async def test_noise_is_told_as_such(executor):
    async with serial_line() as (ours, theirs):
        fd = os.open(theirs, os.O_RDWR | os.O_NOCTTY)
        try:
            asyncio.get_running_loop().add_reader(fd, lambda: os.read(fd, 100) and os.write(fd, b"\xff~~\0 12.5 kg"))
            link = await open_link(key_of(ours), within(5), executor)
            with pytest.raises(LinkError, match="garbled answer: ff 7e 7e"):
                await link.ask(ONE, within(5))
            link.close()
        finally:
            asyncio.get_running_loop().remove_reader(fd)
            os.close(fd)


async def test_an_unplugged_adapter(executor):
    master, slave = os.openpty()
    link = await open_link(key_of(os.ttyname(slave)), within(5), executor)
    os.close(slave)
    asking = asyncio.ensure_future(link.ask(ONE, within(5)))  # noqa: TID251
    await asyncio.sleep(0)
    os.close(master)
    with pytest.raises(ClosedError, match="the connection was closed without an answer"):
        await asking
    assert not link.is_open
    link.close()
