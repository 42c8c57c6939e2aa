"""One connection, and everything another side can do to it."""

from __future__ import annotations

import asyncio
import socket
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest
from modbus_devices import HOST, FramerType, pymodbus_device, request, rogue, saying, swallow

from addispatch_plugins.modbus import link as link_module
from addispatch_plugins.modbus.address import Register
from addispatch_plugins.modbus.deadline import Deadline
from addispatch_plugins.modbus.keys import LineKey
from addispatch_plugins.modbus.link import open_link
from addispatch_plugins.modbus.problems import Asked, ClosedError, LateError, LinkError

ONE = Asked(1, Register.HOLDING, 0)
SHORT_S = 0.15


@pytest.fixture
def executor():
    with ThreadPoolExecutor(1) as executor:
        yield executor


within = Deadline.within


async def ask(port: int, executor, *, is_rtu: bool = False, timeout_s: float = 5, asked: Asked = ONE) -> bytes:
    link = await open_link(LineKey(HOST, port, is_rtu), within(5), executor)
    try:
        return await link.ask(asked, within(timeout_s))
    finally:
        link.close()
        link.close()


@pytest.mark.parametrize(("framer", "is_rtu"), [(FramerType.SOCKET, False), (FramerType.RTU, True)])
async def test_asks(framer, is_rtu, executor):
    async with pymodbus_device(framer=framer, holding={0: 0x1234}) as device:
        assert await ask(device.port, executor, is_rtu=is_rtu) == b"\x12\x34"
        await device.until(lambda: device.open_count == 0)


def header(asked: bytes, pdu: bytes, *, transaction: int | None = None, unit: int = 1) -> bytes:
    number = int.from_bytes(asked[:2]) if transaction is None else transaction
    return struct.pack(">HHHB", number, 0, len(pdu) + 1, unit) + pdu


ANSWER = bytes.fromhex("0302 0007")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda _: b"\xde\xad\xbe\xef" * 10, "what answers is no Modbus/TCP: de ad be ef"),
        (lambda _: b"SSH-2.0-dropbear\r\n", 'no Modbus/TCP: "SSH-2.0-dropbear'),
        (lambda asked: header(asked, ANSWER, unit=9), "unit 9 answered instead of unit 1"),
        (lambda asked: header(asked, b"\x03\x04" + bytes(4)), "answer of 4 bytes where 2 were asked for"),
        (lambda asked: header(asked, b"\x04\x02\0\7"), "answer to function 4 where 3 was asked for"),
    ],
)
async def test_what_is_no_answer_is_told_at_once(answer, problem, executor):
    async with rogue(saying(answer)) as device:
        with pytest.raises(LinkError, match=problem):
            await ask(device.port, executor)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda _: b"", "no answer within 0.15 s$"),
        (lambda asked: header(asked, ANSWER)[:5], r"no whole answer within 0.15 s \(only 5 bytes came\)"),
        (lambda asked: header(asked, ANSWER, transaction=99), "one to another request: transaction 99 instead of 1"),
    ],
)
async def test_what_never_becomes_an_answer_is_late(answer, problem, executor):
    async with rogue(saying(answer)) as device:
        with pytest.raises(LateError, match=problem):
            await ask(device.port, executor, timeout_s=SHORT_S)


async def test_one_byte_after_the_other_is_as_good_if_it_is_in_time(executor):
    async def talk(reader, writer):
        for byte in header(await request(reader), ANSWER):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.002)
        await swallow(reader, writer)

    async with rogue(talk) as device:
        assert await ask(device.port, executor) == b"\0\7"


async def test_one_byte_after_the_other_is_late_as_a_whole(executor):
    async def talk(reader, writer):
        for byte in header(await request(reader), ANSWER):
            writer.write(bytes([byte]))
            await asyncio.sleep(0.05)

    async with rogue(talk) as device:
        with pytest.raises(LateError, match="no whole answer"):
            await ask(device.port, executor, timeout_s=SHORT_S)


async def test_a_stream_that_never_ends_is_cut(executor):
    late = header(b"\0\0", ANSWER, transaction=99) * 500
    async with rogue(saying(lambda _: late)) as device:
        with pytest.raises(LinkError, match="bytes came, and none of them is an answer"):
            await ask(device.port, executor)


@pytest.mark.parametrize(
    ("answer", "problem", "is_fresh"),
    [
        (lambda _: b"", "the connection was closed without an answer", True),
        (lambda asked: header(asked, ANSWER)[:8], "the connection was closed in the middle of an answer", False),
    ],
)
async def test_closing_is_told_at_once(answer, problem, is_fresh, executor):
    async with rogue(saying(answer, then_waits=False)) as device:
        with pytest.raises(ClosedError, match=problem) as error:
            await ask(device.port, executor)
        assert error.value.is_fresh is is_fresh


