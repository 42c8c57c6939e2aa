"""RecordingContext: decides what becomes of what a plugin hands over, and lets tests wait for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from addispatch.sdk import Alarm, Context, Mark, Refused, Severity, StoreError
from addispatch.sdk.testing import Intake, RecordingContext

if TYPE_CHECKING:
    from pathlib import Path

ALARM = Alarm(text="pump 3 stopped", source="test", mark=Mark("m", b"1"))


@pytest.fixture
async def context(tmp_path: Path):
    async with RecordingContext(tmp_path) as context:
        yield context


def as_sdk_context(context: RecordingContext) -> Context:
    """Type-checked: it is a Context."""
    return context


async def test_accepts_at_once_and_keeps_the_mark(context):
    future = as_sdk_context(context).accept(ALARM)
    assert future.done()
    assert (await future).alarm_id == "a1"
    assert context.alarms == [ALARM]
    assert context.recall("m") == b"1"


async def test_held_alarms_and_their_marks_wait_for_the_release(context):
    context.intake = Intake.HOLD
    future = context.accept(ALARM)
    assert not future.done()
    assert context.recall("m") is None
    context.release()
    await future
    assert context.recall("m") == b"1"


async def test_held_alarms_can_fail(context):
    context.intake = Intake.HOLD
    future = context.accept(ALARM)
    context.release(StoreError("disk full"))
    with pytest.raises(StoreError, match="disk full"):
        await future


async def test_refuses_alarms_only(context):
    context.intake = Intake.REFUSE
    with pytest.raises(Refused):
        await context.accept(ALARM)
    await context.settle({"other": b"2"})
    assert context.marks == {"other": b"2"}


async def test_fails_everything(context):
    context.intake = Intake.FAIL
    for future in (context.accept(ALARM), context.settle({"x": b""})):
        with pytest.raises(StoreError):
            await future
    assert context.marks == {}


async def test_waits_for_an_alarm_yet_to_come(context):
    asyncio.get_running_loop().call_later(0.01, context.accept, ALARM)
    assert await context.wait_for_alarm("pump 3") is ALARM


async def test_each_event_satisfies_one_wait(context):
    context.event("connected")
    await context.wait_for_event("connected")
    with pytest.raises(TimeoutError, match="info: connected"):
        await context.wait_for_event("connected", timeout_s=0.01)
    context.event("connected again", severity=Severity.WARNING, kind="link", broker="a")
    event = await context.wait_for_event("connected")
    assert (event.severity, event.kind, event.data) == (Severity.WARNING, "link", {"broker": "a"})


async def test_supervised_tasks_are_restarted_with_an_event_and_ended_by_stop(context):
    starts = 0
    ended = asyncio.Event()

    async def work():
        nonlocal starts
        starts += 1
        if starts == 1:
            raise OSError("cable out")
        context.event("working")
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    context.supervise("worker", work)
    assert "cable out" in (await context.wait_for_event("worker failed")).text
    await context.wait_for_event("working")
    await context.stop()
    assert ended.is_set()


async def test_subscriptions_get_published_events_until_ended(context):
    seen = []
    end = context.subscribe(seen.append)
    context.publish({"id": 1})
    end()
    context.publish({"id": 2})
    assert seen == [{"id": 1}]


async def test_records_confirmations_and_links(context):
    context.reconnected("broker")
    context.confirmed("broker", b"f")
    context.disconnected("broker")
    context.window_changed()
    assert context.links == [("up", "broker"), ("down", "broker")]
    assert context.confirmations == [("broker", b"f")]
    assert context.window_change_count == 1
