"""Answers by mail and by link: the token says which case, a machine never acknowledges, only a POST does (SPEC 5.3)."""

from __future__ import annotations

from pathlib import Path

import pytest
from tale import Tale, after, group, people, policy, settings

from addispatch.domain.errors import Refused

MAILED = people("Adam", "Jane", "Bo", "Chief", email=True) + settings() + group("Team", "Adam", "Jane")
POLICY = MAILED + policy(after(5, "Bo"))
URL = "https://plant.example"
AUTOMATIC = ("Auto-Submitted: auto-replied", "Precedence: bulk", "X-Autoreply", "multipart/report", "empty return path")


# -- mail --------------------------------------------------------------------------------------------------------


async def test_a_mail_is_answered_by_mail_and_acknowledges_by_its_token(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.mailbox("Adam").expects("pump is hot", f"Reply {tale.code}")
        await tale.mailbox("Adam").answers("on my way", subject="Re: [HIGH] pump is hot")
        await tale.mailbox("Adam").expects("Thank you, Adam")
        assert tale.mailbox("Adam").last.subject.startswith("Re: ")
        (note,) = (await tale.case())["acknowledgements"]
        assert (note["by"], note["via"], note["comment"]) == ("Adam", "email", "on my way")
        await tale.phone("Jane").expects("pump is hot")
        await tale.phone("Jane").expects("Acknowledged by Adam: on my way")


async def test_a_code_he_writes_counts_rather_than_the_mail_he_answers(tmp_path: Path) -> None:
    """The token stands in for a code that is not written; whoever writes one says which alarm he means."""
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm("pump is hot")
        first, token = tale.accepted, tale.mailbox("Adam").token
        await tale.alarm("door is open")
        await tale.mailbox("Adam").replies(f"{tale.code} this one", tokens=(token,))
        assert (await tale.case())["state"] == "closed"
        tale.accepted = first
        assert (await tale.case())["state"] == "open"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pump is hot",
        "{code}? what is this",
        "What is this?",
        "I am out of the office until Monday.",
        "ACK: Reply {code} + msg",
    ],
)
async def test_a_mail_without_an_answer_acknowledges_nothing(tmp_path: Path, text: str) -> None:
    """5.3: no machine, no quote and no question acknowledges, whatever token the mail has."""
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm("pump is hot")
        await tale.mailbox("Adam").answers(text.format(code=tale.code))
        assert (await tale.case())["state"] == "open"


