"""Basic escalation, told as the manual would: one acknowledges for all, until then the next level is told (SPEC 5.1)."""

from __future__ import annotations

from pathlib import Path

from pipelines import ADMIN
from tale import Tale, after, group, people, policy, settings

EVERYBODY = people("Adam", "Jane", "Bo", "Eve", "Chief") + settings()
TEAM = EVERYBODY + group("Team", "Adam", "Jane") + group("Second line", "Bo", "Eve", policy="")
POLICY = TEAM + policy(after(5, "Second line"), after(15, call=("Chief",)))
NAMES = ("Adam", "Jane", "Bo", "Eve", "Chief")


async def everybody_is_silent(tale: Tale, *names: str) -> None:
    for name in names or NAMES:
        await tale.phone(name).is_silent()


async def test_one_acknowledges_for_all_and_everybody_is_told(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm("pump is hot")
        text = await tale.phone("Adam").expects("pump is hot", f"ACK: Reply {tale.code} + msg")
        assert text == f"pump is hot\nACK: Reply {tale.code} + msg"
        await tale.phone("Jane").expects("pump is hot")
        await tale.phone("Jane").replies(f"{tale.code} on my way")
        await tale.phone("Jane").expects(f"Thank you, Jane. {tale.code} is acknowledged.")
        await tale.phone("Adam").expects(f"Acknowledged by Jane: on my way ({tale.code} pump is hot)")
        case = await tale.case()
        assert (case["state"], case["reason"], case["acknowledged_by"]) == ("closed", "acknowledged", "Jane")
        await tale.clock.passes(hours=2)
        for name in ("Adam", "Jane", "Bo", "Chief"):
            await tale.phone(name).is_silent()


async def test_nobody_answers_so_each_level_is_told_in_its_time(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm("pump is hot")
        await tale.clock.passes(minutes=4, seconds=59)
        await tale.phone("Bo").is_silent()
        await tale.clock.passes(seconds=1)
        await tale.phone("Bo").expects("Unacknowledged for 5 min: pump is hot", tale.code)
        await tale.phone("Eve").expects("pump is hot")
        await tale.clock.passes(minutes=15)
        await tale.ringer("Chief").expects("")
        assert (await tale.case())["level"] == 2
        await tale.clock.passes(minutes=15)
        await tale.phone("Chief").expects(f"Nobody acknowledged {tale.code} for Team")
        assert await tale.events("ChainEnded")
        case = await tale.case()
        assert case["state"] == "open", "it stays open until somebody acts"
        listed = (await tale.operations.deliveries(ADMIN, limit=100))["deliveries"]
        assert {one["code"] for one in listed} == {tale.code, None}, "None: the system alert's"
        assert (case["level"], case["round"]) == (2, 0), "the last level that was reached"
        await tale.clock.passes(hours=10)
        await tale.phone("Bo").is_silent()


async def test_an_acknowledgement_at_a_later_level_ends_it_and_all_levels_are_told(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=5)
        await tale.phone("Eve").replies(f"{tale.code} mine")
        for name in ("Adam", "Jane"):
            await tale.phone(name).expects("pump is hot", "ACK")
        await tale.phone("Bo").expects("Unacknowledged")
        for name in ("Adam", "Jane", "Bo"):
            await tale.phone(name).expects("Acknowledged by Eve: mine")
        await tale.clock.passes(hours=1)
        await everybody_is_silent(tale, "Adam", "Jane", "Bo", "Chief")
        assert tale.ringer("Chief").received == []


async def test_ten_levels_each_from_the_one_before(tmp_path: Path) -> None:
    ladder = policy(*(after(minutes, "Bo") for minutes in range(1, 11)))
    async with Tale(tmp_path, TEAM + ladder) as tale:
        await tale.alarm()
        for level in range(1, 11):
            await tale.clock.passes(minutes=level, seconds=-1)
            await tale.phone("Bo").is_silent()
            await tale.clock.passes(seconds=1)
            await tale.phone("Bo").expects("Unacknowledged")
            assert (await tale.case())["level"] == level
        await tale.clock.passes(minutes=9, seconds=59)
        await tale.phone("Chief").is_silent()
        await tale.clock.passes(seconds=1)
        await tale.phone("Chief").expects("Nobody acknowledged")


async def test_an_eleventh_level_is_refused_with_its_place(tmp_path: Path) -> None:
    ladder = policy(*(after(1, "Bo") for _ in range(11)))
    async with Tale(tmp_path, TEAM + ladder) as tale:
        (problem,) = await tale.events("ProvisioningFailed")
        assert "level" in problem
        assert "10" in problem


async def test_a_blank_level_before_a_filled_one_is_a_configuration_error(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5), after(15, "Bo"))) as tale:
        (problem,) = await tale.events("ProvisioningFailed")
        assert "level 1 tells nobody, but a later one does" in problem


