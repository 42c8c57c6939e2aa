"""Who is silent: limits, grace, restarts, and what is stored how often."""

from __future__ import annotations

import asyncio
import json

import pytest

from addispatch.sdk import Silences, StoreError
from addispatch.sdk.testing import FakeClock, Intake, RecordingContext


@pytest.fixture
async def context(tmp_path):
    async with RecordingContext(tmp_path, clock=FakeClock()) as context:
        yield context


def begun(context, **sources):
    made = Silences(context, "test:")
    made.watch(sources)
    return made


async def test_silence_begins_after_its_time_and_ends_when_heard(context):
    silences = begun(context, pump=60.0)
    context.clock.forward(seconds=59)
    assert not silences.is_silent("pump")
    context.clock.forward(seconds=1)
    assert silences.is_silent("pump")
    assert not silences.has_reported("pump")
    silences.heard("pump")
    assert not silences.is_silent("pump")
    assert silences.has_reported("pump")
    silences.heard("nobody")
    assert not silences.is_silent("nobody")
    assert not silences.has_reported("nobody")


async def test_a_time_in_which_nobody_could_be_heard_is_nobody_s_silence(context):
    silences = begun(context, pump=60.0, job=90_000.0, old=60.0)
    context.clock.forward(seconds=61)
    assert silences.is_silent("old")
    context.clock.forward(hours=24)
    silences.deaf()
    assert not silences.is_silent("pump")
    assert silences.is_silent("old")
    context.clock.forward(seconds=60)
    assert silences.is_silent("pump")
    context.clock.forward(minutes=58)
    assert not silences.is_silent("job")
    context.clock.forward(minutes=61)
    assert silences.is_silent("job")


async def test_the_clock_of_one_that_reports_once_a_day_does_not_begin_anew_with_each_restart(context):
    silences = begun(context, job=90_000.0)
    silences.heard("job")
    silences.store()
    for _ in range(4):
        context.clock.forward(hours=6)
        assert not silences.is_silent("job")
        silences = begun(context, job=90_000.0)
    context.clock.forward(minutes=61)
    assert silences.is_silent("job")
    assert silences.has_reported("job")


async def test_silence_outlives_a_restart_and_so_does_its_end(context):
    silences = begun(context, pump=60.0)
    context.clock.forward(seconds=60)
    assert silences.is_silent("pump")
    silences.store()
    silences = begun(context, pump=60.0)
    assert silences.is_silent("pump")
    silences.heard("pump")
    silences.store()
    assert not begun(context, pump=60.0).is_silent("pump")


async def test_it_is_stored_now_and_then_at_changes_and_at_the_end(context):
    silences = begun(context, pump=60.0)
    assert silences.store() is not None
    silences.heard("pump")
    assert silences.store() is None
    assert silences.store(everything=True) is not None
    context.clock.forward(seconds=60)
    assert silences.is_silent("pump")
    assert silences.store() is not None
    assert silences.store() is None
    silences.heard("pump")
    assert silences.store() is not None
    assert json.loads(context.marks["test:pump"])["silent"] is False
    context.clock.forward(seconds=29)
    silences.heard("pump")
    assert silences.store() is None
    context.clock.forward(seconds=1)
    assert silences.store() is not None


async def test_what_is_watched_no_more_is_forgotten(context):
    silences = begun(context, pump=60.0)
    silences.store()
    silences.watch({})
    assert context.marks["test:pump"] == b""
    assert not begun(context, pump=60.0).has_reported("pump")


async def test_another_limit_is_judged_anew_from_what_is_known(context):
    silences = begun(context, pump=60.0)
    context.clock.forward(seconds=100)
    assert silences.is_silent("pump")
    silences.watch({"pump": 120.0})
    assert not silences.is_silent("pump")
    context.clock.forward(seconds=20)
    assert silences.is_silent("pump")


async def test_a_ledger_that_takes_nothing_and_marks_that_are_none(context):
    context.intake = Intake.FAIL
    silences = begun(context, pump=60.0)
    with pytest.raises(StoreError):
        await silences.store()
    await asyncio.sleep(0)
    context.intake = Intake.ACCEPT
    await silences.store()
    assert context.marks.keys() == {"test:pump"}
    context.marks["test:pump"] = b'{"heard_ms": "x"}'
    assert not begun(context, pump=60.0).is_silent("pump")
    context.marks["test:pump"] = b"[]"
    assert not begun(context, pump=60.0).is_silent("pump")
