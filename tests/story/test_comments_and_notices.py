"""Comments and notices: who hears of an acknowledgement or of words, by which channel, and how often (SPEC 5.3, 5.4)."""

from __future__ import annotations

from pathlib import Path

import pytest
from tale import Tale, after, group, people, policy, settings

from addispatch.domain.errors import Refused
from addispatch.domain.receipt import Permanent, Temporary

EVERYBODY = people("Adam", "Jane", "Bo", "Eve", "Chief") + settings()
TEAM = EVERYBODY + group("Team", "Adam", "Jane")
POLICY = TEAM + policy(after(5, "Bo"), after(15, "Eve"))
MAILED = people("Adam", "Jane", email=True) + people("Bo", "Chief") + settings() + group("Team", "Adam", "Jane")


def told(tale: Tale, name: str, word: str) -> list[str]:
    """What a person got by any channel with a word in it."""
    return [text for pocket in (tale.phone(name), tale.mailbox(name)) for text in pocket.texts if word in text]


async def test_all_levels_so_far_hear_of_it_and_nobody_else(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=5)
        await tale.phone("Adam").replies(f"{tale.code} on it")
        for name in ("Jane", "Bo"):
            assert len(told(tale, name, "Acknowledged by Adam: on it")) == 1
        assert told(tale, "Adam", "Acknowledged by") == []
        assert tale.phone("Eve").received == []