async def test_an_empty_last_level_ends_the_chain(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"), after(30))) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=5)
        await tale.phone("Bo").expects("Unacknowledged")
        await tale.clock.passes(minutes=5)
        await tale.phone("Chief").expects("Nobody acknowledged")


async def test_a_policy_without_levels_waits_five_minutes_and_tells_the_chief(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy()) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=4, seconds=59)
        await tale.phone("Chief").is_silent()
        await tale.clock.passes(seconds=1)
        await tale.phone("Chief").expects("Nobody acknowledged")


async def test_the_waits_are_five_then_fifteen_minutes_unless_said(tmp_path: Path) -> None:
    levels = '[[policy.level]]\nto = ["Bo"]\n[[policy.level]]\nto = ["Eve"]\n'
    async with Tale(tmp_path, TEAM + policy(levels)) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=5)
        await tale.phone("Bo").expects("Unacknowledged for 5 min")
        await tale.clock.passes(minutes=14, seconds=59)
        await tale.phone("Eve").is_silent()
        await tale.clock.passes(seconds=1)
        await tale.phone("Eve").expects("Unacknowledged for 20 min")


async def test_the_same_recipients_again_and_no_others(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, resend=True), after(15, "Bo"))) as tale:
        await tale.alarm()
        for name in ("Adam", "Jane"):
            await tale.phone(name).expects("pump is hot")
        await tale.clock.passes(minutes=5)
        for name in ("Adam", "Jane"):
            await tale.phone(name).expects("Unacknowledged for 5 min: pump is hot", tale.code)
        await everybody_is_silent(tale)


async def test_the_chain_repeats_from_the_first_recipients_then_a_severe_alert(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"), after(10, "Eve"), repeat=2)) as tale:
        await tale.alarm()
        await tale.phone("Adam").expects("pump is hot")
        for _ in range(3):
            await tale.clock.passes(minutes=5)
            await tale.phone("Bo").expects("Unacknowledged")
            await tale.clock.passes(minutes=10)
            await tale.phone("Eve").expects("Unacknowledged")
            await tale.phone("Adam").is_silent()
            assert tale.phone("Chief").received == []
            await tale.clock.passes(minutes=10)
            if tale.phone("Chief").received == []:
                await tale.phone("Adam").expects("Unacknowledged")
        await tale.phone("Chief").expects("Nobody acknowledged", "4 told")
        await tale.clock.passes(hours=20)
        await everybody_is_silent(tale, "Adam", "Bo", "Eve", "Chief")


async def test_after_the_severe_alert_an_acknowledgement_still_counts(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.clock.passes(hours=3)
        await tale.phone("Adam").replies(tale.code)
        await tale.phone("Adam").expects("Thank you, Adam")
        assert (await tale.case())["state"] == "closed"


async def test_a_case_nobody_answers_ends_by_itself_after_its_time(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"), close_after_h=10)) as tale:
        await tale.alarm()
        await tale.clock.passes(hours=9, minutes=59)
        assert (await tale.case())["state"] == "open"
        await tale.clock.passes(minutes=1)
        case = await tale.case()
        assert (case["state"], case["reason"]) == ("closed", "expired")
        assert any("nobody acknowledged" in text for text in await tale.events("CaseClosed"))


async def test_seventy_two_hours_unless_said(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.clock.passes(hours=71, minutes=59)
        assert (await tale.case())["state"] == "open"
        await tale.clock.passes(minutes=1)
        assert (await tale.case())["reason"] == "expired"


# -- whose policy ------------------------------------------------------------------------------------------------


async def test_a_recipients_policy_counts_when_he_is_addressed_himself(tmp_path: Path) -> None:
    own = people("Adam", policy="usual") + people("Jane", "Bo", "Chief") + settings()
    async with Tale(tmp_path, own + group("Team", "Adam", "Jane", policy="") + policy(after(5, "Bo"))) as tale:
        await tale.alarm("for all")
        assert await tale.phone("Adam").expects("for all") == "for all", "the group has no policy: no code"
        await tale.alarm("for Adam", to="Adam")
        await tale.phone("Adam").expects("for Adam", f"Reply {tale.code}")
        await tale.clock.passes(minutes=5)
        await tale.phone("Bo").expects("for Adam")


async def test_a_group_reached_as_a_level_brings_no_policy(tmp_path: Path) -> None:
    strict = EVERYBODY + group("Team", "Adam") + group("Second line", "Bo", policy="strict")
    both = policy(after(5, "Second line")) + policy(after(1, "Eve"), name="strict")
    async with Tale(tmp_path, strict + both) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=5)
        await tale.phone("Bo").expects("Unacknowledged")
        await tale.clock.passes(minutes=2)
        await tale.phone("Eve").is_silent()


async def test_overlapping_targets_of_one_level_are_told_once(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, "Second line", "Bo", "Eve"))) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=5)
        for name in ("Bo", "Eve"):
            await tale.phone(name).expects("Unacknowledged")
            await tale.phone(name).is_silent()
