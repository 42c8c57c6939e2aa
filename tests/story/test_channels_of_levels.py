"""By which channels a level tells its people: at once, by a ladder, by a call (SPEC 1, 5.1)."""

from __future__ import annotations

from pathlib import Path

from tale import Tale, after, group, people, policy, settings

from addispatch.domain.receipt import Permanent

EVERYBODY = people("Adam", "Jane", "Bo", "Eve", "Chief") + settings()
TEAM = EVERYBODY + group("Team", "Adam", "Jane")


async def test_by_sms_and_mail_at_once(tmp_path: Path) -> None:
    mailed = people("Adam", "Bo", email=True) + people("Chief") + settings() + group("Team", "Adam")
    async with Tale(tmp_path, mailed + policy(after(5, "Bo"))) as tale:
        await tale.alarm()
        await tale.phone("Adam").expects("pump is hot")
        await tale.mailbox("Adam").expects("pump is hot")
        await tale.clock.passes(minutes=5)
        await tale.phone("Bo").expects("pump is hot")
        await tale.mailbox("Bo").expects("pump is hot")


async def test_a_ladder_tries_the_mail_only_when_the_sms_fails(tmp_path: Path) -> None:
    mailed = people("Adam", "Bo", email=True, mode="ladder") + people("Chief") + settings() + group("Team", "Adam")
    async with Tale(tmp_path, mailed + policy(after(5, "Bo"))) as tale:
        await tale.alarm()
        await tale.phone("Adam").expects("pump is hot")
        await tale.mailbox("Adam").is_silent()
        tale.answers_next(Permanent("no such number"))
        await tale.clock.passes(minutes=5)
        await tale.mailbox("Bo").expects("Unacknowledged", tale.code)
        assert tale.phone("Bo").received == []
        assert not await tale.events("LevelUnreachable"), "the ladder had a rung left"


async def test_a_ladder_that_ends_in_nothing_is_unreachable(tmp_path: Path) -> None:
    mailed = people("Adam", "Bo", email=True, mode="ladder") + people("Chief") + settings() + group("Team", "Adam")
    async with Tale(tmp_path, mailed + policy(after(5, "Bo"), after(5, call=("Chief",)))) as tale:
        tale.answers_next(Permanent("no such number"))
        tale.answers_next(Permanent("no such mailbox"), by="email")
        await tale.alarm()
        await tale.ticks()
        await tale.phone("Bo").expects("pump is hot")


async def test_a_ladder_with_a_time_goes_on_when_the_sms_is_not_out_by_then(tmp_path: Path) -> None:
    timed = people("Adam", email=True, mode="ladder", step_after_s=60) + people("Bo", "Chief") + settings()
    async with Tale(tmp_path, timed + group("Team", "Adam") + policy(after(5, "Bo"))) as tale:
        tale.dies()
        await tale.alarm()
        await tale.clock.passes(seconds=59)
        await tale.mailbox("Adam").is_silent()
        await tale.clock.passes(seconds=1)
        await tale.mailbox("Adam").expects("pump is hot")
        await tale.revives()
        assert tale.phone("Adam").received == [], "he is reached"


async def test_a_call_is_never_made_but_by_call(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"), after(5, call=("Bo",)))) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=5)
        assert tale.ringer("Bo").received == []
        await tale.clock.passes(minutes=5)
        await tale.ringer("Bo").expects("pump is hot")


async def test_who_was_called_may_acknowledge_and_hears_by_sms_who_did(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, call=("Bo", "Eve")))) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=5)
        await tale.phone("Bo").replies(tale.code)
        await tale.phone("Bo").expects("Thank you, Bo")
        await tale.phone("Eve").expects("Acknowledged by Bo")