async def test_a_notice_asks_nobody_for_anything(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.phone("Adam").replies(tale.code)
        (text,) = told(tale, "Jane", "Acknowledged by Adam")
        assert "ACK" not in text
        assert not text.startswith(tale.code)


async def test_a_notice_sent_back_acknowledges_nothing(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm("one")
        await tale.phone("Adam").replies(tale.code)
        (text,) = told(tale, "Jane", "Acknowledged by Adam")
        await tale.alarm("two")
        await tale.phone("Jane").replies(text)
        assert (await tale.case())["state"] == "open"


async def test_each_is_told_once_though_he_was_asked_by_two_channels(tmp_path: Path) -> None:
    async with Tale(tmp_path, MAILED + policy(after(5, "Bo"))) as tale:
        await tale.alarm()
        await tale.phone("Jane").replies(tale.code)
        assert len(told(tale, "Adam", "Acknowledged by Jane")) == 1


async def test_by_the_channel_that_worked(tmp_path: Path) -> None:
    async with Tale(tmp_path, MAILED + policy(after(5, "Bo"))) as tale:
        tale.answers_next(Permanent("no such number"))
        await tale.alarm()
        await tale.phone("Jane").replies(tale.code)
        await tale.mailbox("Adam").expects("pump is hot")
        await tale.mailbox("Adam").expects("Acknowledged by Jane")


async def test_who_was_not_reached_yet_hears_nothing_and_is_not_asked_any_more(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.channel("sms").window = 1
        tale.hangs()
        await tale.alarm()  # Adam's text is under way, Jane's waits
        await tale.phone("Adam").replies(tale.code)
        tale.channel("sms").window = 8
        await tale.goes_on()
        assert tale.phone("Jane").received == []


async def test_a_text_in_flight_when_the_ack_came_brings_the_notice_behind_it(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.hangs()
        await tale.alarm()
        await tale.phone("Adam").replies(f"{tale.code} on it")
        assert tale.phone("Jane").received == []
        await tale.goes_on()
        assert [text.split(" (")[0] for text in tale.phone("Jane").texts] == [
            f"pump is hot\nACK: Reply {tale.code} + msg",
            "Acknowledged by Adam: on it",
        ]


async def test_a_text_in_flight_that_fails_is_not_tried_again(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.hangs()
        tale.answers_next(Temporary("network busy"), Temporary("network busy"))
        await tale.alarm()
        await tale.acks()
        await tale.goes_on()
        await tale.clock.passes(minutes=10)
        assert tale.phone("Adam").received == []
        assert [one["state"] for one in (await tale.case())["deliveries"]] == ["cancelled", "cancelled"]


async def test_a_call_in_flight_brings_the_notice_by_sms(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, call=("Bo",)))) as tale:
        await tale.alarm()
        tale.hangs("voice")
        await tale.clock.passes(minutes=5)
        await tale.phone("Jane").replies(tale.code)
        await tale.goes_on("voice")
        assert len(told(tale, "Bo", "Acknowledged by Jane")) == 1


async def test_a_person_in_two_groups_hears_of_it_once(tmp_path: Path) -> None:
    two = EVERYBODY + group("A", "Adam", "Jane") + group("B", "Adam", "Jane") + policy(after(5, "Bo"))
    async with Tale(tmp_path, two) as tale:
        await tale.alarm(to=("A", "B"))
        await tale.phone("Jane").replies(tale.code)
        assert len(told(tale, "Adam", "Acknowledged by Jane")) == 1


async def test_words_without_an_ack_reach_all_who_know_but_their_author(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.acks(action="comment", by="Adam", comment="gate is locked")
        assert (await tale.case())["state"] == "open"
        assert len(told(tale, "Jane", "Comment by Adam: gate is locked")) == 1
        assert told(tale, "Adam", "Comment by") == []
        await tale.clock.passes(minutes=5)
        await tale.phone("Bo").expects("Unacknowledged")  # words stop nothing
        assert told(tale, "Bo", "Comment by") == []


async def test_the_same_words_twice_are_told_twice(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        for _ in range(2):
            await tale.acks(action="comment", by="Adam", comment="still looking")
            await tale.clock.passes(minutes=1)
        assert len(told(tale, "Jane", "still looking")) == 2


async def test_words_are_taken_after_the_close_and_told(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.phone("Jane").replies(tale.code)
        await tale.clock.passes(hours=6)
        await tale.acks(action="comment", by="Jane", comment="bearing replaced")
        assert len(told(tale, "Adam", "Comment by Jane: bearing replaced")) == 1
        assert (await tale.case())["state"] == "closed"
        assert any("bearing replaced" in text for text in await tale.events("CaseCommented"))


async def test_a_comment_needs_words(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        with pytest.raises(Refused, match="comment"):
            await tale.acks(action="comment", comment="  ")


async def test_a_long_comment_is_cut_not_lost(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.phone("Jane").replies(f"{tale.code} {'very long story ' * 60}")
        (note,) = (await tale.case())["acknowledgements"]
        assert 400 < len(note["comment"]) <= 500
        assert len(told(tale, "Adam", "Acknowledged by Jane: very long story")) == 1


async def test_nobody_is_told_where_the_policy_is_silent(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"), notify_contacted=False)) as tale:
        await tale.alarm(key="pump")
        await tale.acks(action="comment", by="Adam", comment="gate is locked")
        await tale.phone("Jane").replies(f"{tale.code} coming")
        await tale.phone("Jane").expects("pump is hot")
        await tale.phone("Jane").expects("Thank you, Jane")
        await tale.clears("pump")
        for name in ("Adam", "Jane"):
            assert (
                told(tale, name, "Acknowledged by") + told(tale, name, "Comment") + told(tale, name, "Returned") == []
            )


async def test_answers_can_be_turned_off(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"), answer_acks=False)) as tale:
        await tale.alarm()
        await tale.phone("Jane").replies(tale.code)
        assert told(tale, "Jane", "Thank you") == []
        assert len(told(tale, "Adam", "Acknowledged by Jane")) == 1


async def test_the_answer_comes_by_the_way_he_wrote(tmp_path: Path) -> None:
    async with Tale(tmp_path, MAILED + policy(after(5, "Bo"))) as tale:
        await tale.alarm()
        await tale.mailbox("Jane").answers("coming")
        assert any("Thank you" in text for text in tale.mailbox("Jane").texts)
        assert not any("Thank you" in text for text in tale.phone("Jane").texts)


async def test_a_dead_modem_delays_the_answer_and_not_the_ack(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        tale.dies()
        await tale.phone("Jane").replies(tale.code)
        assert (await tale.case())["state"] == "closed"
        assert told(tale, "Jane", "Thank you") == []
        await tale.revives()
        assert len(told(tale, "Jane", "Thank you")) == 1
        assert len(told(tale, "Adam", "Acknowledged by Jane")) == 1


async def test_when_it_returns_to_normal_those_who_know_are_told_once(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm(key="pump")
        await tale.phone("Jane").replies(tale.code)
        for _ in range(2):
            await tale.clears("pump")
        for name in ("Adam", "Jane"):
            assert len(told(tale, name, f"Returned to normal: pump is hot ({tale.code})")) == 1
        assert tale.phone("Bo").received == []
