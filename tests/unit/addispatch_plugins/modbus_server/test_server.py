"""Connections over a real socket: who comes in, bad peers, limits."""

import asyncio
import contextlib
import gc

import pytest
from pipelines import until

from addispatch.sdk import StoreError
from addispatch.sdk.testing.context import Intake
from addispatch_plugins.modbus_server import server as module

HEARTBEAT = "04 0001 0001"
COIL = [{"address": 16, "text": "Tank is full"}]


async def test_requests_are_answered_with_their_number_and_unit(serve):
    async with serve(unit=7) as running:
        client = await running.client()
        for unit in (7, 0, 255):
            assert (await client.ask(HEARTBEAT, unit=unit)).startswith("04 02")
        assert await client.ask(HEARTBEAT, unit=8) == "84 0b"
        assert await client.ask("2b 0e 01 00", unit=7) == "ab 01"
        assert "1 connections" in running.instance.status_line()


async def test_requests_sent_at_once_are_answered_in_their_order(serve):
    async with serve() as running:
        client = await running.client()
        for number in range(1, 4):
            client.writer.write(bytes([0, number]) + bytes.fromhex("0000 0006 01 04 0000 0001"))
        for number in range(1, 4):
            assert await client.answer(number=number) == "04 02 00 01"


async def test_a_read_that_follows_a_write_waits_for_it(serve, context):
    async with serve(coil=COIL) as running:
        client = await running.client()
        context.intake = Intake.HOLD
        client.writer.write(bytes.fromhex("0001 0000 0006 01 05 0010 ff00 0002 0000 0006 01 01 0010 0001"))
        await context.wait_for_alarm("Tank is full")
        with pytest.raises(TimeoutError):
            await client.answer(timeout_s=0.1)
        context.release()
        assert await client.answer(number=1) == "05 00 10 ff 00"
        assert await client.answer(number=2) == "01 01 01"


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        bytes.fromhex("0001 0001 0006 01 04 0000 0001"),  # another protocol
        bytes.fromhex("0001 0000 0001 01 04"),  # nothing but a unit
        bytes.fromhex("0001 0000 00ff 01 04"),  # longer than any request
        b"\xff" * 4000,
    ],
)
async def test_what_is_no_modbus_is_cut_off_and_the_others_go_on(serve, garbage):
    async with serve() as running:
        good, bad = await running.client(), await running.client()
        bad.writer.write(garbage)
        assert await bad.is_closed()
        assert (await good.ask(HEARTBEAT)).startswith("04 02")


async def test_a_request_that_drips_is_given_up(serve, monkeypatch):
    monkeypatch.setattr(module, "FRAME_S", 0.2)
    async with serve() as running:
        slow, good = await running.client(), await running.client()
        slow.writer.write(bytes.fromhex("0001 0000 00"))
        assert (await good.ask(HEARTBEAT)).startswith("04 02")
        assert await slow.is_closed()
        assert (await good.ask(HEARTBEAT)).startswith("04 02")


async def test_a_connection_that_says_nothing_is_closed(serve):
    async with serve(idle_s=1) as running:
        client = await running.client()
        assert await client.is_closed()


async def test_who_takes_no_answers_is_cut_off(serve, monkeypatch):
    monkeypatch.setattr(module, "TAKE_S", 0.2)
    monkeypatch.setattr(module, "RATE_PER_S", 1_000_000)
    async with serve() as running:
        deaf, good = await running.client(receive_bytes=4096), await running.client()
        deaf.writer.transport.pause_reading()
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(20):
                while running.instance._server.connection_count == 2:
                    deaf.writer.write(bytes.fromhex("0001 0000 0006 01 01 0000 03e8") * 200)
                    await deaf.writer.drain()
        await until(lambda: running.instance._server.connection_count == 1)
        assert (await good.ask(HEARTBEAT)).startswith("04 02")


