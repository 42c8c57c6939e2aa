"""Who cannot come says so; when all of a level do, the next one is told at once (SPEC 5.1)."""

from __future__ import annotations

from pathlib import Path

from tale import Tale, after, group, people, policy, settings

EVERYBODY = people("Adam", "Jane", "Bo", "Eve", "Chief") + settings()
TEAM = EVERYBODY + group("Team", "Adam", "Jane") + group("Second line", "Bo", "Eve", policy="")
POLICY = TEAM + policy(after(5, "Second line"), after(15, call=("Chief",)))


async def test_when_all_of_a_level_decline_the_next_is_told_at_once(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.phone("Adam").replies(f"no {tale.code}")
        await tale.phone("Adam").expects("pump is hot")
        await tale.phone("Adam").expects("Noted that you cannot come, Adam")
        await tale.phone("Bo").is_silent()
        await tale.phone("Jane").replies(f"BUSY {tale.code} until noon")
        await tale.ticks()
        await tale.phone("Bo").expects("pump is hot")
        assert any("everybody declined" in text for text in await tale.events("CaseEscalated"))
        await tale.clock.passes(minutes=14, seconds=59)
        assert tale.ringer("Chief").received == []


async def test_who_declined_can_still_come(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.phone("Adam").replies(f"no {tale.code}")
        await tale.phone("Adam").replies(f"{tale.code} now I can")
        assert (await tale.case())["acknowledged_by"] == "Adam"


async def test_while_somebody_is_still_to_be_asked_declining_skips_nothing(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.channel("sms").window = 1
        tale.hangs()
        await tale.alarm()
        tale.dies()  # behind Adam's text; Jane's was never tried
        await tale.goes_on()
        await tale.phone("Adam").replies(f"no {tale.code}")
        await tale.ticks()
        assert (await tale.case())["level"] == 0
        await tale.revives()
        await tale.phone("Jane").expects("pump is hot")
        await tale.phone("Jane").replies(f"no {tale.code}")
        await tale.ticks()
        await tale.phone("Bo").expects("pump is hot")


async def test_a_late_refusal_of_an_earlier_level_skips_no_later_one(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=5)
        for name in ("Adam", "Jane"):
            await tale.phone(name).replies(f"no {tale.code}")
        await tale.clock.passes(minutes=14, seconds=59)
        assert tale.ringer("Chief").received == []


async def test_when_the_last_level_declines_the_chief_hears_at_once(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"))) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=5)
        await tale.phone("Bo").replies(f"no {tale.code}")
        await tale.ticks()
        await tale.phone("Chief").expects("Nobody acknowledged")
