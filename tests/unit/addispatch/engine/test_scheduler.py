"""Ticks: each at its period, never twice at once, one that fails or hangs holds up no other, a stepped clock none."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from addispatch.domain.errors import StoreError
from addispatch.engine.scheduler import Ticker
from addispatch.sdk.testing import FakeClock


class Rig:
    def __init__(self):
        self.clock = FakeClock()
        self.failures = []
        self.ticker = Ticker(self.clock, lambda name, error: self.failures.append((name, str(error))))
        self.counts = {}

    def job(self, name):
        async def run():
            self.counts[name] = self.counts.get(name, 0) + 1

        return run

    async def look(self):
        self.ticker.run_due()
        for _ in range(3):
            await asyncio.sleep(0)


@pytest.fixture
async def rig(monkeypatch):
    """``schedule`` reads the wall clock itself: give it the fake one."""
    import schedule

    rig = Rig()

    class Now(schedule.datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return rig.clock.now().replace(tzinfo=None)

    monkeypatch.setattr(schedule.datetime, "datetime", Now)
    yield rig
    await rig.ticker.stop()


async def test_each_at_its_period(rig):
    rig.ticker.every(1, "a", rig.job("a"))
    rig.ticker.every(5, "b", rig.job("b"))
    for _ in range(10):
        rig.clock.forward(seconds=1)
        await rig.look()
    assert rig.counts == {"a": 10, "b": 2}


async def test_one_that_fails_is_told_and_comes_again_and_holds_up_no_other(rig):
    async def bad():
        raise ValueError("oops")

    rig.ticker.every(1, "bad", bad)
    rig.ticker.every(1, "good", rig.job("good"))
    for _ in range(3):
        rig.clock.forward(seconds=1)
        await rig.look()
    assert rig.failures == [("bad", "oops")] * 3
    assert rig.counts == {"good": 3}


async def test_a_ledger_that_takes_nothing_is_one_line_and_no_event(rig, caplog):
    async def fails():
        raise StoreError("the disk is full")

    rig.ticker.every(1, "a", fails)
    for _ in range(2):
        rig.clock.forward(seconds=1)
        await rig.look()
    assert rig.failures == []
    assert [(r.message, r.exc_info) for r in caplog.records] == [
        ("the tick a waits for the ledger: the disk is full", None)
    ] * 2


async def test_one_that_hangs_is_not_started_twice(rig):
    hanging = asyncio.Event()
    starts = []

    async def slow():
        starts.append(1)
        await hanging.wait()

    rig.ticker.every(1, "slow", slow)
    rig.ticker.every(1, "good", rig.job("good"))
    for _ in range(3):
        rig.clock.forward(seconds=1)
        await rig.look()
    assert (len(starts), rig.counts) == (1, {"good": 3})
    hanging.set()
    await asyncio.sleep(0)
    rig.clock.forward(seconds=1)
    await rig.look()
    assert len(starts) == 2


@pytest.mark.parametrize("step_s", [-7200, 7200, -3 * 365 * 86400])
async def test_a_stepped_clock_neither_stalls_nor_hurries_the_ticks(rig, step_s, caplog):
    rig.ticker.every(5, "a", rig.job("a"))
    rig.clock.step(step_s)
    await rig.look()
    assert rig.counts.get("a", 0) == 0
    assert "the clock was stepped" in caplog.text
    rig.clock.forward(seconds=5)
    await rig.look()
    rig.clock.forward(seconds=5)
    await rig.look()
    assert rig.counts == {"a": 2}


async def test_it_ticks_by_itself_until_stopped():
    os.environ["TZ"] = "UTC"
    time.tzset()
    done = asyncio.Event()

    async def run():
        done.set()

    from addispatch.runtime.clock import SystemClock

    ticker = Ticker(SystemClock(), lambda *_: None)
    ticker.every(1, "a", run)
    ticker.start()
    await asyncio.wait_for(done.wait(), 3)
    await ticker.stop()
    done.clear()
    await asyncio.sleep(1.1)
    assert not done.is_set()
