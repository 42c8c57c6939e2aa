"""Acknowledging by registers."""

import asyncio

from addispatch.sdk import StoreError
from addispatch.sdk.operations import Role
from addispatch_plugins.modbus_server import desk
from addispatch_plugins.modbus_server.desk import AckDesk

ACK, ALL = "05 0000 ff00", "05 0001 ff00"
CODE_B042 = "10 0000 0004 08 0042 0000 002a 0003"
OUTCOME = "03 0004 0001"


async def test_a_code_and_its_coil(serve):
    async with serve() as running:
        client = await running.client()
        assert await client.ask(CODE_B042) == "10 00 00 00 04"
        assert await client.ask("03 0000 0005") == "03 0a 00 42 00 00 00 2a 00 03 00 00"
        assert await client.ask(ACK) == "05 00 00 ff 00"
        assert running.operations.acknowledged == ["B042"]
        (actor,) = running.operations.actors
        assert (actor.name, actor.role) == ("Modbus 127.0.0.1", Role.OPERATOR)
        assert await client.ask(OUTCOME) == "03 02 00 01"
        assert await client.ask("01 0000 0001") == "01 01 00"
        assert await client.ask(ACK) == "05 00 00 ff 00"
        assert await client.ask(OUTCOME) == "03 02 00 02"


async def test_what_was_shown_is_what_is_written(serve):
    async with serve() as running:
        client = await running.client()
        shown = await client.ask("04 0008 0004")
        await client.ask(f"10 0000 0004 08 {shown[6:]}")
        await client.ask(ACK)
        assert running.operations.acknowledged == ["B042"]


async def test_single_registers_do_as_well(serve):
    async with serve() as running:
        client = await running.client()
        await client.ask("06 0000 0041")
        await client.ask("06 0002 0007")
        assert await client.ask(ACK) == "05 00 00 ff 00"
        assert running.operations.acknowledged == ["A007"]


async def test_what_is_no_code_is_an_illegal_value(serve):
    async with serve() as running:
        client = await running.client()
        assert await client.ask(ACK) == "85 03"
        await client.ask("10 0000 0004 08 0042 0000 0001 0003")
        assert await client.ask(ACK) == "85 03"
        assert await client.ask(OUTCOME) == "03 02 00 03"
        assert running.operations.acknowledged == []


async def test_writing_a_zero_does_nothing(serve):
    async with serve(acknowledge_all=True) as running:
        client = await running.client()
        await client.ask(CODE_B042)
        assert await client.ask("05 0000 0000") == "05 00 00 00 00"
        assert await client.ask("05 0001 0000") == "05 00 01 00 00"
        assert running.operations.acknowledged == []


async def test_what_is_not_stored_is_busy(serve):
    async with serve(acknowledge_all=True) as running:
        client = await running.client()
        await client.ask(CODE_B042)
        running.operations.problem = StoreError("the disk is full")
        assert await client.ask(ACK) == "85 06"
        assert await client.ask(OUTCOME) == "03 02 00 04"
        assert await client.ask(ALL) == "85 06"
        running.operations.problem = None
        assert await client.ask(ACK) == "05 00 00 ff 00"


async def test_a_ledger_that_takes_too_long_is_busy(serve, monkeypatch):
    monkeypatch.setattr(desk, "STORE_S", 0.05)
    async with serve() as running:
        client = await running.client()
        await client.ask(CODE_B042)

        async def never(*_):
            await asyncio.Event().wait()

        monkeypatch.setattr(running.operations, "acknowledge", never)
        assert await client.ask(ACK) == "85 06"


async def test_everything_is_acknowledged_only_where_that_is_wanted(serve):
    async with serve() as running:
        assert await (await running.client()).ask(ALL) == "85 02"
        assert running.operations.acknowledged == []
    async with serve(acknowledge_all=True) as running:
        client = await running.client()
        assert await client.ask(ALL) == "05 00 01 ff 00"
        assert running.operations.acknowledged == ["B042", "A007"]
        assert await client.ask(OUTCOME) == "03 02 00 01"


async def test_all_pages_are_acknowledged(serve, monkeypatch):
    async with serve(acknowledge_all=True) as running:
        operations, whole = running.operations, running.operations.open

        async def pages(actor, *, state=None, limit=50, cursor=None):
            begin = int(cursor or 0)
            return {"cases": whole[begin : begin + 1], "next": str(begin + 1) if begin + 1 < len(whole) else None}

        monkeypatch.setattr(operations, "cases", pages)
        assert await (await running.client()).ask(ALL) == "05 00 01 ff 00"
        assert operations.acknowledged == ["B042", "A007"]


async def test_two_panels_do_not_mix_their_codes(context, monkeypatch):
    taken = AckDesk(context)
    taken.write("10.0.0.1", 0, (65, 0, 7, 3))
    taken.write("10.0.0.2", 0, (66, 0, 42, 3))
    await taken.acknowledge("10.0.0.1")
    assert context.operations.acknowledged == ["A007"]
    assert taken.read("10.0.0.2") == (66, 0, 42, 3, 0)
    assert taken.read("10.0.0.3") == (0, 0, 0, 0, 0)
    monkeypatch.setattr(desk, "MAX_CLIENTS", 2)
    taken.write("10.0.0.4", 0, (65,))
    assert taken.read("10.0.0.2") == (0, 0, 0, 0, 0)
    assert taken.read("10.0.0.1")[0] == 65
