"""Levels whose people cannot be told are reported, and the next one follows at once (SPEC 5.1)."""

from __future__ import annotations

from pathlib import Path

from pipelines import ADMIN
from tale import Tale, after, group, people, policy, settings

from addispatch.domain.receipt import InDoubt, Permanent

EVERYBODY = people("Adam", "Jane", "Bo", "Eve", "Chief") + settings()
TEAM = EVERYBODY + group("Team", "Adam", "Jane") + group("Second line", "Bo", "Eve", policy="")
POLICY = TEAM + policy(after(5, "Second line"), after(15, call=("Chief",)))


async def test_when_everybody_fails_the_next_level_is_told_at_once_and_it_is_reported(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.answers_next(Permanent("no such number"), Permanent("no such number"))
        await tale.alarm()
        await tale.ticks()
        await tale.phone("Bo").expects("pump is hot", tale.code)
        await tale.phone("Chief").expects("Nobody was reached at the first recipients of Team")
        assert await tale.events("LevelUnreachable")
        await tale.clock.passes(minutes=14, seconds=59)
        assert tale.ringer("Chief").received == [], "the level that was told has its whole wait"
        await tale.clock.passes(seconds=1)
        await tale.ringer("Chief").expects("")


async def test_one_who_was_reached_is_enough_to_wait(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.answers_next(Permanent("no such number"))
        await tale.alarm()
        await tale.ticks()
        await tale.clock.passes(minutes=4, seconds=59)
        await tale.phone("Bo").is_silent()
        assert not await tale.events("LevelUnreachable")


async def test_texts_held_because_they_are_in_doubt_reach_nobody(tmp_path: Path) -> None:
    more = '[dispatch.in_doubt]\nhigh = "hold"\n'
    async with Tale(tmp_path, POLICY, more=more) as tale:
        tale.answers_next(InDoubt("no answer"), InDoubt("no answer"))
        await tale.alarm()
        await tale.ticks()
        await tale.phone("Bo").expects("pump is hot")
        assert await tale.events("LevelUnreachable")


async def test_texts_too_old_to_be_sent_reach_nobody(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, call=("Bo",)))) as tale:
        tale.dies()
        await tale.alarm(ttl_s=60)
        await tale.clock.passes(seconds=60)
        await tale.ringer("Bo").expects("pump is hot")


async def test_an_unreachable_level_in_the_middle_is_skipped(tmp_path: Path) -> None:
    nobody = '[[recipient]]\nname = "Ghost"\n'
    async with Tale(tmp_path, TEAM + nobody + policy(after(5, "Ghost"), after(15, "Bo"))) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=5)
        await tale.phone("Bo").expects("pump is hot")
        await tale.phone("Chief").expects("Nobody is reached at level 1 of Team")
        assert (await tale.case())["level"] == 2


async def test_nothing_sendable_at_all_escalates_at_once_with_a_system_alert(tmp_path: Path) -> None:
    ghosts = EVERYBODY + '[[recipient]]\nname = "Ghost"\n' + group("Team", "Ghost") + policy(after(5, "Bo"))
    async with Tale(tmp_path, ghosts) as tale:
        await tale.alarm()
        await tale.ticks()
        await tale.phone("Bo").expects("pump is hot", tale.code)
        await tale.phone("Chief").expects("Team has nobody with a usable address", "pump is hot")


async def test_disabled_people_are_not_told_and_a_level_of_them_is_skipped(tmp_path: Path) -> None:
    off = people("Bo", enabled=False) + people("Adam", "Eve", "Chief") + settings() + group("Team", "Adam")
    async with Tale(tmp_path, off + policy(after(5, "Bo"), after(15, "Eve"))) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=5)
        await tale.phone("Eve").expects("pump is hot")
        assert tale.phone("Bo").received == []
        assert await tale.events("LevelUnreachable")


async def test_a_target_deleted_since_is_unreachable_and_reported(tmp_path: Path) -> None:
    without = people("Adam", "Jane", "Eve", "Chief") + settings() + group("Team", "Adam", "Jane")
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"), after(15, "Eve"))) as tale:
        await tale.alarm()
        await tale.restart(without + policy(after(5, "Eve")) + group("Second line", "Eve", policy=""))
        await tale.operations.directory_delete(ADMIN, "recipient", "Bo")
        await tale.clock.passes(minutes=5)
        await tale.phone("Eve").expects("pump is hot", tale.code)
        assert any("no longer exist" in text for text in await tale.events("TargetGone"))
        await tale.phone("Chief").expects("Nobody is reached at level 1")


async def test_a_group_resolves_when_its_level_fires_not_before(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        changed = EVERYBODY + group("Team", "Adam", "Jane") + group("Second line", "Eve", policy="")
        await tale.restart(changed + policy(after(60, "Bo")))
        await tale.clock.passes(minutes=5)
        await tale.phone("Eve").expects("Unacknowledged", tale.code)
        await tale.phone("Bo").is_silent()


async def test_the_policy_is_the_one_of_the_alarms_moment(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm("first")
        await tale.restart(TEAM + policy(after(60, "Chief")))
        await tale.clock.passes(minutes=5)
        await tale.phone("Bo").expects("first")
