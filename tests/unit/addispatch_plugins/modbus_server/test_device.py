"""The map of addresses, read and written by two clients that know nothing of us: pymodbus and Debian's mbpoll."""

import asyncio
import shutil

import pytest
from pymodbus.client import AsyncModbusTcpClient

COILS = [{"address": 16, "text": "Tank is full"}, {"address": 20, "text": "Pump is hot"}]


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("04 0000 0001", "04 02 00 01"),
        ("04 003f 0001", "04 02 00 00"),
        ("04 0040 0001", "84 02"),
        ("04 0000 0041", "84 02"),
        ("02 0000 0010", "02 02 39 00"),
        ("02 0010 0001", "82 02"),
        ("01 03ff 0001", "01 01 00"),
        ("01 0400 0001", "81 02"),
        ("03 0005 0001", "83 02"),
        ("06 0004 0001", "86 02"),  # the outcome is for reading
        ("06 0005 0001", "86 02"),
        ("10 0003 0002 04 0000 0000", "90 02"),
        ("05 0002 ff00", "85 02"),
        ("05 0011 ff00", "85 02"),  # no alarm has this coil
        ("0f 0010 0002 01 03", "8f 02"),  # one of them none
        ("0f 0000 0001 01 00", "0f 00 00 00 01"),
        ("0f 0000 0002 01 00", "8f 02"),  # commands one at a time
        ("17 0000 0001 0000 0001 02 0000", "97 01"),
    ],
)
async def test_each_address_answers_as_the_table_says(serve, asked, answered, context):
    running_server = serve(coil=COILS)
    async with running_server as running:
        running.operations.state["warnings"] = []
        await running.beats()
        assert await (await running.client()).ask(asked) == answered
        assert context.alarms == []


async def test_a_server_for_reading_only_takes_no_writes(serve, context):
    async with serve(coil=COILS, read_only=True, acknowledge_all=True) as running:
        client = await running.client()
        for asked in ("05 0010 ff00", "05 0001 ff00", "0f 0010 0001 01 01", "06 0000 0041", "10 0000 0001 02 0041"):
            assert (await client.ask(asked))[3:] == "01"
        assert await client.ask("04 0000 0001") == "04 02 00 01"
        assert context.alarms == []


async def test_pymodbus_reads_and_writes(serve, context):
    async with serve(coil=COILS) as running:
        client = AsyncModbusTcpClient("127.0.0.1", port=running.port)
        assert await client.connect()
        try:
            seen = await client.read_input_registers(0, count=64, device_id=1)
            assert (len(seen.registers), seen.registers[4:6], seen.registers[32:34]) == (64, [4, 2], [5, 13])
            assert (await client.read_discrete_inputs(3, count=2, device_id=1)).bits[:2] == [True, True]
            assert not (await client.write_coil(16, True, device_id=1)).isError()
            assert (await client.read_coils(16, count=1, device_id=1)).bits[0]
            await client.write_registers(0, [66, 0, 42, 3], device_id=1)
            assert not (await client.write_coil(0, True, device_id=1)).isError()
            assert (await client.read_input_registers(64, count=1, device_id=1)).exception_code == 2
            assert (await client.read_input_registers(0, count=1, device_id=9)).exception_code == 11
        finally:
            client.close()
        assert [alarm.text for alarm in context.alarms] == ["Tank is full"]
        assert running.operations.acknowledged == ["B042"]


async def mbpoll(port, *arguments):
    """``-0``: addresses as on the wire; ``-1``: once."""
    program = shutil.which("mbpoll")
    if program is None:
        pytest.skip("mbpoll is not installed")
    process = await asyncio.create_subprocess_exec(
        program, "-m", "tcp", "-p", str(port), "-a", "1", "-0", "-1", "-o", "2", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), 10)
    return output.decode()


@pytest.mark.debian
async def test_mbpoll_reads_and_writes(serve, context):
    async with serve(coil=COILS) as running:
        seen = await mbpoll(running.port, "-t", "3", "-r", "4", "-c", "2", "127.0.0.1")
        assert "[4]: \t4" in seen
        assert "[5]: \t2" in seen
        seen = await mbpoll(running.port, "-t", "3:int", "-B", "-r", "9", "-c", "1", "127.0.0.1")
        assert "[9]: \t42" in seen, "number of the last code as one of 32 bits, high word first"
        assert "Written 1 references" in await mbpoll(running.port, "-t", "0", "-r", "16", "127.0.0.1", "1")
        assert [alarm.text for alarm in context.alarms] == ["Tank is full"]
        written = await mbpoll(running.port, "-t", "4", "-r", "0", "127.0.0.1", "66", "0", "42", "3")
        assert "Written 4 references" in written
        assert "Written 1 references" in await mbpoll(running.port, "-t", "0", "-r", "0", "127.0.0.1", "1")
        assert running.operations.acknowledged == ["B042"]
        assert "Illegal data address" in await mbpoll(running.port, "-t", "4", "-r", "4", "127.0.0.1", "1")
        assert "Illegal data address" in await mbpoll(running.port, "-t", "3", "-r", "64", "-c", "1", "127.0.0.1")
