"""The options of a policy, each on, off and changed (SPEC 5.5)."""

from __future__ import annotations

from pathlib import Path

from pipelines import ADMIN
from tale import Tale, after, group, people, policy, settings

from addispatch.domain.alarm import Priority, QueueClass
from addispatch.domain.receipt import Temporary

EVERYBODY = people("Adam", "Jane", "Bo", "Chief") + settings()
TEAM = EVERYBODY + group("Team", "Adam", "Jane")
MAILED = people("Adam", "Jane", "Bo", "Chief", email=True) + settings() + group("Team", "Adam", "Jane")
LEVEL = after(5, "Bo")


async def state_of(tale: Tale, text: str) -> str:
    found = (await tale.operations.cases(ADMIN, limit=100))["cases"]
    return next(case["state"] for case in found if case["text"] == text)


# -- footnote ----------------------------------------------------------------------------------------------------


async def test_another_footnote(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(LEVEL, footnote="Antworte {CODE}")) as tale:
        await tale.alarm()
        assert await tale.phone("Adam").expects("pump") == f"pump is hot\nAntworte {tale.code}"


async def test_no_footnote_and_a_bare_ok_still_counts(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(LEVEL, footnote="")) as tale:
        await tale.alarm()
        assert await tale.phone("Adam").expects("pump") == "pump is hot"
        await tale.phone("Adam").replies("ok")
        assert (await tale.case())["state"] == "closed"


async def test_a_long_text_is_cut_so_that_the_footnote_stays_whole(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(LEVEL), more="[limits]\nmax_segments = 1\n") as tale:
        await tale.alarm("pump " * 100)
        text = await tale.phone("Adam").expects("pump")
        assert text.endswith(f"...\nACK: Reply {tale.code} + msg")
        assert len(text) <= 160
        await tale.clock.passes(minutes=5)
        again = await tale.phone("Bo").expects("Unacknowledged for 5 min: pump")
        assert again.endswith(f"ACK: Reply {tale.code} + msg")
        assert len(again) <= 160


async def test_a_policy_that_changes_leaves_the_footnote_of_a_running_case(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(LEVEL, footnote="old {CODE}")) as tale:
        await tale.alarm()
        await tale.restart(TEAM + policy(LEVEL, footnote="new {CODE}"))
        await tale.clock.passes(minutes=5)
        await tale.phone("Bo").expects(f"old {tale.code}")


# -- after an acknowledgement ------------------------------------------------------------------------------------


async def test_what_waits_is_cancelled_by_an_ack(tmp_path: Path) -> None:
    async with Tale(tmp_path, MAILED + policy(LEVEL)) as tale:
        tale.dies("email")
        await tale.alarm()
        await tale.phone("Adam").replies(tale.code)
        await tale.revives("email")
        for name in ("Adam", "Jane"):
            assert tale.mailbox(name).received == []
        states = [
            (one["channel"], one["state"]) for one in (await tale.case())["deliveries"] if one["channel"] == "email"
        ]
        assert states == [("email", "cancelled")] * 2
        assert await state_of(tale, "pump is hot") == "closed"


async def test_only_that_cases_messages_are_cancelled(tmp_path: Path) -> None:
    async with Tale(tmp_path, MAILED + policy(LEVEL)) as tale:
        tale.dies("email")
        await tale.alarm("door is open")
        await tale.alarm("pump is hot")
        await tale.phone("Adam").replies(tale.code)
        await tale.revives("email")
        assert [text.split("\n")[0] for text in tale.mailbox("Jane").texts] == ["door is open"]


async def test_what_waits_goes_out_marked_where_the_policy_says_so(tmp_path: Path) -> None:
    async with Tale(tmp_path, MAILED + policy(LEVEL, continue_unsent=True)) as tale:
        tale.dies("email")
        await tale.alarm()
        await tale.phone("Adam").replies(tale.code)
        await tale.revives("email")
        for name in ("Adam", "Jane"):
            assert await tale.mailbox(name).expects("pump is hot (") == "pump is hot (acknowledged by Adam 12:00)"
            assert tale.mailbox(name).last.token == "", "nothing to answer any more"


async def test_what_goes_out_marked_after_a_retry_is_marked_too(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(LEVEL, continue_unsent=True)) as tale:
        tale.channel("sms").window = 1
        tale.answers_next(Temporary("busy", retry_after_s=30))
        await tale.alarm()
        await tale.phone("Jane").replies(tale.code)
        tale.answers_next(Temporary("busy", retry_after_s=30))
        await tale.clock.passes(minutes=2)
        text = await tale.phone("Adam").expects("(acknowledged by Jane 12:00)")
        assert text == "pump is hot (acknowledged by Jane 12:00)"


async def test_continue_unsent_escalates_no_further(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(LEVEL, continue_unsent=True)) as tale:
        await tale.alarm()
        await tale.phone("Adam").replies(tale.code)
        await tale.clock.passes(hours=1)
        assert tale.phone("Bo").received == []


async def test_continue_unsent_says_nothing_after_a_clear(tmp_path: Path) -> None:
    async with Tale(tmp_path, MAILED + policy(LEVEL, continue_unsent=True)) as tale:
        tale.dies("email")
        await tale.alarm(key="pump")
        await tale.clears("pump")
        await tale.revives("email")
        assert not [text for text in tale.mailbox("Adam").texts if text.startswith("pump is hot")]


# -- one for all -------------------------------------------------------------------------------------------------


