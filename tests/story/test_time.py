"""Whatever happens to the machine and its clock, no level is lost, early or twice (SPEC 5.7)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tale import Tale, after, group, people, policy, settings

from addispatch.domain.receipt import Temporary

TEAM = people("Adam", "Jane", "Bo", "Eve", "Chief") + settings() + group("Team", "Adam", "Jane")
POLICY = TEAM + policy(after(5, "Bo"), after(15, "Eve"))
BERLIN_SPRING = datetime(2026, 3, 29, 0, 58, tzinfo=UTC)  # at 01:00 UTC the clocks go from 02:00 to 03:00
BERLIN_AUTUMN = datetime(2026, 10, 25, 0, 58, tzinfo=UTC)


async def not_before(tale: Tale, name: str, *, minutes: float) -> None:
    """Nothing until a second before, the level then."""
    await tale.clock.passes(minutes=minutes, seconds=-1)
    await tale.phone(name).is_silent()
    await tale.clock.passes(seconds=1)
    await tale.phone(name).expects("Unacknowledged")


async def test_a_restart_changes_nothing(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=2)
        await tale.restart()
        await tale.clock.passes(minutes=1)
        await tale.restart()
        await not_before(tale, "Bo", minutes=2)
        await tale.restart()
        await not_before(tale, "Eve", minutes=15)
        assert len(tale.phone("Bo").received) == 1
        assert len(tale.phone("Adam").received) == 1


async def test_a_crash_repeats_what_was_under_way_marked_and_loses_no_level(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        tale.hangs()
        await tale.clock.passes(minutes=5)
        assert tale.phone("Bo").received == []
        await tale.crash()
        await tale.phone("Bo").expects("(repeat) Unacknowledged for 5 min: pump is hot")
        await tale.reports(tale.phone("Bo").last, delivered=True)
        (mine,) = [one for one in (await tale.case())["deliveries"] if one["recipient"] == "Bo"]
        assert (mine["state"], mine["repeat"]) == ("delivered", True), "as its text says, still when it is delivered"
        await not_before(tale, "Eve", minutes=15)


async def test_an_ack_before_the_crash_is_not_forgotten(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.hangs()
        await tale.alarm()
        await tale.phone("Adam").replies(tale.code)
        await tale.crash()
        assert (await tale.case())["state"] == "closed"
        await tale.clock.passes(hours=1)
        assert not [text for text in tale.phone("Jane").texts if "pump is hot\nACK" in text], "nobody is asked any more"


@pytest.mark.parametrize("step_s", [-86_400, -3600, -5, 5, 3600, 86_400, 10 * 365 * 86_400])
async def test_a_clock_set_while_a_level_waits(tmp_path: Path, step_s: float) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=2)
        tale.clock.step(step_s)
        await tale.ticks()
        await not_before(tale, "Bo", minutes=3)
        tale.clock.step(-step_s)
        await tale.ticks()
        await not_before(tale, "Eve", minutes=15)
        assert len(tale.phone("Bo").received) == 1


async def test_a_clock_that_creeps_is_followed_without_a_word(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        for _ in range(10):
            tale.clock.step(0.9)
            await tale.clock.passes(seconds=27)
        assert not await tale.events("ClockSet")
        await not_before(tale, "Bo", minutes=0.5)


async def test_a_clock_set_while_we_are_down_in_the_same_boot(tmp_path: Path) -> None:
    """The time since the machine's start decides."""
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=2)
        async with tale.down():
            tale.clock.forward(minutes=1)
            tale.clock.adopt(7_200_000)  # the new process reads the new time at once
        await not_before(tale, "Bo", minutes=2)


async def test_downtime_counts_in_the_same_boot(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        async with tale.down():
            tale.clock.forward(minutes=4)
        await not_before(tale, "Bo", minutes=1)


async def test_after_hours_down_only_the_next_level_fires_and_the_one_after_counts_from_it(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        async with tale.down():
            tale.clock.forward(hours=9)
        await tale.phone("Bo").expects("Unacknowledged for 540 min")
        assert tale.phone("Eve").received == []
        await not_before(tale, "Eve", minutes=15)


async def test_after_a_reboot_the_time_of_day_decides(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        async with tale.down():
            tale.clock.forward(minutes=3)
            tale.clock.boots()
        assert not await tale.events("ClockUntrusted")
        await not_before(tale, "Bo", minutes=2)


async def test_after_a_reboot_with_a_clock_from_the_past_the_rest_starts_anew(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=2)
        await tale.acks(action="comment", comment="so that the newest event is now")
        async with tale.down():
            tale.clock.forward(hours=1)
            tale.clock.boots(wrong_by_s=-20 * 365 * 86_400)
        (event,) = await tale.events("ClockUntrusted")
        assert "clock untrusted" in event
        await not_before(tale, "Bo", minutes=3)
        tale.clock.step(20 * 365 * 86_400)  # somebody sets it right
        await tale.ticks()
        await not_before(tale, "Eve", minutes=15)


async def test_after_a_reboot_with_a_clock_far_ahead_the_next_level_fires_and_only_that(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        async with tale.down():
            tale.clock.boots(wrong_by_s=30 * 60)
        await tale.phone("Bo").expects("Unacknowledged")
        await not_before(tale, "Eve", minutes=15)


@pytest.mark.parametrize("starts", [BERLIN_SPRING, BERLIN_AUTUMN])
async def test_daylight_saving_moves_nothing_and_is_told_in_local_time(tmp_path: Path, starts: datetime) -> None:
    async with Tale(tmp_path, POLICY, timezone="Europe/Berlin", starts=starts) as tale:
        await tale.alarm()
        await not_before(tale, "Bo", minutes=5)
        await tale.phone("Bo").replies(tale.code)
        await tale.phone("Adam").replies(tale.code)
        await tale.phone("Adam").expects("pump is hot")
        local = "03:03" if starts is BERLIN_SPRING else "02:03"
        await tale.phone("Adam").expects(f"Already acknowledged by Bo {local}")


async def test_a_day_long_wait_over_the_end_of_daylight_saving(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(1440, "Bo")), timezone="Europe/Berlin", starts=BERLIN_AUTUMN) as tale:
        await tale.alarm()
        await not_before(tale, "Bo", minutes=1440)


async def test_deadlines_of_closing_move_with_the_clock_too(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"), close_after_h=10)) as tale:
        await tale.alarm()
        await tale.clock.passes(hours=9)
        tale.clock.step(7200)
        await tale.ticks()
        assert (await tale.case())["state"] == "open"
        await tale.clock.passes(hours=1)
        assert (await tale.case())["reason"] == "expired"


async def test_a_retry_is_not_lost_by_a_clock_set_back(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.answers_next(Temporary("busy", retry_after_s=60), Temporary("busy", retry_after_s=60))
        await tale.alarm()
        tale.clock.step(-86_400)
        await tale.ticks()
        await tale.clock.passes(seconds=60)
        await tale.phone("Adam").expects("pump is hot")


async def test_many_restarts_within_a_minute_tell_each_level_once(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        for _ in range(7):
            await tale.clock.passes(minutes=1)
            await tale.restart()
        assert len(tale.phone("Bo").received) == 1
        assert tale.phone("Eve").received == []
