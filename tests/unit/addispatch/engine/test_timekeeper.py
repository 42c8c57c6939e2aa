"""Deadlines and clocks: whatever happens to the machine's clock, nothing comes early, late or twice."""

from __future__ import annotations

import pytest
from pipelines import BrokenDisk, group
from rooms import PHONE_ADAM, PHONE_BO, open_room, usual

from addispatch.domain.errors import StoreError
from addispatch.domain.events import INFO, WARNING
from addispatch.engine.timekeeper import STEP_MS, TELL_MS, Timekeeper
from addispatch.sdk.testing import FakeClock
from addispatch.store import deadlines

OPS = (PHONE_ADAM, PHONE_BO, usual(), group("Ops", "Adam", policy="usual"))


def keeper(room) -> Timekeeper:
    room.said = []
    return Timekeeper(room.ledger, room.clock, room.said.append)


async def known(room):
    return await room.unit(deadlines.known_clock)


# -- while it runs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [3600, -3600, 2, -2])
async def test_a_clock_that_is_set_moves_now_and_every_deadline(tmp_path, seconds):
    async with open_room(tmp_path, *OPS) as room:
        time = keeper(room)
        await time.begin()
        await room.accept(to=("Ops",))
        before_ms = room.now_ms
        room.clock.step(seconds)
        assert room.now_ms == before_ms, "not before the deadlines do"
        await time.check()
        assert room.now_ms == before_ms + seconds * 1000
        assert await room.next_s() == 420, "it waits as long as before"
        assert await known(room) == (room.clock.boot_id, room.clock.offset_ms)
        await time.check()
        assert await room.next_s() == 420, "and once is enough"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (11, [("The clock was set forward by 11 s; all waiting times stay as they were", INFO)]),
        (-11, [("The clock was set back by 11 s; all waiting times stay as they were", WARNING)]),
        (9, []),
    ],
)
async def test_a_big_step_is_told(tmp_path, seconds, told):
    assert STEP_MS < 9000 < TELL_MS
    async with open_room(tmp_path, *OPS) as room:
        time = keeper(room)
        await time.begin()
        room.clock.step(seconds)
        await time.check()
        assert [(event.line, event.severity) for event in room.said] == told


async def test_the_small_corrections_of_ntp_are_followed_once_they_have_grown(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        time = keeper(room)
        await time.begin()
        start_ms = room.now_ms
        for _ in range(3):
            room.clock.step(0.6)
            await time.check()
            assert room.now_ms == start_ms
        room.clock.step(0.6)
        await time.check()
        assert room.now_ms == start_ms + 2400


async def test_when_the_disk_is_full_nothing_moves_and_it_is_tried_again(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        time = keeper(room)
        await time.begin()
        await room.accept(to=("Ops",))
        before_ms = room.now_ms
        room.clock.step(3600)
        with BrokenDisk(room.ledger), pytest.raises(StoreError):
            await time.check()
        assert room.now_ms == before_ms
        assert await room.next_s() == 420
        assert room.said == []
        await time.check()
        assert (room.now_ms, await room.next_s()) == (before_ms + 3_600_000, 420)


async def test_a_unit_that_fails_behind_the_step_leaves_time_and_deadlines_together(tmp_path, monkeypatch):
    """The step has been taken in the writer's thread when the commit fails."""
    async with open_room(tmp_path, *OPS) as room:
        time = keeper(room)
        await time.begin()
        await room.accept(to=("Ops",))
        before_ms = room.now_ms
        room.clock.step(3600)
        use = time._use

        def use_and_fail(offset_ms):
            use(offset_ms)
            if room.now_ms != before_ms:
                raise ValueError("oops")

        monkeypatch.setattr(time, "_use", use_and_fail)
        with pytest.raises(ValueError, match="oops"):
            await time.check()
        assert (room.now_ms, await room.next_s()) == (before_ms, 420)


# -- from one process to the next ----------------------------------------------------------------------------------------


async def restart(tmp_path, change):
    """Open a case, end the process, let ``change`` happen to the clock, and begin again: returns what is left to wait."""
    clock = FakeClock()
    async with open_room(tmp_path, *OPS, clock=clock) as room:
        await keeper(room).begin()
        await room.accept(to=("Ops",))
    change(clock)
    async with open_room(tmp_path, *OPS, clock=clock) as room:
        await keeper(room).begin()
        assert await known(room) == (clock.boot_id, clock.offset_ms)
        return await room.next_s(), await room.events("ClockUntrusted")


@pytest.mark.parametrize("seconds", [3600, -3600, 0])
async def test_in_the_same_boot_the_boot_time_clock_decides(tmp_path, seconds):
    def change(clock):
        clock.forward(seconds=60)
        clock.step(seconds)
        clock.adopt(seconds * 1000)  # a new process begins with the machine's time

    assert await restart(tmp_path, change) == (360, [])


async def test_after_a_reboot_utc_decides(tmp_path):
    def change(clock):
        clock.boots()
        clock.forward(seconds=60)

    assert await restart(tmp_path, change) == (360, [])


async def test_a_clock_older_than_the_newest_event_is_not_trusted_and_what_was_left_starts_anew(tmp_path):
    def change(clock):
        clock.boots()
        clock.step(-86_400)
        clock.adopt(-86_400_000)

    left_s, told = await restart(tmp_path, change)
    assert left_s == 420
    assert [event["severity"] for event in told] == ["warning"]
    assert told[0]["text"].startswith("clock untrusted: it is 86400 s older than the newest event.")


async def test_a_machine_that_does_not_name_its_boots_is_taken_for_rebooted(tmp_path):
    def change(clock):
        clock.boot_id = ""
        clock.forward(seconds=60)
        clock._monotonic_s = 5.0

    assert await restart(tmp_path, change) == (360, [])


async def test_an_empty_ledger_has_nothing_to_relate(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await keeper(room).begin()
        assert await room.events() == []
        assert await known(room) == (room.clock.boot_id, room.clock.offset_ms)
