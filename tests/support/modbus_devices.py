"""Modbus devices for tests: pymodbus's server, modbus-tk's as a foreign one, a serial line of two ptys, and rogues.

async with pymodbus_device(holding={0: 7}) as device:
    keys = ModbusKeys(host="127.0.0.1", port=device.port, register="holding", address=0)
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import tty
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import serial
from pymodbus import FramerType
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from addispatch.sdk import Reading
from addispatch_plugins.modbus.config import ModbusConfig
from addispatch_plugins.modbus.probe import ModbusProbe

HOST = "127.0.0.1"


@dataclass
class Device:
    """What is known of a running device."""

    port: int = 0
    asked: list[tuple[int, int, int, int]] = field(default_factory=list)
    """Unit, function, address and count of each request, as the device saw them."""
    connection_count: int = 0
    open_count: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def saw(self, sending: bool, pdu: Any) -> Any:
        if not sending:
            self.asked.append((pdu.dev_id, pdu.function_code, pdu.address, getattr(pdu, "count", 1)))
            self.changed.set()
        return pdu

    def connected(self, is_open: bool) -> None:
        self.connection_count += is_open
        self.open_count += 1 if is_open else -1
        self.changed.set()

    async def until(self, condition: Callable[[], bool], timeout_s: float = 20) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


Table = Mapping[int, int]
NONE: Table = MappingProxyType({})


def _data(table: Table, kind: DataType) -> list[SimData]:
    """What there is of a table; one that is empty has something where no test looks."""
    if kind is DataType.REGISTERS:
        return [SimData(at, values=[value], datatype=kind) for at, value in sorted((table or {60_000: 0}).items())]
    size = -(-(max(table, default=0) + 1) // 16) * 16
    return [SimData(0 if table else 60_000, values=[bool(table.get(at, 0)) for at in range(size)], datatype=kind)]


def sim_device(
    unit: int,
    *,
    holding: Table = NONE,
    inputs: Table = NONE,
    coil: Table = NONE,
    discrete: Table = NONE,
    action: Any = None,
) -> SimDevice:
    tables = (
        _data(coil, DataType.BITS),
        _data(discrete, DataType.BITS),
        _data(holding, DataType.REGISTERS),
        _data(inputs, DataType.REGISTERS),
    )
    return SimDevice(unit, simdata=tables, action=action)


def missing_unit(unit: int, *, silent: bool = False) -> SimDevice:
    """What a gateway says of a unit that it cannot reach; ``silent``: nothing."""

    async def action(*_: Any) -> ExcCodes:
        await asyncio.sleep(60 if silent else 0)
        return ExcCodes.GATEWAY_NO_RESPONSE

    return sim_device(unit, holding={0: 0}, action=action)


@contextlib.asynccontextmanager
async def pymodbus_device(
    *devices: SimDevice, framer: FramerType = FramerType.SOCKET, port: int = 0, **tables: Any
) -> AsyncIterator[Device]:
    """pymodbus's own server on a free port; without devices one of unit 1 with these tables."""
    device = Device()
    server = ModbusTcpServer(
        list(devices) or [sim_device(1, **tables)],
        framer=framer,
        address=(HOST, port),
        trace_pdu=device.saw,
        trace_connect=device.connected,
    )
    await server.serve_forever(background=True)
    assert isinstance(server.transport, asyncio.Server)
    device.port = server.transport.sockets[0].getsockname()[1]
    try:
        yield device
    finally:
        await server.shutdown()


@contextlib.asynccontextmanager
async def pymodbus_on_serial(path: str, *devices: SimDevice) -> AsyncIterator[Device]:
    """pymodbus's RTU server on a serial port."""
    device = Device()
    server = ModbusSerialServer(list(devices), port=path, baudrate=115_200, trace_pdu=device.saw)
    await server.serve_forever(background=True)
    try:
        yield device
    finally:
        await server.shutdown()


@contextlib.contextmanager
def modbus_tk_device(registers: Table, *, path: str = "") -> Iterator[int]:
    """modbus-tk's server, TCP on a free port or RTU on a serial port: holding registers of unit 1. Gives the port."""
    from modbus_tk import defines, modbus_rtu, modbus_tcp

    listens = threading.Event()

    class TcpServer(modbus_tcp.TcpServer):
        def _do_init(self) -> None:
            super()._do_init()
            listens.set()

    server: Any = TcpServer(port=0, address=HOST)
    if path:
        server = modbus_rtu.RtuServer(serial.Serial(path, baudrate=115_200))
        listens.set()
    server.start()
    assert listens.wait(5)
    unit = server.add_slave(1)
    size = max(registers) + 1
    unit.add_block("all", defines.HOLDING_REGISTERS, 0, size)
    unit.set_values("all", 0, [registers.get(at, 0) for at in range(size)])
    try:
        yield 0 if path else server._sock.getsockname()[1]
    finally:
        server.stop()


@contextlib.asynccontextmanager
async def serial_line() -> AsyncIterator[tuple[str, str]]:
    """Two serial ports with a wire between them."""
    loop = asyncio.get_running_loop()
    ours, theirs = zip(os.openpty(), os.openpty(), strict=True)
    for fd in theirs:
        tty.setraw(fd)

    def pump(source: int, sink: int) -> None:
        with contextlib.suppress(OSError):
            os.write(sink, os.read(source, 1024))

    loop.add_reader(ours[0], pump, ours[0], ours[1])
    loop.add_reader(ours[1], pump, ours[1], ours[0])
    try:
        yield os.ttyname(theirs[0]), os.ttyname(theirs[1])
    finally:
        for fd in (*ours, *theirs):
            loop.remove_reader(fd)
            os.close(fd)


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def rogue(talk: Talk) -> AsyncIterator[Device]:
    """A server that does what the test says with each connection, and then closes it."""
    device, writers = Device(), set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        device.connected(True)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await talk(reader, writer)
        finally:
            device.connected(False)
            writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    device.port = server.sockets[0].getsockname()[1]
    try:
        yield device
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await server.wait_closed()


async def request(reader: asyncio.StreamReader) -> bytes:
    """The next request on TCP."""
    return await reader.readexactly(12)


def saying(answer: Callable[[bytes], bytes], *, then_waits: bool = True) -> Talk:
    """A rogue that answers each request with what a function makes of it; then it waits for more, or closes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(answer(await request(reader)))
            if not then_waits:
                await writer.drain()
                return

    return talk


async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take everything, say nothing."""
    while await reader.read(1024):
        pass


class Told(dict[str, str]):
    """Conditions a probe reported."""

    def __call__(self, name: str, problem: str) -> None:
        self[name] = problem


@contextlib.contextmanager
def probing(**config: Any) -> Iterator[ModbusProbe]:
    """A probe; checks at the end that nothing of it is left."""
    executor = ThreadPoolExecutor(2)
    probe = ModbusProbe(ModbusConfig(**config), executor, Told())
    try:
        yield probe
    finally:
        probe.close()
        executor.shutdown()
        assert not probe.lines


async def problem_of(probe: ModbusProbe, keys: Any, timeout_s: float = 20) -> str:
    """Why a monitor cannot be read."""
    (reading,) = await probe.read([keys], timeout_s)
    assert reading.value is None
    assert isinstance(reading, Reading)
    return reading.problem


__all__ = ["ExcCodes", "FramerType"]