async def test_a_reset_is_told_as_such(executor):
    async def talk(reader, writer):
        await request(reader)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with rogue(talk) as device:
        with pytest.raises(ClosedError, match=r"without an answer \(connection reset by peer\)"):
            await ask(device.port, executor)


async def test_what_nobody_asked_for_is_dropped(executor):
    async def talk(reader, writer):
        writer.write(b"welcome\r\n")
        for _ in range(2):
            writer.write(header(await request(reader), ANSWER) + b"\xff" * 50)
        await swallow(reader, writer)

    async with rogue(talk) as device:
        link = await open_link(LineKey(HOST, device.port, False), within(5), executor)
        await asyncio.sleep(0.01)
        assert await link.ask(ONE, within(5)) == b"\0\7"
        await asyncio.sleep(0.01)
        assert await link.ask(ONE, within(5)) == b"\0\7"
        link.close()


async def test_nobody_listens(executor):
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        with pytest.raises(LinkError, match=r"^connection refused$"):
            await open_link(LineKey(HOST, taken.getsockname()[1], False), within(5), executor)


async def test_nobody_takes_the_connection(executor):
    with socket.socket() as full:
        full.bind((HOST, 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        try:
            with pytest.raises(LateError, match=r"no connection within 0\.15 s"):
                await open_link(LineKey(HOST, full.getsockname()[1], False), within(SHORT_S), executor)
        finally:
            for filler in fillers:
                filler.close()


async def test_host_names(executor, monkeypatch):
    async with pymodbus_device(holding={0: 7}) as device:
        link = await open_link(LineKey("localhost", device.port, False), within(5), executor)
        assert await link.ask(ONE, within(5)) == b"\0\7"
        link.close()
        # Nobody listens at the first of its addresses.
        monkeypatch.setattr(link_module, "_look_up", lambda *_: ["127.0.0.2", HOST])
        (await open_link(LineKey("plc", device.port, False), within(5), executor)).close()
    monkeypatch.undo()
    for name in ("plc.invalid", "x" * 70 + ".invalid"):
        with pytest.raises(LinkError, match="unknown host name"):
            await open_link(LineKey(name, 502, False), within(5), executor)


async def test_the_time_of_an_answered_request_is_over(executor):
    """It does not run out in the middle of the next one."""

    async def talk(reader, writer):
        writer.write(header(await request(reader), ANSWER))
        asked = await request(reader)
        await asyncio.sleep(0.1)
        writer.write(header(asked, ANSWER))
        await swallow(reader, writer)

    async with rogue(talk) as device:
        link = await open_link(LineKey(HOST, device.port, False), within(5), executor)
        await link.ask(ONE, within(0.05))
        assert await link.ask(ONE, within(5)) == b"\0\7"
        link.close()


async def test_a_closed_link_says_so(executor):
    async with pymodbus_device(holding={0: 7}) as device:
        link = await open_link(LineKey(HOST, device.port, False), within(5), executor)
        link.close()
        with pytest.raises(ClosedError):
            await link.ask(ONE, within(5))


@pytest.mark.parametrize(("first_s", "then_s"), [(0.1, 0.3), (5.0, 0.1)])
async def test_each_request_has_its_own_time_whatever_the_one_before_had(first_s: float, then_s: float, executor):
    answered = 0

    def once(asked: bytes) -> bytes:
        nonlocal answered
        answered += 1
        return header(asked, ANSWER) if answered == 1 else b""

    async with rogue(saying(once)) as device:
        link = await open_link(LineKey(HOST, device.port, False), within(5), executor)
        loop = asyncio.get_running_loop()
        assert await link.ask(ONE, within(first_s)) == b"\0\7"
        began_s = loop.time()
        with pytest.raises(LateError, match=f"no answer within {then_s:g} s"):
            await link.ask(ONE, within(then_s))
        assert then_s - 0.01 <= loop.time() - began_s < then_s + 1
        link.close()


async def test_a_connection_that_is_over_leaves_no_timer(executor):
    async with rogue(saying(lambda asked: header(asked, ANSWER))) as device:
        link = await open_link(LineKey(HOST, device.port, False), within(5), executor)
        await link.ask(ONE, within(60))
        timer = link._timer
        link.close()
        assert timer is not None
        assert timer.cancelled()
