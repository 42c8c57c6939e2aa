"""SourceContract: a source that confirms too early, loses what was not stored, or goes on after stop is noticed."""

from __future__ import annotations

import asyncio

import pytest

from addispatch.sdk import Alarm, Refused, StoreError
from addispatch.sdk.testing import RecordingContext, source_contract
from addispatch.sdk.testing.source_contract import SourceContract


class Door:
    """A source and its outside world in one: ``raise_alarm`` knocks."""

    confirms_early = forgets = ignores_stop = asks_for_ever = False

    def __init__(self, context):
        self.context = context
        self.confirmed = asyncio.Semaphore(0)
        self.stopped = False

    async def start(self): ...

    async def stop(self):
        self.stopped = True

    async def raise_alarm(self):
        if not self.stopped or self.ignores_stop:
            self.hand_over()

    def hand_over(self):
        self.context.accept(Alarm(text="knock", source="door")).add_done_callback(self.decided)
        if self.confirms_early:
            self.confirmed.release()

    def decided(self, future):
        error = future.exception()
        if isinstance(error, StoreError) and not self.forgets:
            asyncio.get_running_loop().call_later(0.01, self.hand_over)
        elif error is None or (isinstance(error, Refused) and not self.asks_for_ever):
            self.confirmed.release()

    async def wait_confirmed(self, timeout_s):
        await asyncio.wait_for(self.confirmed.acquire(), min(timeout_s, 0.5))

    async def offer_again(self): ...


TESTS = [name for name in dir(SourceContract) if name.startswith("test_") and name != "test_is_a_source"]


async def run(test, tmp_path, monkeypatch, **faults):
    monkeypatch.setattr(source_contract, "QUIET_S", 0.05)
    async with RecordingContext(tmp_path) as context:
        monkeypatch.setattr(
            context.alarms, "wait_for", lambda match, timeout_s=5: wait_for(match, timeout_s=min(timeout_s, 0.5))
        )
        wait_for = type(context.alarms).wait_for.__get__(context.alarms)
        door = Door(context)
        for name, value in faults.items():
            setattr(door, name, value)
        await getattr(SourceContract(), test)(door, context, door)


@pytest.mark.parametrize("test", TESTS)
async def test_a_good_source_passes(test, tmp_path, monkeypatch):
    await run(test, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("test", "fault"),
    [
        ("test_nothing_is_confirmed_before_it_is_durable", "confirms_early"),
        ("test_what_was_not_stored_is_not_confirmed_and_comes_again", "confirms_early"),
        ("test_what_was_not_stored_is_not_confirmed_and_comes_again", "forgets"),
        ("test_a_refused_alarm_is_confirmed", "asks_for_ever"),
        ("test_stop_ends_the_intake", "ignores_stop"),
    ],
)
async def test_a_broken_source_fails(test, fault, tmp_path, monkeypatch):
    with pytest.raises((AssertionError, TimeoutError, pytest.fail.Exception)):
        await run(test, tmp_path, monkeypatch, **{fault: True})
