"""Events in an order nobody thought of, and rules that meet (SPEC 5.8 and all of 5)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pipelines import ADMIN
from tale import Tale, after, group, people, policy, settings

from addispatch.domain.alarm import Priority
from addispatch.domain.receipt import InDoubt, Permanent, Temporary

TEAM = people("Adam", "Jane", "Bo", "Eve", "Chief") + settings() + group("Team", "Adam", "Jane")
POLICY = TEAM + policy(after(5, "Bo"), after(15, "Eve"))


def first_lines(tale: Tale, name: str) -> list[str]:
    return [text.split("\n")[0] for text in tale.phone(name).texts]


# -- an ack and the tick at the same moment ----------------------------------------------------------------------


async def test_an_ack_in_the_second_the_level_is_due(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        tale.clock.forward(minutes=5)
        await asyncio.gather(tale.phone("Adam").replies(tale.code), tale.ticks())
        assert (await tale.case())["state"] == "closed"
        asked = [text for text in first_lines(tale, "Bo") if text.startswith("Unacknowledged")]
        heard = [text for text in first_lines(tale, "Bo") if text.startswith("Acknowledged by Adam")]
        assert len(asked) == len(heard) <= 1, "who was asked hears that it is over"
        await tale.clock.passes(hours=1)
        assert tale.phone("Eve").received == []


async def test_a_level_queued_and_not_sent_when_the_ack_comes_is_taken_back(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        tale.dies()
        await tale.clock.passes(minutes=5)
        await tale.phone("Adam").replies(tale.code)
        await tale.revives()
        assert tale.phone("Bo").received == []


async def test_of_two_acks_the_older_is_shown_first(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm(key="pump")
        await tale.phone("Adam").replies(tale.code)
        await tale.clock.passes(minutes=1)
        await tale.phone("Jane").replies(tale.code)
        assert (await tale.case())["acknowledged_by"] == "Adam"


async def test_an_ack_and_a_clear_in_either_order(tmp_path: Path) -> None:
    for number, is_ack_first in enumerate((True, False)):
        folder = tmp_path / str(number)
        folder.mkdir()
        async with Tale(folder, POLICY) as tale:
            await tale.alarm(key="pump")
            if is_ack_first:
                await tale.phone("Adam").replies(tale.code)
            await tale.clears("pump")
            if not is_ack_first:
                await tale.phone("Adam").replies(tale.code)
            assert (await tale.case())["reason"] == "cleared"


async def test_no_then_yes_and_yes_then_no_by_two_people(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.phone("Adam").replies(f"no {tale.code}")
        await tale.phone("Jane").replies(tale.code)
        assert (await tale.case())["acknowledged_by"] == "Jane"
        await tale.phone("Adam").replies(f"no {tale.code}")
        assert (await tale.case())["state"] == "closed"
        await tale.ticks()
        assert tale.phone("Bo").received == []


# -- a level that fails while others wait ------------------------------------------------------------------------


async def test_a_level_that_fails_after_the_next_was_told_moves_nothing(tmp_path: Path) -> None:
    """Level 0 fails for good when level 1 is being asked already: level 2 waits its time."""
    async with Tale(tmp_path, POLICY) as tale:
        tale.answers_next(*[Temporary("busy", retry_after_s=450)] * 2)
        await tale.alarm()
        await tale.clock.passes(minutes=7)
        assert first_lines(tale, "Bo") == ["Unacknowledged for 7 min: pump is hot"]
        tale.answers_next(Permanent("no such number"), Permanent("no such number"))
        await tale.clock.passes(minutes=1)
        assert {one["state"] for one in (await tale.case())["deliveries"] if one["recipient"] == "Adam"} == {"failed"}
        await tale.clock.passes(minutes=13, seconds=59)
        assert tale.phone("Eve").received == []
        await tale.clock.passes(seconds=1)
        assert len(tale.phone("Eve").received) == 1


async def test_all_of_the_chain_unreachable_ends_in_one_go_with_the_severe_alert(tmp_path: Path) -> None:
    ghosts = '[[recipient]]\nname = "Ghost"\n[[recipient]]\nname = "Spook"\n'
    chain = (
        people("Chief") + settings() + ghosts + group("Team", "Ghost") + policy(after(5, "Spook"), after(5, "Ghost"))
    )
    async with Tale(tmp_path, chain) as tale:
        await tale.alarm()
        await tale.ticks()
        assert len(await tale.events("ChainEnded")) == 1
        await tale.phone("Chief").expects("Nobody acknowledged")
        assert (await tale.case())["state"] == "open"


async def test_a_system_alert_never_escalates_itself(tmp_path: Path) -> None:
    own = people("Adam") + people("Bo") + people("Chief", policy="usual") + settings() + group("Team", "Adam")
    async with Tale(tmp_path, own + policy(after(5, "Bo"))) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=10)
        await tale.phone("Chief").expects("Nobody acknowledged")
        before = len(tale.phone("Bo").received)
        await tale.clock.passes(hours=10)
        assert len(tale.phone("Bo").received) == before


async def test_nobody_to_alert_is_no_reason_to_stop(tmp_path: Path) -> None:
    no_chief = people("Adam", "Bo") + group("Team", "Adam") + policy(after(5, "Bo"), repeat=1)
    async with Tale(tmp_path, no_chief) as tale:
        await tale.alarm()
        await tale.clock.passes(hours=1)
        assert len(tale.phone("Bo").received) == 2
        assert await tale.events("ChainEnded")


# -- doubt -------------------------------------------------------------------------------------------------------


async def test_a_text_in_doubt_is_repeated_once_and_starts_the_clock_when_it_is_out(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"), after(15, "Eve"))) as tale:
        tale.answers_next(InDoubt("no answer"), InDoubt("no answer"))
        await tale.alarm()
        await tale.ticks()
        assert first_lines(tale, "Adam") == ["(repeat) pump is hot"]
        await tale.clock.passes(minutes=5)
        assert len(tale.phone("Bo").received) == 1


async def test_who_is_in_doubt_may_acknowledge_and_the_repeat_is_spared(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.hangs()
        tale.answers_next(InDoubt("no answer"), InDoubt("no answer"))
        await tale.alarm()
        await tale.phone("Adam").replies(tale.code)
        await tale.goes_on()
        await tale.clock.passes(minutes=1)
        assert not [text for text in first_lines(tale, "Adam") if "pump is hot" in text and "repeat" in text]


# -- one person, several roles -----------------------------------------------------------------------------------


async def test_the_group_and_the_person_himself(tmp_path: Path) -> None:
    own = people("Adam", policy="usual") + people("Jane", "Bo", "Chief") + settings() + group("Team", "Adam", "Jane")
    async with Tale(tmp_path, own + policy(after(5, "Bo"))) as tale:
        await tale.alarm(to=("Team", "Adam"))
        assert len(tale.phone("Adam").received) == 1
        await tale.phone("Adam").replies(tale.code)
        assert [(await tale.case(index))["state"] for index in (0, 1)] == ["closed", "closed"]


async def test_two_routes_to_one_group_are_one_case(tmp_path: Path) -> None:
    routes = "".join(f'[[route]]\nname = "r{n}"\nto = ["Team"]\ncontinue = true\n' for n in (1, 2))
    async with Tale(tmp_path, POLICY + routes) as tale:
        await tale.alarm(to=())
        assert len(tale.accepted.cases) == 1
        assert len(tale.phone("Adam").received) == 1


async def test_somebody_of_the_team_who_is_also_the_next_level(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, "Adam", "Bo"))) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=5)
        assert first_lines(tale, "Adam") == ["pump is hot", "Unacknowledged for 5 min: pump is hot"]
        await tale.phone("Jane").replies(tale.code)
        assert len([text for text in first_lines(tale, "Adam") if text.startswith("Acknowledged")]) == 1


async def test_the_chief_as_last_level_gets_both_the_level_and_the_alert(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, "Chief"))) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=10)
        await tale.phone("Chief").expects("Unacknowledged for 5 min")
        await tale.phone("Chief").expects("Nobody acknowledged")
        await tale.phone("Chief").replies(tale.code)
        assert (await tale.case())["acknowledged_by"] == "Chief"


async def test_people_added_to_the_team_later_are_not_reminded_of_what_they_never_got(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, resend=True))) as tale:
        await tale.alarm()
        await tale.restart(TEAM.replace('["Adam", "Jane"]', '["Adam", "Jane", "Bo"]') + policy(after(5, resend=True)))
        await tale.clock.passes(minutes=5)
        assert len(tale.phone("Adam").received) == 2
        assert tale.phone("Bo").received == []


async def test_a_member_disabled_since_is_not_reminded(tmp_path: Path) -> None:
    off = people("Adam", enabled=False) + people("Jane", "Bo", "Eve", "Chief") + settings()
    again = group("Team", "Adam", "Jane") + policy(after(5, resend=True))
    async with Tale(tmp_path, TEAM + policy(after(5, resend=True))) as tale:
        await tale.alarm()
        await tale.restart(off + again)
        await tale.clock.passes(minutes=5)
        assert (len(tale.phone("Adam").received), len(tale.phone("Jane").received)) == (1, 2)


async def test_whose_number_changed_is_told_at_the_new_one(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"))) as tale:
        await tale.alarm()
        await tale.restart(TEAM.replace("82345678", "82345679") + policy(after(5, "Bo")))
        await tale.clock.passes(minutes=5)
        await tale.pocket("sms", "+6582345679").expects("Unacknowledged")


# -- many at once ------------------------------------------------------------------------------------------------


async def test_a_hundred_alarms_at_once_each_escalate_and_each_is_acknowledged(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"))) as tale:
        codes = []
        for number in range(100):
            await tale.alarm(f"alarm {number}")
            codes.append(tale.code)
        await tale.clock.passes(minutes=5)
        assert len(tale.phone("Bo").received) == 100
        await tale.phone("Bo").replies("ack all, done")
        found = (await tale.operations.cases(ADMIN, state="open", limit=500))["cases"]
        assert [case for case in found if case["code"]] == []
        await tale.clock.passes(hours=1)
        assert tale.phone("Chief").received == []


async def test_a_case_whose_step_fails_stops_no_other(tmp_path: Path) -> None:
    """A policy that makes no sense in one row of the ledger: told, tried again, and the others go on."""
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"))) as tale:
        await tale.alarm("broken one")
        await tale.spoils_policy('{"levels": [{"after_minutes": "x", "resend": true}]}')
        await tale.alarm("good one")
        await tale.clock.passes(minutes=6)
        await tale.phone("Bo").expects("good one")
        assert await tale.events("StepFailed")


async def test_two_ticks_at_once_tell_a_level_once(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        tale.clock.forward(minutes=5)
        await asyncio.gather(*(tale.node.escalator.look() for _ in range(5)))
        await tale.quiet()
        assert len(tale.phone("Bo").received) == 1


# -- priorities and queues ---------------------------------------------------------------------------------------


async def test_a_critical_alarm_passes_reminders_that_wait(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"))) as tale:
        tale.channel("sms").window = 1
        tale.hangs()
        await tale.alarm("first", to="Adam")
        for number in range(3):
            await tale.alarm(f"door {number}", to="Adam")
        await tale.alarm("GAS", to="Adam", priority=Priority.CRITICAL)
        await tale.goes_on()
        assert first_lines(tale, "Adam")[:2] == ["first", "GAS"]


async def test_answers_wait_behind_alarms(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm("pump is hot")
        tale.channel("sms").window = 1
        tale.dies()
        await tale.phone("Adam").replies(tale.code)
        await tale.alarm("door is open", to="Adam")
        tale.channel("sms").window = 1
        tale.node.window_changed()
        await tale.quiet()
        assert first_lines(tale, "Adam")[1:] == ["door is open", f"Thank you, Adam. {tale_code(tale)} is acknowledged."]


def tale_code(tale: Tale) -> str:
    return next(d.code for d in tale.phone("Adam").received if d.text.startswith("pump"))


@pytest.mark.parametrize("way", ["restart", "crash"])
async def test_an_interrupted_story_goes_on_where_it_was(tmp_path: Path, way: str) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm(key="pump")
        for name, minutes in (("Bo", 5), ("Eve", 15)):
            await getattr(tale, way)()
            await tale.clock.passes(minutes=minutes)
            await getattr(tale, way)()
            assert len(tale.phone(name).received) == 1
        await tale.phone("Eve").replies(f"{tale.code} on it")
        await getattr(tale, way)()
        assert (await tale.case())["state"] == "acknowledged"
        await tale.clears("pump")
        await getattr(tale, way)()
        for name in ("Adam", "Jane", "Bo"):
            lines = first_lines(tale, name)
            assert len([line for line in lines if line.startswith("Acknowledged by Eve: on it")]) == 1
            assert len([line for line in lines if line.startswith("Returned to normal")]) == 1
