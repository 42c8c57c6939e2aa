"""What people write back: who may acknowledge with which words, what he is answered, and when nobody listens."""

from __future__ import annotations

import pytest
from pipelines import ADAM, JANE, book, group, person
from rooms import (
    KEY,
    PHONE_ADAM,
    PHONE_BO,
    PHONE_CHIEF,
    PHONE_JANE,
    SMS_ADAM,
    SMS_BO,
    SMS_JANE,
    mobilise,
    open_room,
    usual,
)

from addispatch.domain.case_state import Answer, roll_call
from addispatch.domain.message import Incoming
from addispatch.domain.token import make_token
from addispatch.engine.replies import LATE_MS, LOCK, MOST_ANSWERS, SAME_AGAIN_MS, Replies
from addispatch.pipeline import open as opening

PEOPLE = (PHONE_ADAM, PHONE_JANE, PHONE_BO, PHONE_CHIEF)
OPS = (*PEOPLE, usual(), group("Ops", "Adam", "Jane", policy="usual"))
MAILS = (ADAM, JANE, PHONE_BO, usual(allow_email_reply=True), group("Ops", "Adam", "Jane", policy="usual"))
CHIEF = {"system_alert_to": ("chief",)}


async def writes(room, text, sender=SMS_JANE, channel="sms", **fields):
    message = Incoming(
        channel=channel, sender=sender, text=text, received_at=room.clock.now(), reference="x", **fields
    )  # fmt: skip
    await room.unit(lambda tx: Replies(tx, room.desk, message, room.now_ms).take())


async def answers(room) -> list[str]:
    """What waits, sent: each answer is seen once."""
    return await room.sends()


async def raised(room, text="hot", *, sent=True, **fields):
    code = (await room.accept(text, **{"to": ("Ops",), **fields})).cases[0].code
    if sent:
        await room.sends()
    return code


async def states(room):
    return [case["state"] for case in await room.cases() if case["code"]]


# -- by code -------------------------------------------------------------------------------------------------------------


