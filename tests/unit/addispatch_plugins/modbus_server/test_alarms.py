"""Coils that are alarms: edges, law 1, restarts."""

import pytest

from addispatch.sdk import AlarmState, Mark, Priority
from addispatch.sdk.testing.context import Intake

FULL = {"address": 16, "text": "Tank is full", "to": ["Ops"], "priority": "critical"}
HOT = {"address": 17, "text": "Pump is hot", "key": "pump"}
ON, OFF = "05 0010 ff00", "05 0010 0000"


async def test_the_edges_raise_and_clear(serve, context):
    async with serve(coil=[FULL, HOT]) as running:
        client = await running.client()
        assert await client.ask(ON) == "05 00 10 ff 00"
        alarm = await context.wait_for_alarm("Tank is full")
        assert (alarm.key, alarm.to, alarm.priority) == ("coil 16", ("Ops",), Priority.CRITICAL)
        assert (alarm.state, alarm.is_stated, alarm.source) == (AlarmState.RAISED, True, "modbus_server")
        assert alarm.mark == Mark("modbus_server:coil 16", b"1")
        assert alarm.data == {"address": 16, "client": "127.0.0.1"}
        await client.ask(ON)  # a PLC writes all its coils each cycle
        assert await client.ask(OFF) == "05 00 10 00 00"
        assert (await context.wait_for_alarm()).state is AlarmState.CLEARED
        await client.ask(OFF)
        assert len(context.alarms) == 2


async def test_several_coils_in_one_request(serve, context):
    async with serve(coil=[FULL, HOT]) as running:
        client = await running.client()
        assert await client.ask("0f 0010 0002 01 02") == "0f 00 10 00 02"
        assert [alarm.key for alarm in context.alarms] == ["pump"]
        assert await client.ask("01 0010 0003") == "01 01 02"
        assert await client.ask("0f 0010 0002 01 01") == "0f 00 10 00 02"
        assert {(alarm.key, alarm.state.value) for alarm in context.alarms[1:]} == {
            ("coil 16", "raised"),
            ("pump", "cleared"),
        }


async def test_nothing_is_confirmed_before_it_is_stored(serve, context):
    async with serve(coil=[FULL]) as running:
        client, other = await running.client(), await running.client()
        context.intake = Intake.HOLD
        with pytest.raises(TimeoutError):
            await client.ask(ON, timeout_s=0.1)
        # Nor to another client, which would take a zero for a one.
        with pytest.raises(TimeoutError):
            await other.ask(ON, timeout_s=0.1)
        assert await (await running.client()).ask("01 0010 0001") == "01 01 00"
        context.release()
        assert await client.answer() == "05 00 10 ff 00"
        assert await other.answer() == "05 00 10 ff 00"
        assert len(context.alarms) == 1


async def test_what_is_not_stored_is_busy_and_comes_again(serve, context):
    async with serve(coil=[FULL, HOT]) as running:
        client = await running.client()
        context.intake = Intake.FAIL
        assert await client.ask(ON) == "85 06"
        assert await client.ask("0f 0010 0002 01 03") == "8f 06"
        assert await client.ask("01 0010 0001") == "01 01 00"
        context.intake = Intake.ACCEPT
        assert await client.ask(ON) == "05 00 10 ff 00"


async def test_a_ledger_that_takes_too_long_is_busy(serve, context, monkeypatch):
    from addispatch_plugins.modbus_server import alarms

    monkeypatch.setattr(alarms, "STORE_S", 0.05)
    async with serve(coil=[FULL]) as running:
        client = await running.client()
        context.intake = Intake.HOLD
        assert await client.ask(ON) == "85 06"


async def test_an_alarm_that_is_refused_is_confirmed(serve, context, caplog):
    async with serve(coil=[FULL]) as running:
        context.intake = Intake.REFUSE
        assert await (await running.client()).ask(ON) == "05 00 10 ff 00"
        assert "its alarm is refused" in caplog.text


async def test_a_restart_raises_nothing_twice_and_clears_what_fell(serve, context):
    context.marks["modbus_server:coil 16"] = b"1"
    async with serve(coil=[FULL]) as running:
        client = await running.client()
        assert await client.ask("01 0010 0001") == "01 01 01"
        await client.ask(ON)
        assert context.alarms == []
        await client.ask(OFF)
        assert (await context.wait_for_alarm()).state is AlarmState.CLEARED
        assert context.marks["modbus_server:coil 16"] == b"0"