async def test_acking_any_acks_all_of_his_and_none_of_others(tmp_path: Path) -> None:
    both = TEAM + group("Others", "Bo") + policy(LEVEL, ack_any_acks_all=True)
    async with Tale(tmp_path, both) as tale:
        await tale.alarm("one")
        await tale.alarm("two")
        await tale.alarm("not his", to="Others")
        await tale.alarm("three")
        await tale.phone("Adam").replies(tale.code)
        assert [await state_of(tale, text) for text in ("one", "two", "three", "not his")] == [*["closed"] * 3, "open"]


async def test_unless_it_is_off(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(LEVEL)) as tale:
        await tale.alarm("one")
        await tale.alarm("two")
        await tale.phone("Adam").replies(tale.code)
        assert [await state_of(tale, text) for text in ("one", "two")] == ["open", "closed"]


async def test_declining_any_declines_only_that(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(LEVEL, ack_any_acks_all=True)) as tale:
        await tale.alarm("one")
        await tale.alarm("two")
        await tale.phone("Adam").replies(f"no {tale.code}")
        assert len(await tale.events("CaseDeclined")) == 1


# -- raised again ------------------------------------------------------------------------------------------------


async def test_the_same_condition_again_tells_nobody_until_renotify(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(500, "Bo"), renotify_after_s=3600)) as tale:
        await tale.alarm("98 C", key="pump")
        await tale.phone("Adam").expects("98 C")
        for minutes in (20, 20, 19):
            await tale.clock.passes(minutes=minutes)
            await tale.alarm("99 C", key="pump")
        await tale.phone("Adam").is_silent()
        await tale.clock.passes(minutes=1)
        await tale.alarm("101 C", key="pump")
        await tale.phone("Adam").expects("101 C", f"Reply {tale.code}")
        assert ((await tale.case())["count"], (await tale.case())["last_text"]) == (5, "101 C")


async def test_without_renotify_it_is_told_once(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(500, "Bo"))) as tale:
        await tale.alarm(key="pump")
        await tale.clock.passes(hours=6)
        await tale.alarm(key="pump")
        assert len(tale.phone("Adam").received) == 1


async def test_a_higher_priority_is_told_again_with_the_same_code(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(LEVEL)) as tale:
        await tale.alarm("98 C", key="pump", priority=Priority.MEDIUM)
        code = tale.code
        await tale.alarm("99 C", key="pump", priority=Priority.LOW)
        await tale.alarm("FIRE", key="pump", priority=Priority.CRITICAL)
        await tale.alarm("still on fire", key="pump", priority=Priority.HIGH)
        assert tale.code == code
        assert [text.split("\n")[0] for text in tale.phone("Adam").texts] == ["98 C", "FIRE"]
        assert tale.phone("Adam").last.queue_class == QueueClass.EMERGENCY
        assert (await tale.case())["priority"] == "critical"


async def test_a_higher_priority_starts_no_clock_anew(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(LEVEL)) as tale:
        await tale.alarm("98 C", key="pump")
        await tale.clock.passes(minutes=4)
        await tale.alarm("FIRE", key="pump", priority=Priority.CRITICAL)
        await tale.clock.passes(minutes=1)
        await tale.phone("Bo").expects("Unacknowledged for 5 min")


async def test_a_higher_priority_after_the_ack_is_told_and_stays_acknowledged(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(LEVEL)) as tale:
        await tale.alarm("98 C", key="pump")
        await tale.phone("Jane").replies(tale.code)
        await tale.alarm("FIRE", key="pump", priority=Priority.CRITICAL)
        await tale.phone("Adam").expects("FIRE")
        assert (await tale.case())["state"] == "acknowledged"
        await tale.clock.passes(hours=1)
        assert tale.phone("Bo").received == []


# -- without a policy --------------------------------------------------------------------------------------------


async def test_without_policy_no_code_and_closed_when_sent(tmp_path: Path) -> None:
    async with Tale(tmp_path, EVERYBODY + group("Team", "Adam", policy="")) as tale:
        await tale.alarm()
        case = await tale.case()
        assert (case["code"], case["state"], case["reason"]) == (None, "closed", "sent")
        await tale.clock.passes(hours=1)
        assert len(tale.phone("Adam").received) == 1


async def test_ack_required_without_policy_is_a_code_and_no_escalation(tmp_path: Path) -> None:
    async with Tale(tmp_path, EVERYBODY + group("Team", "Adam", "Jane", policy="")) as tale:
        await tale.alarm(ack_required=True)
        await tale.phone("Adam").expects("pump is hot", f"Reply {tale.code}")
        await tale.clock.passes(hours=10)
        assert (await tale.case())["state"] == "open"
        assert tale.phone("Chief").received == []
        await tale.phone("Adam").replies(tale.code)
        assert (await tale.case())["state"] == "closed"
        await tale.phone("Jane").expects("pump is hot")
        await tale.phone("Jane").expects("Acknowledged by Adam")


async def test_an_alarm_acknowledged_before_anybody_was_told_tells_nobody(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(LEVEL)) as tale:
        tale.dies()
        await tale.alarm()
        await tale.acks()
        await tale.revives()
        for name in ("Adam", "Jane"):
            await tale.phone(name).is_silent()


async def test_an_option_nobody_knows_is_an_error_with_a_hint(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(LEVEL, footnot="x")) as tale:
        (problem,) = await tale.events("ProvisioningFailed")
        assert "footnot" in problem
        assert "footnote" in problem