async def test_a_code_of_his_acknowledges_and_is_answered(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        code = await raised(room)
        await writes(room, f"{code.lower()} on my way")
        assert await answers(room) == [
            f"Adam: Acknowledged by Jane: on my way ({code} hot)", f"Jane: Thank you, Jane. {code} is acknowledged.",
        ]  # fmt: skip
        assert await states(room) == ["closed"]
        (note,) = (await room.entry()).case.acks
        assert (note.by, note.name, note.via, note.text) == ("jane", "Jane", "sms", "on my way")


async def test_no_and_a_code_declines(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        code = await raised(room)
        await writes(room, f"busy {code} till noon")
        assert await answers(room) == [f"Jane: Noted that you cannot come, Jane ({code})."]
        assert await states(room) == ["open"]


async def test_several_codes_at_once_get_one_answer(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        codes = [await raised(room, text) for text in ("hot", "cold")]
        await writes(room, f"{codes[0]}, {codes[1]} coming")
        mine = [text for text in await answers(room) if text.startswith("Jane")]
        assert mine == [
            f"Jane: Thank you, Jane. {codes[0]} is acknowledged. Thank you, Jane. {codes[1]} is acknowledged."
        ]
        assert await states(room) == ["closed", "closed"]


async def test_a_code_acknowledges_every_case_of_its_alarm_that_contacted_him(tmp_path):
    people = (*OPS, group("Fire", "Jane", "Bo", policy="usual"), group("Night", "Bo", policy="usual"))
    async with open_room(tmp_path, *people) as room:
        code = await raised(room, to=("Ops", "Fire", "Night"))
        await writes(room, code)
        assert await states(room) == ["closed", "closed", "open"]
        mine = [text for text in await answers(room) if text.startswith("Jane")]
        assert mine == [f"Jane: Thank you, Jane. {code} is acknowledged."]


async def test_somebody_who_was_not_contacted_acknowledges_nothing(tmp_path):
    async with open_room(tmp_path, *OPS, group("Fire", "Bo", policy="usual")) as room:
        mine, fires = await raised(room), await raised(room, "smoke", to=("Fire",))
        await writes(room, f"{mine} coming", SMS_BO)
        assert await states(room) == ["open", "open"]
        assert await answers(room) == [f"Bo: No code of yours: {mine}. Reply with a code: {fires} smoke"]


async def test_not_even_with_his_own_code_before_his_text_left(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        code = await raised(room, sent=False)
        await writes(room, code)
        assert await states(room) == ["open"]
        await room.claims()
        await writes(room, code)
        assert await states(room) == ["closed"], "on its way is enough"


async def test_anybody_in_the_address_book_may_if_the_settings_say_so_but_no_stranger(tmp_path):
    async with open_room(tmp_path, *OPS, settings={"anyone_may_ack": True}) as room:
        code = await raised(room)
        await writes(room, code, "+6599999999")
        assert await states(room) == ["open"]
        await writes(room, f"{code} I go", SMS_BO)
        assert await states(room) == ["closed"]
        assert "Bo: Thank you, Bo." in (await answers(room))[-1]


async def test_people_who_share_a_phone_are_named_together(tmp_path):
    desk = person("Desk", sms=SMS_JANE, email=("desk@example.com",))
    async with open_room(tmp_path, *OPS, desk, group("All", "Jane", "Desk", policy="usual")) as room:
        code = await raised(room, to=("All",))
        await writes(room, code)
        (note,) = (await room.entry()).case.acks
        assert note.name == "Desk / Jane"


async def test_a_number_that_is_in_the_book_no_more_still_counts(tmp_path):
    """It was asked; who has it answers."""
    async with open_room(tmp_path, *OPS) as room:
        code = await raised(room)
        room.pipeline.use(book(PHONE_ADAM, usual(), group("Ops", "Adam", policy="usual")))
        await writes(room, code)
        assert await states(room) == ["closed"]
        (note,) = (await room.entry()).case.acks
        assert (note.by, note.name) == ("jane", SMS_JANE)


async def test_a_code_that_stands_for_two_alarms_acknowledges_neither(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "new_code", lambda *_args, **_kwargs: "A123")
    async with open_room(tmp_path, *OPS) as room:
        await raised(room, "hot")
        await raised(room, "cold")
        await writes(room, "A123")
        assert await states(room) == ["open", "open"]
        assert await answers(room) == [
            "Jane: Code A123 stands for several alarms, none is acknowledged: A123 cold; A123 hot"
        ]


async def test_a_late_code_is_answered_for_a_week(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        code = await raised(room)
        await writes(room, code, SMS_ADAM)
        await answers(room)
        await writes(room, code)
        assert await answers(room) == [f"Jane: Already acknowledged by Adam 12:00 ({code})."]
        room.clock.forward(seconds=LATE_MS / 1000 + 1)
        await writes(room, code)
        assert await answers(room) == [f"Jane: No code of yours: {code}. Nothing is open for you."]


async def test_the_same_news_is_answered_once(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        code = await raised(room)
        await writes(room, code)
        assert len(await answers(room)) == 2
        await writes(room, code)
        assert await answers(room) == [f"Jane: Already acknowledged by Jane 12:00 ({code})."]
        await writes(room, code)
        assert await answers(room) == []


async def test_a_policy_may_want_no_answers(tmp_path):
    people = (*PEOPLE, usual(answer_acks=False, notify_contacted=False), group("Ops", "Jane", policy="usual"))
    async with open_room(tmp_path, *people) as room:
        code = await raised(room)
        await writes(room, code)
        assert await states(room) == ["closed"]
        assert await answers(room) == []


async def test_acking_any_acks_all_if_the_policy_says_so(tmp_path):
    people = (*PEOPLE, usual(ack_any_acks_all=True), group("Ops", "Adam", "Jane", policy="usual"))
    async with open_room(tmp_path, *people, usual(id="other"), group("Fire", "Jane", policy="other")) as room:
        await raised(room, "one")
        code = await raised(room, "two")
        await raised(room, "three", to=("Fire",))
        await writes(room, f"no {code}")
        assert await states(room) == ["open"] * 3, "a decline is of one only"
        await writes(room, f"{code} on my way")
        assert await states(room) == ["closed"] * 3


# -- wrong codes ---------------------------------------------------------------------------------------------------------


async def wrong(room, count=5, sender=SMS_JANE):
    for number in range(count):
        await writes(room, f"Z{900 + number}", sender)
    await answers(room)


async def test_five_wrong_codes_lock_a_number_and_alert(tmp_path):
    async with open_room(tmp_path, *OPS, settings=CHIEF) as room:
        code = await raised(room)
        await wrong(room, 4)
        assert await room.events("SenderLocked") == []
        await writes(room, "Z999")
        assert await room.lines("SenderLocked") == [
            f"Too many wrong codes from {SMS_JANE}: its codes are ignored until 13:00"
        ]
        alerts = [text for text in await answers(room) if text.startswith("Chief")]
        assert alerts == [f"Chief: Too many wrong codes from {SMS_JANE}: its codes are ignored until 13:00."]
        for words in (code, "ok", "ALL"):
            await writes(room, words)
        assert await states(room) == ["open"]
        assert await answers(room) == [], "nor is it answered"
        assert len(await room.events("ReplyRefused")) == 3
        await writes(room, code, SMS_ADAM)
        assert await states(room) == ["closed"], "others are not locked"


async def test_after_an_hour_it_is_listened_to_again(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        code = await raised(room)
        await wrong(room)
        room.clock.forward(seconds=3599)
        await writes(room, code)
        assert await states(room) == ["open"]
        room.clock.forward(seconds=1)
        await writes(room, code)
        assert await states(room) == ["closed"]


async def test_the_second_time_in_a_day_only_an_operator_ends_it(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        code = await raised(room)
        await wrong(room)
        room.clock.forward(hours=2)
        await wrong(room)
        assert (await room.lines("SenderLocked"))[-1].endswith("ignored until an operator unlocks it")
        room.clock.forward(days=3)
        await writes(room, code)
        assert await states(room) == ["open"]
        await room.unit(lambda tx: tx.marks.update({f"{LOCK}{SMS_JANE}": b""}))
        await writes(room, code)
        assert await states(room) == ["closed"]


async def test_a_wrong_code_beside_a_right_one_is_no_guess(tmp_path):
    """``A123 P101 tripped``: P101 is the pump."""
    async with open_room(tmp_path, *OPS) as room:
        code = await raised(room)
        for _ in range(6):
            await writes(room, f"{code} P101 tripped")
        assert await room.events("SenderLocked") == []
        assert await states(room) == ["closed"]


# -- without a code ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "state"), [("ok", "closed"), ("ack, coming", "closed"), ("ALL", "closed"), ("no", "open")]
)
async def test_bare_words_count_for_the_only_alarm(tmp_path, words, state):
    async with open_room(tmp_path, *OPS, group("Fire", "Adam", policy="usual")) as room:
        await raised(room)
        await raised(room, "not hers", to=("Fire",))
        await writes(room, words)
        assert await states(room) == [state, "open"]
        case = (await room.entry()).case
        assert len(case.acks | case.declines) == 1


async def test_with_several_open_the_codes_are_listed(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        one, two = await raised(room, "hot"), await raised(room, "cold")
        await writes(room, "ok")
        assert await states(room) == ["open", "open"]
        assert await answers(room) == [f"Jane: Reply with a code: {one} hot; {two} cold"]
        await writes(room, "ALL")
        assert await states(room) == ["closed", "closed"]


async def test_two_cases_of_one_alarm_are_one_thing(tmp_path):
    async with open_room(tmp_path, *OPS, group("Fire", "Jane", policy="usual")) as room:
        await raised(room, to=("Ops", "Fire"))
        await writes(room, "ok")
        assert await states(room) == ["closed", "closed"]


async def test_of_very_many_some_are_listed(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        for number in range(7):
            await raised(room, f"alarm {number}")
        await writes(room, "what?")
        (text,) = await answers(room)
        assert text.count(";") == 5
        assert text.endswith("; and 2 more")


async def test_other_words_are_answered_once_in_a_while(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        code = await raised(room)
        for _ in range(2):
            await writes(room, "who is there?")
        assert await answers(room) == [f"Jane: Reply with a code: {code} hot"]
        room.clock.forward(seconds=SAME_AGAIN_MS / 1000)
        await writes(room, "hello?")
        assert len(await answers(room)) == 1
        assert await states(room) == ["open"]


async def test_when_nothing_is_open_bare_words_are_told_so_and_others_ignored(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        code = await raised(room)
        await writes(room, code)
        await answers(room)
        await writes(room, "hello?")
        assert await answers(room) == []
        await writes(room, "ok")
        assert await answers(room) == ["Jane: Nothing is open for you."]


async def test_a_stranger_gets_no_answer(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        code = await raised(room)
        for words in (code, "ok", "hello", "ALL"):
            await writes(room, words, "+6599999999")
        assert await answers(room) == []
        assert await states(room) == ["open"]
        assert len(await room.events("ReplyRefused")) == 4


async def test_two_machines_that_answer_each_other_come_to_an_end(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        count = 0
        for number in range(MOST_ANSWERS + 10):
            await raised(room, f"alarm {number}")  # so that each answer is another one
            await writes(room, "no code here")
            count += len(await answers(room))
        assert count == MOST_ANSWERS
        (told,) = await room.lines("AnswersStopped")
        assert SMS_JANE in told
        assert f"{MOST_ANSWERS} answers" in told
        room.clock.forward(hours=2)
        await writes(room, "what?")
        assert len(await answers(room)) == 1
        assert len(await room.events("AnswersStopped")) == 1


async def test_who_gets_no_answers_any_more_still_acknowledges(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        for number in range(MOST_ANSWERS + 1):
            code = await raised(room, f"alarm {number}")
            await writes(room, f"{code} coming")
        assert set(await states(room)) == {"closed"}
        assert len(await room.events("AnswersStopped")) == 1


# -- by mail -------------------------------------------------------------------------------------------------------------


def token(room, case, who, ends_in_s=60):
    return make_token(KEY, case, who, room.now_ms // 1000 + ends_in_s)


async def mail(room, text, sender="jane@example.com", **fields):
    await writes(room, text, sender, "email", **fields)


async def test_a_mail_that_answers_ours_acknowledges_that_case_whatever_it_says(tmp_path):
    async with open_room(tmp_path, *MAILS) as room:
        code = await raised(room)
        case_id = (await room.cases())[0]["id"]
        await mail(
            room, "Will be there by 9.", "jane@private.example", tokens=("rubbish", token(room, case_id, "jane"))
        )
        (note,) = (await room.entry()).case.acks
        assert (note.by, note.via, note.text) == ("jane", "email", "Will be there by 9.")
        mine = [d for d in await room.deliveries() if d["to"] == "jane@private.example"]
        assert [d["text"] for d in mine] == [f"Thank you, Jane. {code} is acknowledged."]


async def test_a_mail_that_answers_ours_with_no_declines(tmp_path):
    async with open_room(tmp_path, *MAILS) as room:
        await raised(room)
        case_id = (await room.cases())[0]["id"]
        await mail(room, "No, I am abroad", tokens=(token(room, case_id, "jane"),))
        case = (await room.entry()).case
        assert [(n.by, n.text) for n in case.declines] == [("jane", "I am abroad")]
        assert not case.acks


@pytest.mark.parametrize(
    "made",
    [
        lambda room, case: token(room, case, "jane", ends_in_s=0),
        lambda room, case: token(room, case, "bo"),
        lambda room, case: make_token(bytes(32), case, "jane", room.now_ms),
        lambda room, _case: token(room, "0190b0f2-1111-5222-8333-444455556666", "jane"),
    ],
    ids=["ended", "not contacted", "other key", "no such case"],
)
async def test_a_token_that_is_no_good_leaves_it_to_the_text(tmp_path, made):
    async with open_room(tmp_path, *MAILS) as room:
        code = await raised(room)
        case_id = (await room.cases())[0]["id"]
        await mail(room, "on my way", tokens=(made(room, case_id),))
        assert await states(room) == ["open"]
        await mail(room, f"{code} on my way", tokens=(made(room, case_id),))
        assert await states(room) == ["closed"]


@pytest.mark.parametrize(("allowed", "state"), [(True, "closed"), (False, "open"), (None, "open")])
async def test_mails_count_only_if_the_policy_or_the_node_takes_them(tmp_path, allowed, state):
    people = (ADAM, JANE, PHONE_BO, usual(allow_email_reply=allowed), group("Ops", "Adam", "Jane", policy="usual"))
    async with open_room(tmp_path, *people) as room:
        code = await raised(room)
        case_id = (await room.cases())[0]["id"]
        await mail(room, f"{code} here", tokens=(token(room, case_id, "jane"),))
        assert await states(room) == [state]


async def test_what_no_person_wrote_never_counts(tmp_path):
    async with open_room(tmp_path, *MAILS) as room:
        code = await raised(room)
        case_id = (await room.cases())[0]["id"]
        await mail(
            room, f"{code} I am out of office", automatic="Auto-Submitted", tokens=(token(room, case_id, "jane"),)
        )
        assert await states(room) == ["open"]
        assert await room.waiting() == []
        assert await room.lines("ReplyRefused") == [
            "email from jane@example.com does not count: no person wrote it (Auto-Submitted)"
        ]


async def test_addresses_are_the_same_in_any_case_and_odd_mails_do_no_harm(tmp_path):
    async with open_room(tmp_path, *MAILS) as room:
        code = await raised(room)
        await mail(room, f"{code}\x00 on\ud800 my way", "Jane@Example.COM", subject="Pump\r\nBcc: all@x \udcff" * 9)
        assert await states(room) == ["closed"]
        (answer,) = [d for d in await room.claims("email") if d.key.address == "Jane@Example.COM"]
        assert answer.subject.startswith("Re: Pump Bcc:")
        assert len(answer.subject) <= 78


async def test_a_locked_sender_s_mail_still_acknowledges_by_its_token(tmp_path):
    async with open_room(tmp_path, *MAILS) as room:
        await raised(room)
        for number in range(5):
            await mail(room, f"Z{900 + number}")
        case_id = (await room.cases())[0]["id"]
        await mail(room, "coming", tokens=(token(room, case_id, "jane"),))
        assert await states(room) == ["closed"]


# -- recalls -------------------------------------------------------------------------------------------------------------


async def test_in_a_recall_a_shared_phone_answers_for_all_who_were_reached(tmp_path):
    people = (ADAM, person("Eve", sms=SMS_ADAM, email=("eve@example.com",)), PHONE_CHIEF)
    async with open_room(tmp_path, *people, mobilise(), group("Ops", "Adam", "Eve", policy="mobilise")) as room:
        code = await raised(room)
        await writes(room, f"{code} both of us", SMS_ADAM)
        assert roll_call((await room.entry()).case).answers == {"adam": Answer.ACKED, "eve": Answer.ACKED}
