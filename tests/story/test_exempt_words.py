"""Texts that tell of a recovery ask for nothing (SPEC 5.6)."""

from __future__ import annotations

from pathlib import Path

import pytest
from tale import Tale, after, group, people, policy, settings

from addispatch.domain.alarm import Priority

TEAM = people("Adam", "Jane", "Bo", "Chief") + settings() + group("Team", "Adam", "Jane")
POLICY = TEAM + policy(after(5, "Bo"))


@pytest.mark.parametrize(
    "text", ["pump return to normal", "Pump BACK TO NORMAL.", "pump recovered", "level: normal", "back-to-normal: pump"]
)
async def test_a_recovery_is_delivered_and_asks_nobody(tmp_path: Path, text: str) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm(text)
        assert await tale.phone("Adam").expects(text) == text
        case = await tale.case()
        assert (case["code"], case["state"], case["reason"]) == (None, "closed", "exempt")
        (event,) = await tale.events("AlarmExempt")
        assert "exempt" in event.lower()
        await tale.clock.passes(hours=1)
        assert tale.phone("Bo").received == []


@pytest.mark.parametrize(
    "text",
    ["ABNORMAL vibration", "level below normal", "not normal", "not yet back to normal", "non-normal flow", "no recovered pump",
     "above normal", "ab-normal", "never recovered", "normalised value bad"],
)  # fmt: skip
async def test_an_alarm_with_such_a_word_stays_an_alarm(tmp_path: Path, text: str) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm(text)
        await tale.phone("Adam").expects(text, f"Reply {tale.code}")
        assert (await tale.case())["state"] == "open"


@pytest.mark.parametrize("fields", [{"priority": Priority.CRITICAL}, {"is_stated": True}, {"ack_required": True}])
async def test_critical_stated_or_required_alarms_are_never_exempt(tmp_path: Path, fields: dict[str, object]) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm("flow back to normal", **fields)
        await tale.phone("Adam").expects("flow back to normal", f"Reply {tale.code}")


async def test_other_words_may_be_chosen_and_none(tmp_path: Path) -> None:
    for words, is_exempt in ((["all clear"], False), (["steady"], True), ([], False)):
        folder = tmp_path / str(len(words)) / "".join(words)
        folder.mkdir(parents=True)
        async with Tale(folder, TEAM + policy(after(5, "Bo"), exempt_keywords=words)) as tale:
            await tale.alarm("pump steady, back to normal")
            assert ((await tale.case())["reason"] == "exempt") is is_exempt


async def test_words_alone_close_no_case(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm(key="pump")
        opened = tale.accepted
        await tale.alarm("pump back to normal", key="pump")
        tale.accepted = opened
        assert (await tale.case())["state"] == "open"
        await tale.clock.passes(minutes=5)
        await tale.phone("Bo").expects("Unacknowledged for 5 min: pump is hot")


async def test_words_close_the_case_of_their_key_where_the_policy_says_so(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"), keyword_clears=True)) as tale:
        await tale.alarm(key="pump")
        pump = tale.accepted
        await tale.alarm("door is open", key="door")
        door = tale.accepted
        await tale.alarm("pump back to normal", key="pump")
        tale.accepted = pump
        assert ((await tale.case())["state"], (await tale.case())["reason"]) == ("closed", "cleared")
        tale.accepted = door
        assert (await tale.case())["state"] == "open"
        await tale.phone("Adam").expects("Returned to normal: pump is hot")


async def test_a_voided_word_clears_nothing(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"), keyword_clears=True)) as tale:
        await tale.alarm(key="pump")
        await tale.alarm("pump not yet back to normal", key="pump")
        assert ((await tale.case())["state"], (await tale.case())["count"]) == ("open", 2)


async def test_a_keyless_recovery_clears_nothing(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"), keyword_clears=True)) as tale:
        await tale.alarm(key="pump")
        opened = tale.accepted
        await tale.alarm("pump back to normal")
        tale.accepted = opened
        assert (await tale.case())["state"] == "open"


async def test_words_do_not_close_a_latched_case(tmp_path: Path) -> None:
    latched = policy(after(5, "Bo"), keyword_clears=True, close_on_clear=False)
    async with Tale(tmp_path, TEAM + latched) as tale:
        await tale.alarm(key="pump")
        opened = tale.accepted
        await tale.alarm("pump back to normal", key="pump")
        tale.accepted = opened
        assert (await tale.case())["state"] == "open"
        await tale.phone("Adam").replies("ok")
        assert (await tale.case())["reason"] == "cleared"


async def test_a_template_does_not_hide_the_word_nor_make_one(tmp_path: Path) -> None:
    """The raw text decides, not what a template makes of it."""
    template = '[[template]]\nname = "t"\ntext = "NORMAL OPERATION: {{ text }}"\n'
    route = '[[route]]\nname = "r"\nto = ["Team"]\ntemplate = "t"\n'
    async with Tale(tmp_path, POLICY + template + route) as tale:
        await tale.alarm("pump is hot", to=())
        await tale.phone("Adam").expects("NORMAL OPERATION: pump is hot", f"Reply {tale.code}")
        await tale.alarm("pump recovered", to=())
        assert (await tale.case())["reason"] == "exempt"
