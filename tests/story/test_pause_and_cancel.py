"""Emergency pause, and deleting what waits (SPEC 4), where they meet escalation and acknowledging."""

from __future__ import annotations

from pathlib import Path

import pytest
from pipelines import ADMIN
from tale import Tale, after, group, people, policy, settings

from addispatch.domain.errors import Refused
from addispatch.domain.receipt import InDoubt, Temporary

TEAM = people("Adam", "Jane", "Bo", "Eve", "Chief") + settings() + group("Team", "Adam", "Jane")
POLICY = TEAM + policy(after(5, "Bo"), after(15, "Eve"))


async def told(tale: Tale, name: str) -> list[str]:
    return [text.split("\n")[0] for text in tale.phone(name).texts]


async def not_before(tale: Tale, name: str, *, minutes: float) -> None:
    await tale.clock.passes(minutes=minutes, seconds=-1)
    await tale.phone(name).is_silent()
    await tale.clock.passes(seconds=1)
    await tale.phone(name).expects("Unacknowledged")


# -- pause -------------------------------------------------------------------------------------------------------


async def test_nothing_leaves_alarms_are_taken_and_all_goes_out_at_the_resume(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        assert (await tale.operations.pause(ADMIN))["changed"]
        await tale.alarm()
        await tale.clock.passes(hours=1)
        assert await told(tale, "Adam") == []
        assert (await tale.case())["state"] == "open"
        await tale.operations.resume(ADMIN)
        await tale.ticks()
        assert await told(tale, "Adam") == ["pump is hot"]
        assert await tale.events("Paused")
        assert await tale.events("Resumed")


async def test_the_clock_of_a_level_stands_still_meanwhile(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=2)
        await tale.operations.pause(ADMIN)
        await tale.clock.passes(hours=3)
        assert tale.phone("Bo").received == []
        await tale.operations.resume(ADMIN)
        await not_before(tale, "Bo", minutes=3)
        await not_before(tale, "Eve", minutes=15)


async def test_an_alarm_of_a_pause_has_its_whole_wait_behind_it(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.operations.pause(ADMIN)
        await tale.clock.passes(hours=1)
        await tale.alarm()
        await tale.clock.passes(hours=1)
        await tale.operations.resume(ADMIN)
        await tale.ticks()
        await tale.phone("Adam").expects("pump is hot")
        await not_before(tale, "Bo", minutes=5)


async def test_an_ack_counts_at_once_and_its_answer_waits(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.operations.pause(ADMIN)
        await tale.phone("Jane").replies(f"{tale.code} coming")
        assert (await tale.case())["state"] == "closed"
        assert await told(tale, "Jane") == ["pump is hot"]
        await tale.operations.resume(ADMIN)
        await tale.ticks()
        await tale.phone("Jane").expects("Thank you, Jane")
        await tale.phone("Adam").expects("Acknowledged by Jane: coming")
        await tale.clock.passes(hours=1)
        assert tale.phone("Bo").received == []


async def test_when_all_decline_in_a_pause_the_next_level_waits_for_its_end(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.operations.pause(ADMIN)
        for name in ("Adam", "Jane"):
            await tale.phone(name).replies(f"no {tale.code}")
        await tale.clock.passes(hours=1)
        assert tale.phone("Bo").received == []
        await tale.operations.resume(ADMIN)
        await tale.ticks()
        await tale.phone("Bo").expects("Unacknowledged")


async def test_a_text_under_way_at_the_pause_ends_and_starts_its_clock(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.hangs()
        await tale.alarm()
        await tale.operations.pause(ADMIN)
        await tale.clock.passes(seconds=20)
        await tale.goes_on()
        assert await told(tale, "Adam") == ["pump is hot"], "it was under way"
        await tale.clock.passes(hours=1)
        await tale.operations.resume(ADMIN)
        await not_before(tale, "Bo", minutes=5)


async def test_a_retry_waits_for_the_resume(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.answers_next(Temporary("busy", retry_after_s=60), Temporary("busy", retry_after_s=60))
        await tale.alarm()
        await tale.operations.pause(ADMIN)
        await tale.clock.passes(hours=1)
        assert await told(tale, "Adam") == []
        await tale.operations.resume(ADMIN)
        await tale.clock.passes(seconds=60)
        assert await told(tale, "Adam") == ["pump is hot"]


async def test_a_pause_survives_a_restart_and_its_time_counts(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=2)
        await tale.operations.pause(ADMIN)
        await tale.restart()
        async with tale.down():
            tale.clock.forward(hours=2)
        await tale.clock.passes(hours=1)
        assert tale.phone("Bo").received == []
        await tale.operations.resume(ADMIN)
        await not_before(tale, "Bo", minutes=3)


async def test_a_crash_within_a_pause_sends_nothing(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.hangs()
        await tale.alarm()
        await tale.operations.pause(ADMIN)
        await tale.crash()
        await tale.clock.passes(hours=1)
        assert await told(tale, "Adam") == []
        await tale.operations.resume(ADMIN)
        await tale.ticks()
        assert await told(tale, "Adam") == ["(repeat) pump is hot"]


@pytest.mark.parametrize("step_s", [-3600, 3600])
async def test_a_clock_set_within_a_pause_makes_no_level_early_or_late(tmp_path: Path, step_s: int) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=1)
        await tale.operations.pause(ADMIN)
        await tale.clock.passes(minutes=2)
        tale.clock.step(step_s)
        await tale.clock.passes(minutes=2)
        await tale.operations.resume(ADMIN)
        await not_before(tale, "Bo", minutes=4)


async def test_two_pauses_add_up_and_a_second_pause_changes_nothing(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        for _ in range(2):
            await tale.clock.passes(minutes=1)
            await tale.operations.pause(ADMIN)
            assert not (await tale.operations.pause(ADMIN))["changed"]
            await tale.clock.passes(minutes=30)
            await tale.operations.resume(ADMIN)
            assert not (await tale.operations.resume(ADMIN))["changed"]
        await not_before(tale, "Bo", minutes=3)


async def test_a_clear_within_a_pause_ends_it_unheard(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.operations.pause(ADMIN)
        await tale.alarm(key="pump")
        await tale.clears("pump")
        await tale.operations.resume(ADMIN)
        await tale.ticks()
        assert await told(tale, "Adam") == []
        assert (await tale.case())["reason"] == "cleared"


async def test_resume_with_discard_sends_nothing_of_what_waited(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm("told before")
        before = tale.accepted
        await tale.operations.pause(ADMIN)
        await tale.alarm("only in the pause")
        answer = await tale.operations.resume(ADMIN, discard=True)
        await tale.ticks()
        assert answer["cancelled"] == 2
        assert await told(tale, "Adam") == ["told before"]
        assert (await tale.case())["reason"] == "cancelled"
        tale.accepted = before
        assert (await tale.case())["state"] == "open"
        await not_before(tale, "Bo", minutes=5)


# -- delete pending ----------------------------------------------------------------------------------------------


async def test_a_case_of_which_nobody_knows_closes_as_cancelled(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.dies()
        await tale.alarm()
        assert (await tale.operations.cancel_pending(ADMIN))["cancelled"] == 2
        case = await tale.case()
        assert (case["state"], case["reason"]) == ("closed", "cancelled")
        assert {one["state"] for one in case["deliveries"]} == {"cancelled"}
        assert all("cancelled by test" in one["error"] for one in case["deliveries"])
        await tale.revives()
        await tale.clock.passes(hours=1)
        for name in ("Adam", "Jane", "Bo"):
            assert tale.phone(name).received == []


async def test_a_case_somebody_knows_of_goes_on_escalating(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.answers_next(Temporary("busy", retry_after_s=600))
        await tale.alarm()
        await tale.operations.cancel_pending(ADMIN)
        assert (await tale.case())["state"] == "open"
        await tale.clock.passes(minutes=5)
        await tale.phone("Bo").expects("Unacknowledged")


async def test_what_is_in_flight_is_left_alone_and_counts_as_contact(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.channel("sms").window = 1
        tale.hangs()
        await tale.alarm()
        assert (await tale.operations.cancel_pending(ADMIN))["cancelled"] == 1
        assert (await tale.case())["state"] == "open"
        await tale.goes_on()
        assert await told(tale, "Adam") == ["pump is hot"]
        assert await told(tale, "Jane") == []


async def test_what_is_in_doubt_counts_as_contact(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY, more='[dispatch.in_doubt]\nhigh = "hold"\n') as tale:
        tale.channel("sms").window = 1
        tale.answers_next(InDoubt("no answer"))
        await tale.alarm()
        tale.dies()
        await tale.operations.cancel_pending(ADMIN)
        assert (await tale.case())["state"] == "open"


async def test_a_late_reply_to_a_cancelled_case_is_no_ack(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.dies()
        await tale.alarm()
        await tale.operations.cancel_pending(ADMIN)
        await tale.revives()
        await tale.phone("Adam").replies(tale.code)
        assert (await tale.case())["reason"] == "cancelled"


async def test_who_did_it_is_on_record(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.dies()
        await tale.alarm()
        await tale.operations.cancel_pending(ADMIN)
        await tale.quiet()
        assert any("test" in text and "2 message(s)" in text for text in await tale.events("Audit"))
        assert any("cancelled by test" in text for text in await tale.events("CaseClosed"))


async def test_cancelling_twice_finds_nothing_more(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.dies()
        for number in range(200):
            await tale.alarm(f"alarm {number}")
        assert (await tale.operations.cancel_pending(ADMIN))["cancelled"] == 400
        assert (await tale.operations.cancel_pending(ADMIN))["cancelled"] == 0


# -- closing -----------------------------------------------------------------------------------------------------


async def test_an_operator_closes_a_case_and_who_knows_of_it_is_told(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.phone("Adam").expects("pump is hot")
        done = await tale.operations.close(ADMIN, {"codes": [tale.code.lower()], "comment": "false alarm"})
        assert [case["result"] for case in done["cases"]] == ["closed"]
        await tale.quiet()
        await tale.phone("Adam").expects("Closed by test: false alarm", tale.code)
        case = await tale.case()
        assert (case["state"], case["reason"]) == ("closed", "operator")
        await tale.clock.passes(hours=1)
        assert tale.phone("Bo").received == []
        again = await tale.operations.close(ADMIN, {"codes": [tale.code]})
        assert [case["result"] for case in again["cases"]] == ["already"]
        await tale.phone("Adam").is_silent()


async def test_what_is_not_known_closes_nothing(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        for request, field in (
            ({"codes": [tale.code, "Q999"]}, "codes"), ({}, "codes"), ({"case": "x"}, "case"), ({"code": "A1"}, "code"),
            ({"codes": [tale.code], "case": "x"}, "codes"), ({"codes": [tale.code], "comment": 7}, "comment"),
        ):  # fmt: skip
            with pytest.raises(Refused) as refused:
                await tale.operations.close(ADMIN, request)
            assert refused.value.field == field, request
        assert (await tale.case())["state"] == "open"


async def test_cancelling_what_waits_and_closing_all_cases_leaves_nothing_open(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm("known")
        tale.dies()
        await tale.alarm("unknown")
        done = await tale.operations.cancel_pending(ADMIN, close_cases=True)
        assert done == {"cancelled": 2, "closed": 1}, "the other one closed by itself: nobody knew of it"
        assert (await tale.operations.cases(ADMIN, state="open"))["cases"] == []
        await tale.revives()
        await tale.phone("Adam").expects("known")
        await tale.phone("Adam").expects("Closed by test")
        await tale.phone("Adam").is_silent()
