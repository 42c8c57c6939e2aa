"""Rules the core breaks: one story each, with the rule. A story moves to its own file when it passes."""

from __future__ import annotations

from pathlib import Path

from tale import Tale, after, group, people, policy, settings

from addispatch.domain.receipt import Temporary

EVERYBODY = people("Adam", "Jane", "Bo", "Eve", "Chief") + settings()
TEAM = EVERYBODY + group("Team", "Adam", "Jane") + group("Second line", "Bo", "Eve", policy="")
POLICY = TEAM + policy(after(5, "Second line"), after(15, call=("Chief",)))


async def test_the_author_is_not_told_of_his_own_ack_by_his_text_in_flight(tmp_path: Path) -> None:
    """5.4: all contacted so far, minus the author, also when his own text was under way."""
    async with Tale(tmp_path, POLICY) as tale:
        tale.hangs()
        await tale.alarm()
        await tale.acks(by="Adam")
        await tale.goes_on()
        assert not [text for text in tale.phone("Adam").texts if "Acknowledged by Adam" in text]
        assert [text for text in tale.phone("Jane").texts if "Acknowledged by Adam" in text]


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
