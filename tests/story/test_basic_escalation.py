"""Basic escalation, told as the manual would: one acknowledges for all, until then the next level is told (SPEC 5.1)."""

from __future__ import annotations

from pathlib import Path

from pipelines import ADMIN
from tale import Tale, after, group, people, policy, settings

from addispatch.domain.receipt import InDoubt, Permanent, Temporary

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


# -- the clock of a level ----------------------------------------------------------------------------------------


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


# -- levels that reach nobody ------------------------------------------------------------------------------------


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


# -- who declines ------------------------------------------------------------------------------------------------


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
