"""When the next level is due: from the first hand-over, or from the longest wait for one (SPEC 5.1)."""

from __future__ import annotations

from pathlib import Path

from tale import Tale, after, group, people, policy, settings

from addispatch.domain.receipt import Temporary

EVERYBODY = people("Adam", "Jane", "Bo", "Eve", "Chief") + settings()
TEAM = EVERYBODY + group("Team", "Adam", "Jane") + group("Second line", "Bo", "Eve", policy="")
POLICY = TEAM + policy(after(5, "Second line"), after(15, call=("Chief",)))


async def test_the_clock_starts_at_the_first_hand_over(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.dies()
        await tale.alarm()
        await tale.clock.passes(seconds=90)
        await tale.revives()
        await tale.phone("Adam").expects("pump is hot")
        await tale.clock.passes(minutes=4, seconds=59)
        await tale.phone("Bo").is_silent()
        await tale.clock.passes(seconds=1)
        await tale.phone("Bo").expects("Unacknowledged")


async def test_the_second_hand_over_starts_nothing(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.channel("sms").window = 1
        tale.answers_next(Temporary("network busy", retry_after_s=200))
        await tale.alarm()
        await tale.phone("Jane").expects("pump is hot")
        await tale.clock.passes(seconds=210)
        await tale.phone("Adam").expects("pump is hot")
        await tale.clock.passes(seconds=89)
        await tale.phone("Bo").is_silent()
        await tale.clock.passes(seconds=1)
        await tale.phone("Bo").expects("Unacknowledged")


async def test_each_further_level_counts_from_its_own_hand_over(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"), after(15, "Eve"))) as tale:
        await tale.alarm()
        tale.dies()
        await tale.clock.passes(minutes=6)
        await tale.revives()
        await tale.phone("Bo").expects("Unacknowledged")
        await tale.clock.passes(minutes=14, seconds=59)
        await tale.phone("Eve").is_silent()
        await tale.clock.passes(seconds=1)
        await tale.phone("Eve").expects("Unacknowledged")


async def test_a_dead_modem_does_not_stop_escalation(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, call=("Bo",)), after(15, call=("Eve",)))) as tale:
        tale.dies()
        await tale.alarm()
        await tale.clock.passes(minutes=6, seconds=59)
        await tale.ringer("Bo").is_silent()
        await tale.clock.passes(seconds=1)
        await tale.ringer("Bo").expects("pump is hot")
        await tale.clock.passes(minutes=15)
        await tale.ringer("Eve").expects("pump is hot")


async def test_how_long_a_hand_over_is_waited_for_is_a_choice(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, call=("Bo",)), max_send_wait_s=30)) as tale:
        tale.dies()
        await tale.alarm()
        await tale.clock.passes(minutes=5, seconds=29)
        await tale.ringer("Bo").is_silent()
        await tale.clock.passes(seconds=1)
        await tale.ringer("Bo").expects("pump is hot")


async def test_a_hand_over_after_the_longest_wait_delays_nothing(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, call=("Bo",)))) as tale:
        tale.dies()
        await tale.alarm()
        await tale.clock.passes(minutes=6)
        await tale.revives()
        await tale.phone("Adam").expects("pump is hot")
        await tale.clock.passes(seconds=60)
        await tale.ringer("Bo").expects("pump is hot")


async def test_an_attempt_that_fails_for_now_is_no_hand_over(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, call=("Bo",)))) as tale:
        tale.answers_next(*[Temporary("network busy", retry_after_s=100)] * 2)
        await tale.alarm()
        await tale.clock.passes(seconds=100)
        await tale.phone("Adam").expects("pump is hot")
        await tale.clock.passes(minutes=4, seconds=59)
        await tale.ringer("Bo").is_silent()
        await tale.clock.passes(seconds=1)
        await tale.ringer("Bo").expects("pump is hot")