async def test_a_client_that_hammers_waits_for_its_answers(serve, monkeypatch):
    monkeypatch.setattr(module, "BURST", 5)
    monkeypatch.setattr(module, "RATE_PER_S", 50)
    async with serve() as running:
        client = await running.client()
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        client.writer.write(bytes.fromhex("0001 0000 0006 01 04 0000 0001") * 30)
        for _ in range(30):
            await client.answer()
        assert loop.time() - began_s >= 0.4


async def test_five_hundred_who_only_connect_harm_nobody(serve, context):
    async with serve(max_connections=8) as running:
        good = await running.client()
        assert (await good.ask(HEARTBEAT)).startswith("04 02")
        for _ in range(10):
            await asyncio.gather(*(running.client() for _ in range(50)))
            assert (await good.ask(HEARTBEAT)).startswith("04 02")
        assert running.instance._server.connection_count <= 8
        event = await context.wait_for_event("more than 8 Modbus connections")
        assert event.severity == "warning"
        assert len([event for event in context.events if "more than" in event.text]) == 1
        late = await running.client()
        assert (await late.ask(HEARTBEAT)).startswith("04 02")


async def test_strangers_are_turned_away_and_told_once(serve, context):
    async with serve(allow=["127.0.0.2/32"]) as running:
        for _ in range(3):
            assert await (await running.client()).is_closed()
        await context.wait_for_event("a Modbus client from 127.0.0.1 was turned away: it is not in allow")
        assert len(context.events) == 1


async def test_a_taken_port_is_told_and_waited_for(serve, context, monkeypatch):
    monkeypatch.setattr(module, "AGAIN_S", 0.05)
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]

    async def frees():
        name, problem = await context.condition_changes.wait_for(lambda change: change[1])
        assert (name, problem) == ("modbus server", f"cannot listen on 127.0.0.1:{port}: Address already in use")
        taken.close()

    freeing = asyncio.ensure_future(frees())  # noqa: TID251 - a test
    async with serve(port=port) as running:
        await freeing
        assert (await (await running.client()).ask(HEARTBEAT)).startswith("04 02")
        assert context.conditions["modbus server"] == ""


async def test_an_error_of_ours_ends_one_connection(serve, monkeypatch, caplog):
    async with serve() as running:
        good, bad = await running.client(), await running.client()
        monkeypatch.setattr(running.instance._device, "answer", lambda *_: 1 / 0)
        await bad.ask(HEARTBEAT, unit=9)
        bad.writer.write(bytes.fromhex("0001 0000 0006 01 04 0000 0001"))
        assert await bad.is_closed()
        assert "a Modbus connection from 127.0.0.1 failed" in caplog.text
        monkeypatch.undo()
        assert (await good.ask(HEARTBEAT)).startswith("04 02")


async def test_a_client_that_leaves_in_the_middle_of_a_write_takes_nothing_back(serve, context):
    async with serve(coil=COIL) as running:
        client, other = await running.client(), await running.client()
        context.intake = Intake.HOLD
        client.writer.write(bytes.fromhex("0001 0000 0006 01 05 0010 ff00"))
        await context.wait_for_alarm()
        client.writer.transport.abort()
        context.release()
        context.intake = Intake.ACCEPT
        assert await other.ask("01 0010 0001") == "01 01 01"
        assert await other.ask("05 0010 ff00") == "05 00 10 ff 00"
        assert len(context.alarms) == 1


async def test_nothing_is_left_of_connections(serve):
    async with serve() as running:
        for _ in range(20):
            client = await running.client()
            await client.ask(HEARTBEAT)
            client.writer.transport.abort()
        await until(lambda: not running.instance._server.connection_count)
        gc.collect()
        assert len([one for one in gc.get_objects() if isinstance(one, module.Connection)]) == 0


async def test_a_ledger_that_cannot_be_read_stops_the_heartbeat_and_nothing_else(serve):
    async with serve() as running:
        client = await running.client()
        running.operations.problem = StoreError("the disk is broken")
        await asyncio.sleep(0.12)
        first = await client.ask(HEARTBEAT)
        await asyncio.sleep(0.12)
        assert await client.ask(HEARTBEAT) == first
        running.operations.problem = None
        await running.beats()
        assert await client.ask(HEARTBEAT) != first
