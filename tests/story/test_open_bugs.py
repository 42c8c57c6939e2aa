"""Rules the core breaks: one story each, with the rule. A story moves to its own file when it passes."""

from __future__ import annotations

from pathlib import Path

from pipelines import ADMIN
from tale import Tale, after, group, people, policy, settings

from addispatch.domain.alarm import Priority
from addispatch.domain.receipt import Temporary

EVERYBODY = people("Adam", "Jane", "Bo", "Eve", "Chief") + settings()
TEAM = EVERYBODY + group("Team", "Adam", "Jane") + group("Second line", "Bo", "Eve", policy="")
POLICY = TEAM + policy(after(5, "Second line"), after(15, call=("Chief",)))


async def test_what_comes_back_after_an_ack_goes_out_marked_as_well(tmp_path: Path) -> None:
    """5.5: continue sending unsent: without footnote, marked: also a text under way at the ack and busy then."""
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"), continue_unsent=True)) as tale:
        tale.hangs()
        tale.answers_next(Temporary("busy", retry_after_s=30), Temporary("busy", retry_after_s=30))
        await tale.alarm()
        await tale.acks(by="Adam")
        await tale.goes_on()
        await tale.clock.passes(minutes=1)
        await tale.phone("Jane").expects("pump is hot (acknowledged by Adam 12:00)")


async def test_an_ack_required_without_policy_is_told_as_an_event(tmp_path: Path) -> None:
    """9: ``ack_required = true`` without policy: code, no escalation, an event."""
    async with Tale(tmp_path, EVERYBODY + group("Team", "Adam", policy="")) as tale:
        await tale.alarm(ack_required=True)
        assert any("polic" in text for text in await tale.events())


async def test_a_row_nobody_can_read_stops_no_other_case(tmp_path: Path) -> None:
    """Law 6, 5.1: one damaged row is told as an event, and every other case still escalates."""
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"))) as tale:
        await tale.alarm("broken one")
        await tale.spoils_policy("[1]")
        await tale.alarm("good one")
        await tale.clock.passes(minutes=6)
        await tale.phone("Bo").expects("good one")
        assert await tale.events("StepFailed")


async def test_what_may_be_a_minute_old_is_not_older_for_a_pause(tmp_path: Path) -> None:
    """4: send ages, ttl and level clocks freeze: nothing expires while paused."""
    async with Tale(tmp_path, POLICY) as tale:
        await tale.operations.pause(ADMIN)
        await tale.alarm(ttl_s=60)
        await tale.clock.passes(hours=1)
        await tale.operations.resume(ADMIN)
        await tale.ticks()
        await tale.phone("Adam").expects("pump is hot")


async def test_a_case_does_not_end_by_itself_while_paused(tmp_path: Path) -> None:
    """4, 5.1: a case stays open until ``close_after_h``; in a pause time stands still for it."""
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"), close_after_h=10)) as tale:
        await tale.alarm()
        await tale.operations.pause(ADMIN)
        await tale.clock.passes(hours=11)
        assert (await tale.case())["state"] == "open"


async def test_the_status_says_that_we_are_paused(tmp_path: Path) -> None:
    """4: an emergency pause is persisted and the banner says so: the status must show it."""
    async with Tale(tmp_path, POLICY) as tale:
        await tale.operations.pause(ADMIN)
        assert "pause" in str(await tale.operations.status(ADMIN)).casefold()


async def test_the_author_is_not_told_of_his_own_ack_by_his_text_in_flight(tmp_path: Path) -> None:
    """5.4: all contacted so far, minus the author, also when his own text was under way."""
    async with Tale(tmp_path, POLICY) as tale:
        tale.hangs()
        await tale.alarm()
        await tale.acks(by="Adam")
        await tale.goes_on()
        assert not [text for text in tale.phone("Adam").texts if "Acknowledged by Adam" in text]
        assert [text for text in tale.phone("Jane").texts if "Acknowledged by Adam" in text]


async def test_the_author_is_not_told_of_his_own_ack_when_it_gets_worse(tmp_path: Path) -> None:
    """5.4: minus the author: a raise of higher priority in an acknowledged case brings no notice to who acknowledged."""
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm(key="pump")
        await tale.phone("Jane").replies(tale.code)
        await tale.alarm("FIRE", key="pump", priority=Priority.CRITICAL)
        assert not [text for text in tale.phone("Jane").texts if "Acknowledged by Jane" in text]
        assert len([text for text in tale.phone("Adam").texts if "Acknowledged by Jane" in text]) == 1


async def test_words_reach_who_has_the_text_in_flight(tmp_path: Path) -> None:
    """5.4: a comment is told to everyone contacted so far; a text under way is contact (5.3)."""
    async with Tale(tmp_path, POLICY) as tale:
        tale.hangs()
        await tale.alarm()
        await tale.acks(action="comment", comment="gate is locked")
        await tale.goes_on()
        await tale.phone("Adam").expects("Comment by test: gate is locked")


async def test_a_rung_that_is_sent_takes_back_no_notice(tmp_path: Path) -> None:
    """5.4 and 1: being reached by mail ends the ladder's other rungs, not what else was to be told."""
    timed = people("Adam", email=True, mode="ladder", step_after_s=60) + people("Jane", "Bo", "Chief") + settings()
    async with Tale(tmp_path, timed + group("Team", "Adam", "Jane") + policy(after(5, "Bo"))) as tale:
        tale.channel("sms").window = 1
        tale.answers_next(Temporary("busy", retry_after_s=250))
        await tale.alarm()
        await tale.phone("Jane").expects("pump is hot")
        tale.dies()
        await tale.acks(action="comment", by="Jane", comment="gate is locked")
        await tale.clock.passes(seconds=60)
        await tale.mailbox("Adam").expects("pump is hot")
        await tale.revives()
        assert [
            text for p in (tale.phone("Adam"), tale.mailbox("Adam")) for text in p.texts if "gate is locked" in text
        ]


async def test_what_goes_out_marked_brings_no_second_notice(tmp_path: Path) -> None:
    """5.4, 5.5: the mark tells who acknowledged; the author is told nothing, others by one channel."""
    mailed = people("Adam", "Jane", email=True) + people("Bo", "Chief") + settings() + group("Team", "Adam", "Jane")
    async with Tale(tmp_path, mailed + policy(after(5, "Bo"), continue_unsent=True)) as tale:
        tale.dies("email")
        await tale.alarm()
        await tale.phone("Adam").replies(tale.code)
        await tale.revives("email")
        for name in ("Adam", "Jane"):
            assert tale.mailbox(name).texts == ["pump is hot (acknowledged by Adam 12:00)"]
