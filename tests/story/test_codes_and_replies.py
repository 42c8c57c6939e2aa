"""Codes, and what people write back by SMS: who may acknowledge what, and what everybody is answered (SPEC 5.3)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pipelines import ADMIN
from tale import Pocket, Tale, after, group, people, policy, settings

from addispatch.domain.errors import Refused
from addispatch.domain.receipt import InDoubt

EVERYBODY = people("Adam", "Jane", "Bo", "Eve", "Chief") + settings()
TEAM = EVERYBODY + group("Team", "Adam", "Jane") + group("Second line", "Bo", "Eve", policy="")
POLICY = TEAM + policy(after(5, "Second line"))
STRANGER = "+6590000001"


async def alarms(tale: Tale, *texts: str, **fields: object) -> list[str]:
    codes = []
    for text in texts:
        await tale.alarm(text, **fields)
        codes.append(tale.code)
    return codes


async def states(tale: Tale) -> dict[str, str]:
    found = (await tale.operations.cases(ADMIN, limit=100))["cases"]
    return {case["text"]: case["state"] for case in found if case["code"]}


async def answer(pocket: Pocket, text: str) -> str:
    """Write, and return what comes back; empty if nothing does."""
    before = len(pocket.received)
    await pocket.replies(text)
    return " | ".join(pocket.texts[before:])


# -- codes -------------------------------------------------------------------------------------------------------


async def test_a_code_is_a_letter_and_three_digits_and_each_alarm_has_its_own(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        codes = await alarms(tale, *(f"alarm {number}" for number in range(20)))
        assert len(set(codes)) == 20
        assert all(re.fullmatch(r"[A-HJ-NP-Z][0-9]{3}", code) for code in codes)


async def test_cases_of_one_alarm_share_a_code_and_one_message(tmp_path: Path) -> None:
    two = EVERYBODY + group("A", "Adam", "Jane") + group("B", "Adam", "Bo") + policy(after(5, "Eve"))
    async with Tale(tmp_path, two) as tale:
        await tale.alarm(to=("A", "B"))
        assert tale.accepted.cases[0].code == tale.accepted.cases[1].code
        assert len(tale.phone("Adam").received) == 1
        assert await answer(tale.phone("Adam"), tale.code) == f"Thank you, Adam. {tale.code} is acknowledged."
        assert [(await tale.case(index))["acknowledged_by"] for index in (0, 1)] == ["Adam", "Adam"]
        for name in ("Jane", "Bo"):
            await tale.phone(name).expects("pump is hot")
            await tale.phone(name).expects("Acknowledged by Adam")
            await tale.phone(name).is_silent()


async def test_who_is_in_one_group_acknowledges_only_for_that(tmp_path: Path) -> None:
    two = EVERYBODY + group("A", "Adam", "Jane") + group("B", "Adam", "Bo") + policy(after(5, "Eve"))
    async with Tale(tmp_path, two) as tale:
        await tale.alarm(to=("A", "B"))
        await tale.phone("Jane").replies(tale.code)
        assert [(await tale.case(index))["state"] for index in (0, 1)] == ["closed", "open"]


# -- what counts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", ["{code}", "ack {code}", "OK {code}, on my way", "  {lower} coming", "{o} x"])
async def test_ways_to_write_it(tmp_path: Path, reply: str) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        (code,) = await alarms(tale, "pump is hot")
        text = reply.format(code=code, lower=code.lower(), o=code.replace("0", "O"))
        assert f"{code} is acknowledged" in await answer(tale.phone("Jane"), text)


async def test_several_codes_in_one_reply_and_a_comment(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        one, two, three = await alarms(tale, "one", "two", "three")
        text = await answer(tale.phone("Jane"), f"{one}, {two};{three} both of us")
        for code in (one, two, three):
            assert f"{code} is acknowledged" in text
        assert set((await states(tale)).values()) == {"closed"}
        for what in ("one", "two", "three"):
            await tale.phone("Adam").expects("Acknowledged by Jane: both of us (", what)


async def test_a_code_inside_the_comment_acknowledges_nothing(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        one, two = await alarms(tale, "one", "two")
        await tale.phone("Jane").replies(f"{one} but not {two}")
        assert await states(tale) == {"one": "closed", "two": "open"}


async def test_bare_ok_with_exactly_one_open_case(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        (code,) = await alarms(tale, "pump is hot")
        assert f"{code} is acknowledged" in await answer(tale.phone("Jane"), "ok on my way")
        assert (await tale.case())["acknowledgements"][0]["comment"] == "on my way"


async def test_bare_ok_with_two_open_cases_asks_back(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        one, two = await alarms(tale, "pump is hot", "door is open")
        text = await answer(tale.phone("Jane"), "ok")
        assert text == f"Reply with a code: {one} pump is hot; {two} door is open"
        assert set((await states(tale)).values()) == {"open"}


async def test_bare_ok_counts_only_what_contacted_him(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm("pump is hot")
        await tale.alarm("door is open", to="Second line")
        await tale.clock.passes(minutes=5)  # the pump reaches Bo as well, the door has no policy and no code
        assert "is acknowledged" in await answer(tale.phone("Bo"), "ok")


async def test_bare_ok_with_nothing_open(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.acks()
        assert await answer(tale.phone("Jane"), "ok") == "Nothing is open for you."


async def test_one_alarm_in_two_cases_is_one_for_bare_ok(tmp_path: Path) -> None:
    two = EVERYBODY + group("A", "Adam") + group("B", "Adam") + policy(after(5, "Eve"))
    async with Tale(tmp_path, two) as tale:
        await tale.alarm(to=("A", "B"))
        assert "is acknowledged" in await answer(tale.phone("Adam"), "ok")
        assert [(await tale.case(index))["state"] for index in (0, 1)] == ["closed", "closed"]


async def test_all_acknowledges_what_is_open_for_him_and_nothing_else(tmp_path: Path) -> None:
    third = TEAM + group("Third", "Eve") + policy(after(5, "Bo"))
    async with Tale(tmp_path, third) as tale:
        await alarms(tale, "pump is hot", "door is open")
        await alarms(tale, "not his", to="Third")
        await tale.phone("Jane").replies("ALL")
        assert await states(tale) == {"pump is hot": "closed", "door is open": "closed", "not his": "open"}


async def test_other_words_acknowledge_nothing_and_are_answered_with_his_codes(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        (code,) = await alarms(tale, "pump is hot")
        assert await answer(tale.phone("Jane"), "what is going on?") == f"Reply with a code: {code} pump is hot"
        assert (await tale.case())["state"] == "open"
        assert any("what is going on?" in text for text in await tale.events("MessageReceived"))
        assert await tale.events("ReplyRefused")


async def test_our_own_text_sent_back_acknowledges_nothing(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.phone("Jane").replies(tale.phone("Jane").last.text)
        assert (await tale.case())["state"] == "open"


@pytest.mark.parametrize("reply", ["no {code}", "BUSY {code} until noon", "{code} no"])
async def test_declining(tmp_path: Path, reply: str) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        (code,) = await alarms(tale, "pump is hot")
        assert "Noted that you cannot come" in await answer(tale.phone("Jane"), reply.format(code=code))
        assert (await tale.case())["state"] == "open"


async def test_bare_no_declines_the_only_one(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        assert "Noted that you cannot come" in await answer(tale.phone("Jane"), "no, I am abroad")


# -- who may -----------------------------------------------------------------------------------------------------


async def test_an_unknown_number_acknowledges_nothing_and_gets_no_answer(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        stranger = tale.pocket("sms", STRANGER)
        assert await answer(stranger, tale.code) == ""
        assert (await tale.case())["state"] == "open"
        assert any(STRANGER in text for text in await tale.events("MessageReceived"))


async def test_somebody_not_contacted_acknowledges_nothing(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.phone("Bo").replies(tale.code)
        assert (await tale.case())["state"] == "open"
        await tale.clock.passes(minutes=5)
        await tale.phone("Bo").replies(tale.code)
        assert (await tale.case())["acknowledged_by"] == "Bo", "now he was told"


async def test_anybody_in_the_address_book_may_if_the_settings_say_so(tmp_path: Path) -> None:
    anyone = POLICY.replace("[settings]\n", "[settings]\nanyone_may_ack = true\n")
    async with Tale(tmp_path, anyone) as tale:
        await tale.alarm()
        await tale.pocket("sms", STRANGER).replies(tale.code)
        assert (await tale.case())["state"] == "open"
        await tale.phone("Bo").replies(tale.code)
        assert (await tale.case())["acknowledged_by"] == "Bo"


async def test_who_has_not_been_sent_anything_yet_is_not_contacted(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.dies()
        await tale.alarm()
        await tale.phone("Adam").replies(tale.code)
        assert (await tale.case())["state"] == "open"


async def test_a_text_under_way_is_contact_enough(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        tale.hangs()
        await tale.alarm()
        await tale.phone("Adam").replies(tale.code)
        assert (await tale.case())["acknowledged_by"] == "Adam"
        await tale.goes_on()


async def test_a_text_in_doubt_is_contact_enough(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY, more='[dispatch.in_doubt]\nhigh = "hold"\n') as tale:
        tale.answers_next(InDoubt("no answer"))
        await tale.alarm()
        await tale.phone("Adam").replies(tale.code)
        assert (await tale.case())["acknowledged_by"] == "Adam"


async def test_a_number_changed_since_counts_the_old_and_the_new_one(tmp_path: Path) -> None:
    moved = POLICY.replace("91234567", "90000002")
    for number in ("+6591234567", "+6590000002"):
        folder = tmp_path / number
        folder.mkdir()
        async with Tale(folder, POLICY) as tale:
            await tale.alarm()
            await tale.restart(moved)
            await tale.pocket("sms", number).replies(tale.code)
            assert (await tale.case())["acknowledgements"], number


async def test_two_who_share_a_number_are_both_named(tmp_path: Path) -> None:
    shared = people("Adam", email=True) + people("Jane", email=True).replace("81234567", "91234567") + people("Bo")
    directory = shared + group("Team", "Adam", "Jane") + policy(after(5, "Bo"))
    async with Tale(tmp_path, directory) as tale:
        await tale.alarm()
        thanks = await answer(tale.phone("Adam"), tale.code)
        assert "Thank you, Adam / Jane." in thanks or "Thank you, Jane / Adam." in thanks


# -- wrong codes -------------------------------------------------------------------------------------------------


def wrong(tale: Tale, number: int) -> str:
    return f"{'B' if tale.code[0] == 'A' else 'A'}{number:03}"


async def test_a_wrong_code_is_answered_with_the_right_ones(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        bad = wrong(tale, 1)
        text = await answer(tale.phone("Jane"), f"{bad} coming")
        assert text == f"No code of yours: {bad}. Reply with a code: {tale.code} pump is hot"
        assert (await tale.case())["state"] == "open"


async def test_a_right_and_a_wrong_code_in_one_reply(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        bad = wrong(tale, 1)
        text = await answer(tale.phone("Jane"), f"{tale.code} {bad} coming")
        assert "is acknowledged" in text
        assert f"No code of yours: {bad}." in text


async def lock_out(tale: Tale, pocket: Pocket) -> None:
    for number in range(5):
        await pocket.replies(wrong(tale, number))


async def test_five_wrong_codes_lock_the_number_out_for_an_hour(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        jane = tale.phone("Jane")
        for number in range(4):
            await jane.replies(wrong(tale, number))
        assert tale.phone("Chief").received == []
        await jane.replies(wrong(tale, 4))
        await tale.phone("Chief").expects("Too many wrong codes from +6581234567", "until 13:00")
        await jane.expects("codes from +6581234567 are ignored until 13:00. The console still works.")
        assert await answer(jane, tale.code) == "", "a right code is ignored, too"
        assert await answer(jane, "ok") == ""
        assert (await tale.case())["state"] == "open"
        await tale.clock.passes(minutes=59, seconds=59)
        await jane.replies(tale.code)
        assert (await tale.case())["state"] == "open"
        await tale.clock.passes(seconds=1)
        await jane.replies(tale.code)
        assert (await tale.case())["state"] == "closed"


async def test_who_is_locked_out_hears_once_what_still_works(tmp_path: Path) -> None:
    open_ways = people("Adam", "Jane", "Bo", "Chief", email=True) + settings() + group("Team", "Adam", "Jane")
    open_ways += policy(after(5, "Bo"), append_link=True, allow_email_reply=True)
    async with Tale(tmp_path, open_ways, url="https://alarms.plant.example") as tale:
        await tale.alarm()
        jane = tale.phone("Jane")
        await lock_out(tale, jane)
        await jane.expects("The link in a message, an answer to a mail of ours and the console still work.")
        count = len(jane.received)
        await lock_out(tale, jane)
        await jane.replies("ok")
        assert len(jane.received) == count, "once"
        await tale.mailbox("Jane").answers("on my way")
        assert (await tale.case())["acknowledged_by"] == "Jane"


async def test_a_lock_out_silences_nobody_else_and_no_other_way(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await lock_out(tale, tale.phone("Jane"))
        await tale.acks(by="Jane")
        assert (await tale.case())["acknowledged_by"] == "Jane"
        await tale.alarm("again")
        await tale.phone("Adam").replies(tale.code)
        assert (await tale.case())["state"] == "closed"


async def test_wrong_codes_spread_over_more_than_an_hour_lock_nobody(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        for number in range(8):
            await tale.phone("Jane").replies(wrong(tale, number))
            await tale.clock.passes(minutes=16)
        assert not await tale.events("SenderLocked")


async def test_a_second_lock_out_in_a_day_holds_until_somebody_unlocks(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        jane = tale.phone("Jane")
        await lock_out(tale, jane)
        await tale.clock.passes(hours=2)
        await lock_out(tale, jane)
        await tale.phone("Chief").expects("until an operator unlocks it")
        await jane.expects("are ignored until an operator unlocks it")
        await tale.clock.passes(hours=48)
        await jane.replies(tale.code)
        assert (await tale.case())["state"] == "open"
        await tale.restart()
        await tale.operations.unlock(ADMIN, jane.address)
        await jane.replies(tale.code)
        assert (await tale.case())["state"] == "closed"


async def test_only_what_is_locked_can_be_unlocked(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        with pytest.raises(Refused, match="is not locked"):
            await tale.operations.unlock(ADMIN, "+6581234567")


# -- late, twice, together ---------------------------------------------------------------------------------------


async def test_a_late_one_hears_by_whom_and_when(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY, timezone="Asia/Singapore") as tale:
        await tale.alarm()
        await tale.phone("Jane").replies(tale.code)
        await tale.clock.passes(minutes=55)
        assert await answer(tale.phone("Adam"), tale.code) == f"Already acknowledged by Jane 20:00 ({tale.code})."
        assert (await tale.case())["acknowledged_by"] == "Jane"


async def test_a_late_one_with_words_has_them_passed_on(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.phone("Jane").replies(tale.code)
        assert "Your words were passed on." in await answer(tale.phone("Adam"), f"{tale.code} take the torch")
        await tale.phone("Jane").expects("Comment by Adam: take the torch")


async def test_each_answer_is_given_once(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        jane = tale.phone("Jane")
        assert "Thank you" in await answer(jane, tale.code)
        assert "Already acknowledged by Jane" in await answer(jane, tale.code)
        for _ in range(3):
            assert await answer(jane, tale.code) == ""
        assert len([text for text in tale.phone("Adam").texts if "Acknowledged" in text]) == 1


async def test_the_same_sms_read_twice_counts_once(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        for _ in range(2):
            await tale.phone("Jane").replies(f"no {tale.code}", reference="slot 7")
        assert len(await tale.events("CaseDeclined")) == 1
        assert len([text for text in tale.phone("Jane").texts if "Noted" in text]) == 1


async def test_after_a_week_a_code_is_nobodys(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.phone("Jane").replies(tale.code)
        await tale.clock.passes(days=6, hours=23)
        assert "Already acknowledged" in await answer(tale.phone("Adam"), tale.code)
        await tale.clock.passes(hours=2)
        assert "No code of yours" in await answer(tale.phone("Adam"), tale.code)


async def test_two_machines_that_answer_each_other_come_to_an_end(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        jane = tale.phone("Jane")
        for minute in range(55):
            await jane.replies(f"auto reply {minute}")
            await tale.clock.passes(minutes=1)
        assert len([text for text in jane.texts if text.startswith("Reply with a code")]) <= 6


async def test_a_code_of_two_alarms_acknowledges_neither_and_names_both(tmp_path: Path) -> None:
    """Two nodes gave it out while they could not see each other."""
    async with Tale(tmp_path, POLICY) as tale:
        one, two = await alarms(tale, "pump is hot", "door is open")

        def collide(transaction: object) -> None:
            transaction.flush()
            transaction.connection.exec_driver_sql(f"UPDATE cases SET code = '{one}' WHERE code = '{two}'")
            transaction.forget()

        await tale.node.ledger.submit(collide)
        text = await answer(tale.phone("Jane"), f"{one} coming")
        assert "stands for several alarms, none is acknowledged" in text
        assert "pump is hot" in text
        assert "door is open" in text
        assert set((await states(tale)).values()) == {"open"}


# -- by console, command line, HTTP, MQTT ------------------------------------------------------------------------


async def test_an_operator_acknowledges_for_all_and_all_are_told(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        assert (await tale.acks(comment="known"))["cases"][0]["result"] == "acknowledged"
        for name in ("Adam", "Jane"):
            await tale.phone(name).expects("pump is hot", "ACK")
            await tale.phone(name).expects("Acknowledged by test: known")


async def test_in_somebodys_name_only_if_he_was_told(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        with pytest.raises(Refused, match="Bo was not told"):
            await tale.acks(by="Bo")
        with pytest.raises(Refused, match="there is no recipient"):
            await tale.acks(by="Nobody")
        await tale.acks(by="Jane")
        assert (await tale.case())["acknowledgements"][0]["by"] == "Jane"
        assert not [text for text in tale.phone("Jane").texts if "Acknowledged by" in text], "she knows"


async def test_the_text_of_a_reply_is_read_as_by_sms(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await tale.acks(text=f"busy {tale.code} until noon", by="Jane")
        assert (await tale.case())["state"] == "open"
        assert await tale.events("CaseDeclined")
        with pytest.raises(Refused, match="must begin with a code"):
            await tale.acks(text="on my way")


async def test_an_unknown_code_does_nothing_at_all(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        with pytest.raises(Refused, match="there is no case with the code"):
            await tale.acks(codes=[tale.code, wrong(tale, 1)])
        assert (await tale.case())["state"] == "open"
