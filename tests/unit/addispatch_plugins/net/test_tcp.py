"""The probe ``tcp`` against peers with good and bad manners."""

import asyncio
import socket
import struct

import pytest
from peers import swallows

from addispatch_plugins.net.keys import TcpKeys
from addispatch_plugins.net.names import Names
from addispatch_plugins.net.tcp import TcpProbe, shown


async def read(there, timeout_s=1.0, **keys):
    (reading,) = await TcpProbe(Names()).read([TcpKeys(host="127.0.0.1", port=there.port, **keys)], timeout_s)
    return reading


def says(*parts, pause_s=0.0):
    async def manners(peer, reader, writer):
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)
        peer.heard.append(await reader.read(100))

    return manners


async def test_a_connection_is_enough(peer):
    reading = await read(await peer(swallows), value="latency_ms")
    assert (reading.problem, reading.value) == ("", pytest.approx(reading.latency_s * 1000, abs=0.001))
    assert (await read(await peer(swallows))).value is None


async def test_what_it_says_must_begin_as_expected(peer):
    there = await peer(says(b"SSH-2.0-Open", b"SSH_9\r\n"))
    assert (await read(there, expect="SSH-2.0-OpenSSH")).problem == ""
    assert (await read(there, expect="220 ")).problem == "said 'SSH-', not '220 '"


async def test_something_is_sent_first(peer):
    async def echoes(peer, reader, writer):
        peer.heard.append(await reader.readline())
        writer.write(b"+PONG\r\n")

    there = await peer(echoes)
    assert (await read(there, send="PING\r\n", expect="+PONG")).problem == ""
    assert there.heard == [b"PING\r\n"]


async def test_who_says_nothing_or_drips(peer):
    expected = "connected, but it did not say what is expected within 0.5 s"
    assert (await read(await peer(swallows), 0.5, expect="220")).problem == expected
    assert (await read(await peer(says(*[b"x"] * 50, pause_s=0.05)), 0.5, expect="x" * 40)).problem == expected


async def test_who_hangs_up(peer):
    async def goes(_peer, _reader, writer):
        writer.close()

    async def goes_soon(_peer, _reader, writer):
        writer.write(b"22")

    async def resets(_peer, _reader, writer):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    assert (await read(await peer(goes), expect="220")).problem == "hung up without a word"
    assert (await read(await peer(goes_soon), expect="220")).problem == "hung up after saying '22'"
    assert (await read(await peer(resets), expect="220")).problem == "connection reset by peer"


async def test_nobody_is_there():
    class Nobody:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]

    assert (await read(Nobody)).problem == "connection refused"
    (reading,) = await TcpProbe(Names()).read([TcpKeys(host="no-such-host.invalid", port=1)], 5)
    assert reading.problem.startswith("the name no-such-host.invalid ")


async def test_those_who_swallow_connections(peer):
    """A full backlog: the kernel takes no more and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port, fillers = full.getsockname()[1], []
        for _ in range(3):
            fillers.append(socket.socket())
            fillers[-1].setblocking(False)
            fillers[-1].connect_ex(("127.0.0.1", port))

        class Full:
            pass

        Full.port = port
        reading = await read(Full, 0.2)
        for filler in fillers:
            filler.close()
    assert reading.problem == "no connection within 0.2 s"


async def test_monitors_of_one_service_are_one_connection(peer):
    there = await peer(says(b"220 ready"))
    probe, keys = TcpProbe(Names()), TcpKeys(host="127.0.0.1", port=there.port, expect="220")
    readings = await probe.read([keys, keys.model_copy(update={"value": "latency_ms"})], 1)
    assert [reading.problem for reading in readings] == ["", ""]
    await asyncio.sleep(0.01)
    assert len(there.heard) == 1
    assert probe.group(keys) == probe.group(keys.model_copy(update={"value": "latency_ms"}))


def test_what_others_say_is_shown_safely():
    assert shown(b"\x1b[31m\xff") == "'\\x1b[31m�'"
    assert shown(b"x" * 100) == "'" + "x" * 60 + "'…"