async def test_the_nearest_token_counts(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm("pump is hot")
        older = tale.mailbox("Adam").token
        await tale.alarm("door is open")
        await tale.mailbox("Adam").replies("coming", tokens=(tale.mailbox("Adam").token, older))
        assert (await tale.case())["state"] == "closed"


async def test_without_a_token_the_code_counts(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.mailbox("Jane").replies(f"{tale.code} coming")
        assert (await tale.case())["acknowledged_by"] == "Jane"


async def test_neither_token_nor_code_acknowledges_nothing(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.mailbox("Jane").replies("on my way")
        assert (await tale.case())["state"] == "open"
        await tale.mailbox("Jane").expects("Reply with a code")


async def test_no_by_mail_declines(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.mailbox("Jane").answers("NO, abroad")
        assert (await tale.case())["state"] == "open"
        assert any("abroad" in text for text in await tale.events("CaseDeclined"))


@pytest.mark.parametrize("why", AUTOMATIC)
async def test_automatic_mail_never_acknowledges(tmp_path: Path, why: str) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.mailbox("Adam").answers(f"{tale.code} I am out of office", automatic=why)
        assert (await tale.case())["state"] == "open"
        assert any(why in text for text in await tale.events("ReplyRefused"))
        await tale.mailbox("Adam").expects("pump is hot")
        await tale.mailbox("Adam").is_silent()


async def test_where_mail_may_not_acknowledge_neither_token_nor_code_does(tmp_path: Path) -> None:
    async with Tale(tmp_path, MAILED + policy(after(5, "Bo"), allow_email_reply=False)) as tale:
        await tale.alarm()
        text = await tale.mailbox("Adam").expects("pump is hot")
        assert f"Code {tale.code}: acknowledge by SMS" in text
        await tale.mailbox("Adam").answers("coming")
        await tale.mailbox("Adam").replies(tale.code)
        assert (await tale.case())["state"] == "open"
        await tale.phone("Adam").replies(tale.code)
        assert (await tale.case())["state"] == "closed"


async def test_a_forged_token_is_none(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        token = tale.mailbox("Adam").token
        forged = token[:-1] + ("A" if token[-1] != "A" else "B")
        await tale.mailbox("Adam").replies("coming", tokens=(forged, "x" * 56, ""))
        assert (await tale.case())["state"] == "open"


async def test_an_expired_token_is_none_and_the_code_still_counts(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY.replace("[settings]\n", "[settings]\nlink_ttl_h = 1\n")) as tale:
        await tale.alarm()
        await tale.clock.passes(hours=2)
        await tale.mailbox("Adam").answers("coming")
        assert (await tale.case())["state"] == "open"
        await tale.mailbox("Adam").answers(f"{tale.code} coming")
        assert (await tale.case())["state"] == "closed"


async def test_a_locked_out_address_still_acknowledges_by_token(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        for number in range(5):
            await tale.mailbox("Adam").replies(f"{'B' if tale.code[0] == 'A' else 'A'}{number:03}")
        assert await tale.events("SenderLocked")
        await tale.mailbox("Adam").replies(tale.code)
        assert (await tale.case())["state"] == "open"
        await tale.mailbox("Adam").answers("coming")
        assert (await tale.case())["state"] == "closed"


async def test_a_late_mail_hears_who_was_first(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.phone("Jane").replies(tale.code)
        await tale.mailbox("Adam").answers("coming")
        await tale.mailbox("Adam").expects("Already acknowledged by Jane 12:00")


async def test_a_notice_by_mail_carries_no_token(tmp_path: Path) -> None:
    """What tells of an acknowledgement asks for nothing, so an answer to it refers to no case."""
    async with Tale(tmp_path, POLICY.replace('sms = "91234567"', "")) as tale:
        await tale.alarm()
        await tale.acks()
        await tale.mailbox("Adam").expects("Acknowledged by test")
        assert tale.mailbox("Adam").last.token == ""


# -- links -------------------------------------------------------------------------------------------------------


async def test_a_link_shows_and_only_an_answer_acknowledges(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY, url=URL) as tale:
        await tale.alarm()
        await tale.phone("Adam").expects(f"Reply {tale.code}", f"{URL}/a/")
        shown = await tale.operations.link(tale.phone("Adam").link)
        assert (shown["recipient"], shown["case"]["code"]) == ("Adam", tale.code)
        assert (await tale.case())["state"] == "open"
        await tale.follows(tale.phone("Adam").link, comment="two minutes")
        (note,) = (await tale.case())["acknowledgements"]
        assert (note["by"], note["via"], note["comment"]) == ("Adam", "link", "two minutes")
        await tale.phone("Jane").expects("pump is hot")
        await tale.phone("Jane").expects("Acknowledged by Adam: two minutes")


async def test_each_has_his_own_link(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY, url=URL) as tale:
        await tale.alarm()
        assert tale.phone("Adam").link != tale.phone("Jane").link
        assert (await tale.operations.link(tale.phone("Jane").link))["recipient"] == "Jane"


async def test_a_link_declines_and_comments_too(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY, url=URL) as tale:
        await tale.alarm()
        await tale.follows(tale.phone("Adam").link, action="decline")
        await tale.follows(tale.phone("Adam").link, action="comment", comment="gate is locked")
        assert (await tale.case())["state"] == "open"
        assert await tale.events("CaseDeclined")
        await tale.phone("Jane").expects("pump is hot")
        await tale.phone("Jane").expects("Comment by Adam: gate is locked")


async def test_a_link_acknowledges_in_every_case_that_contacted_its_owner(tmp_path: Path) -> None:
    two = MAILED + group("A", "Adam", "Jane") + group("B", "Adam") + policy(after(5, "Bo"))
    async with Tale(tmp_path, two, url=URL) as tale:
        await tale.alarm(to=("A", "B"))
        await tale.follows(tale.phone("Adam").link)
        assert [(await tale.case(index))["state"] for index in (0, 1)] == ["closed", "closed"]


async def test_a_link_of_a_later_level_works_as_well(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY, url=URL) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=5)
        await tale.follows(tale.phone("Bo").link)
        assert (await tale.case())["acknowledged_by"] == "Bo"


async def test_a_link_late_says_who_was_first(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY, url=URL) as tale:
        await tale.alarm()
        await tale.phone("Jane").replies(tale.code)
        said = await tale.follows(tale.phone("Adam").link)
        assert said["answer"] == f"Already acknowledged by Jane 12:00 ({tale.code})."


async def test_a_link_ends_after_its_time(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY.replace("[settings]\n", "[settings]\nlink_ttl_h = 1\n"), url=URL) as tale:
        await tale.alarm()
        link = tale.phone("Adam").link
        await tale.clock.passes(hours=1)
        with pytest.raises(Refused, match="not valid"):
            await tale.follows(link)
        assert (await tale.case())["state"] == "open"


async def test_a_link_cannot_be_guessed_or_changed(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY, url=URL) as tale:
        await tale.alarm()
        link = tale.phone("Adam").link
        for bad in ("", "x" * 56, link[:-2] + "AA", link.swapcase(), link + "A"):
            with pytest.raises(Refused, match="not valid"):
                await tale.follows(bad)
        assert (await tale.case())["state"] == "open"


async def test_in_a_recall_a_link_counts_for_its_owner_alone(tmp_path: Path) -> None:
    recall = MAILED + policy(after(5, resend=True), kind="recall")
    async with Tale(tmp_path, recall, url=URL) as tale:
        await tale.alarm()
        await tale.follows(tale.phone("Adam").link)
        assert await tale.roll_call() == {"Adam": "acked", "Jane": "pending"}


async def test_no_link_where_phones_cannot_reach_us(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        assert "/a/" not in await tale.phone("Adam").expects("pump is hot")


@pytest.mark.parametrize(("url", "wanted"), [(URL, False), ("http://localhost:5556", True)])
async def test_a_policy_may_say_otherwise(tmp_path: Path, url: str, *, wanted: bool) -> None:
    async with Tale(tmp_path, MAILED + policy(after(5, "Bo"), append_link=wanted), url=url) as tale:
        await tale.alarm()
        assert ("/a/" in await tale.phone("Adam").expects("pump is hot")) is wanted


async def test_a_link_from_before_a_restart_works(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY, url=URL) as tale:
        await tale.alarm()
        await tale.restart()
        await tale.follows(tale.phone("Adam").link)
        assert (await tale.case())["state"] == "closed"
