"""Keys and clears: one case per condition, what ends it, and news in the wrong order (SPEC, Objects; 5.8)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tale import Tale, after, group, people, policy, settings

TEAM = people("Adam", "Jane", "Bo", "Eve", "Chief") + settings() + group("Team", "Adam", "Jane")
POLICY = TEAM + policy(after(5, "Bo"))
LATCHED = TEAM + policy(after(5, "Bo"), close_on_clear=False)


async def shape(tale: Tale) -> tuple[str, str | None]:
    case = await tale.case()
    return case["state"], case["reason"]


async def test_with_a_key_an_ack_keeps_the_case_until_the_clear(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm(key="pump")
        await tale.phone("Jane").replies(tale.code)
        assert await shape(tale) == ("acknowledged", None)
        await tale.clock.passes(hours=3)
        assert tale.phone("Bo").received == [], "an acknowledged case does not escalate"
        await tale.clears("pump")
        assert await shape(tale) == ("closed", "cleared")


async def test_without_a_key_an_ack_closes(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.phone("Jane").replies(tale.code)
        assert await shape(tale) == ("closed", "acknowledged")


async def test_it_stays_acknowledged_for_a_day_at_most(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm(key="pump")
        await tale.clock.passes(hours=2)
        await tale.phone("Jane").replies(tale.code)
        await tale.clock.passes(hours=23, minutes=59)
        assert await shape(tale) == ("acknowledged", None)
        await tale.clock.passes(minutes=1)
        assert await shape(tale) == ("closed", "acknowledged")
        before = tale.code
        await tale.alarm(key="pump")
        assert tale.code != before, "the next raise is a new case"


async def test_the_same_condition_adds_to_its_case(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm("98 C", key="pump")
        code = tale.code
        await tale.alarm("99 C", key="pump")
        await tale.phone("Jane").replies(code)
        await tale.alarm("100 C", key="pump")
        case = await tale.case()
        assert (tale.code, case["count"], case["last_text"], case["state"]) == (code, 3, "100 C", "acknowledged")
        assert [text.split("\n")[0] for text in tale.phone("Adam").texts][:1] == ["98 C"]
        assert not any("99 C" in text or "100 C" in text for text in tale.phone("Adam").texts)


async def test_without_a_key_each_is_a_case_of_its_own(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        first = tale.code
        await tale.alarm()
        assert tale.code != first


async def test_the_same_report_twice_is_one(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm(id="report-7")
        first = tale.accepted
        await tale.phone("Jane").replies(tale.code)
        await tale.alarm(id="report-7")
        assert tale.accepted.cases == first.cases
        assert tale.accepted.duplicate
        assert len([text for text in tale.phone("Adam").texts if text.startswith("pump")]) == 1


async def test_a_key_belongs_to_its_source(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm(key="pump")
        await tale.clears("pump", source="other plant")
        assert await shape(tale) == ("open", None)


async def test_a_clear_ends_it_from_any_state_and_stops_what_waits(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.dies()
        await tale.alarm(key="pump")
        await tale.clears("pump")
        assert await shape(tale) == ("closed", "cleared")
        await tale.revives()
        await tale.phone("Adam").is_silent()  # he never knew of it
        await tale.clock.passes(hours=1)
        assert tale.phone("Bo").received == []


async def test_a_text_in_flight_at_the_clear_brings_the_news_behind_it(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.hangs()
        await tale.alarm(key="pump")
        await tale.clears("pump")
        await tale.goes_on()
        await tale.phone("Adam").expects("pump is hot", "ACK")
        await tale.phone("Adam").expects("Returned to normal: pump is hot")


async def test_an_ack_after_the_clear_hears_that_it_is_over(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm(key="pump")
        await tale.clears("pump")
        await tale.phone("Jane").replies(tale.code)
        await tale.phone("Jane").expects(f"Returned to normal 12:00 ({tale.code}).")
        assert await shape(tale) == ("closed", "cleared")


async def test_a_raise_after_the_clear_is_a_new_case(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm(key="pump")
        first = tale.code
        await tale.clears("pump")
        await tale.alarm(key="pump")
        assert tale.code != first
        assert await shape(tale) == ("open", None)


async def test_a_clear_ends_the_cases_of_all_audiences(tmp_path: Path) -> None:
    two = TEAM + group("Others", "Eve") + policy(after(5, "Bo"))
    async with Tale(tmp_path, two) as tale:
        await tale.alarm(to=("Team", "Others"), key="pump")
        await tale.clears("pump")
        assert [(await tale.case(index))["reason"] for index in (0, 1)] == ["cleared", "cleared"]


# -- latching ----------------------------------------------------------------------------------------------------


async def test_a_latched_case_stays_open_and_escalates_until_somebody_acknowledges(tmp_path: Path) -> None:
    async with Tale(tmp_path, LATCHED) as tale:
        await tale.alarm(key="pump")
        await tale.clears("pump")
        assert await shape(tale) == ("open", None)
        await tale.clock.passes(minutes=5)
        await tale.phone("Bo").expects("Unacknowledged")
        await tale.phone("Bo").replies(tale.code)
        assert await shape(tale) == ("closed", "cleared")


async def test_a_latched_case_acknowledged_first_is_closed_by_the_clear(tmp_path: Path) -> None:
    async with Tale(tmp_path, LATCHED) as tale:
        await tale.alarm(key="pump")
        await tale.phone("Jane").replies(tale.code)
        assert await shape(tale) == ("acknowledged", None)
        await tale.clears("pump")
        assert await shape(tale) == ("closed", "cleared")


async def test_a_latched_case_nobody_answers_ends_after_its_time(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"), close_on_clear=False, close_after_h=1)) as tale:
        await tale.alarm(key="pump")
        await tale.clears("pump")
        await tale.clock.passes(hours=1)
        assert await shape(tale) == ("closed", "expired")


async def test_one_clear_closes_here_and_latches_there(tmp_path: Path) -> None:
    rules = policy(after(5, "Bo")) + policy(after(5, "Bo"), name="latch", close_on_clear=False)
    async with Tale(tmp_path, TEAM + group("Others", "Eve", policy="latch") + rules) as tale:
        await tale.alarm(to=("Team", "Others"), key="pump")
        await tale.clears("pump")
        assert [(await tale.case(index))["state"] for index in (0, 1)] == ["closed", "open"]


# -- clear before raise ------------------------------------------------------------------------------------------


async def test_a_raise_from_before_a_clear_that_overtook_it_opens_closed(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        raised_at = tale.clock.now()
        await tale.clears("pump", ts=raised_at + timedelta(seconds=5))
        await tale.clock.passes(seconds=59)
        await tale.alarm(key="pump", ts=raised_at)
        assert await shape(tale) == ("closed", "cleared")
        assert await tale.events("AlarmOpenedClosed")
        for name in ("Adam", "Jane"):
            await tale.phone(name).is_silent()


async def test_a_raise_of_the_same_moment_as_its_clear_opens_closed(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        at = tale.clock.now()
        await tale.clears("pump", ts=at)
        await tale.alarm(key="pump", ts=at)
        assert await shape(tale) == ("closed", "cleared")


async def test_a_raise_after_the_clear_counts(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        at = tale.clock.now()
        await tale.clears("pump", ts=at)
        await tale.alarm(key="pump", ts=at + timedelta(milliseconds=1))
        assert await shape(tale) == ("open", None)


async def test_a_raise_without_a_time_counts(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.clears("pump", ts=tale.clock.now() + timedelta(hours=1))
        await tale.alarm(key="pump")
        assert await shape(tale) == ("open", None)


async def test_a_clear_without_a_time_counts_from_its_arrival(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.clears("pump")
        await tale.alarm(key="pump", ts=tale.clock.now() - timedelta(seconds=10))
        assert await shape(tale) == ("closed", "cleared")


async def test_after_a_minute_the_clear_is_forgotten(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        raised_at = tale.clock.now()
        await tale.clears("pump", ts=raised_at)
        await tale.clock.passes(seconds=61)
        await tale.alarm(key="pump", ts=raised_at)
        assert await shape(tale) == ("open", None)


async def test_another_key_or_source_is_not_meant(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        at = tale.clock.now()
        await tale.clears("pump", ts=at, source="other plant")
        await tale.clears("door", ts=at)
        await tale.alarm(key="pump", ts=at)
        assert await shape(tale) == ("open", None)


async def test_the_clear_that_waits_survives_a_restart(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        at = tale.clock.now()
        await tale.clears("pump", ts=at)
        await tale.restart()
        await tale.alarm(key="pump", ts=at)
        assert await shape(tale) == ("closed", "cleared")
