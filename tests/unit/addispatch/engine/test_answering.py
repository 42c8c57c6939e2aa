"""Requests to acknowledge: checked with the field named, all or nothing, in whose name they may be."""

from __future__ import annotations

import pytest
from pipelines import ADMIN, group
from rooms import PHONE_ADAM, PHONE_BO, PHONE_CHIEF, PHONE_JANE, mobilise, open_room, usual

from addispatch.domain.case_state import Answer, roll_call
from addispatch.domain.errors import Refused
from addispatch.domain.token import Grant, mark_of
from addispatch.engine.acknowledge import Action
from addispatch.engine.answering import BAD_LINK, Request, answer, link_answer, link_view, read_request
from addispatch.pipeline import open as opening
from addispatch.store import transaction as transaction_module

PEOPLE = (PHONE_ADAM, PHONE_JANE, PHONE_BO, PHONE_CHIEF)
OPS = (*PEOPLE, usual(), group("Ops", "Adam", "Jane", policy="usual"))
RECALL = (*PEOPLE, mobilise(), group("Ops", "Adam", "Jane", policy="mobilise"))


async def asks(room, **request):
    asked = read_request(request)
    return await room.unit(lambda tx: answer(tx, room.desk, asked, ADMIN, room.now_ms))


async def raised(room, text="hot", **fields):
    code = (await room.accept(text, **{"to": ("Ops",), **fields})).cases[0].code
    await room.sends()
    return code


async def states(room):
    return [case["state"] for case in await room.cases()]


# -- requests ------------------------------------------------------------------------------------------------------------


def test_a_whole_request():
    found = read_request(
        {"codes": ["a123", "B456"], "by": "Jane", "recipients": "Adam", "comment": "x", "action": "decline"}
    )
    assert found == Request(("A123", "B456"), "", "Jane", ("Adam",), "x", Action.DECLINE)
    assert read_request({"case": "7", "codes": None, "action": None}) == Request((), "7", "", (), "", Action.ACK)


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("A123 on my way", Request(("A123",), "", "", (), "on my way", Action.ACK)),
        ("no a123, b456 abroad", Request(("A123", "B456"), "", "", (), "abroad", Action.DECLINE)),
    ],
)
def test_a_request_may_be_the_text_of_a_reply(text, request_):
    assert read_request({"text": text}) == request_


def test_a_code_named_twice_is_one():
    assert read_request({"codes": ["A123", "a123", "B456"]}).codes == ("A123", "B456")


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({}, "codes"),
        ({"codes": []}, "codes"),
        ({"codes": ["A123"], "case": "7"}, "codes"),
        ({"codes": ["A123"] * 3 + [f"A{n}" for n in range(100, 120)]}, "codes"),
        ({"codes": 5}, "codes"),
        ({"codes": [5]}, "codes"),
        ({"codes": [""]}, "codes"),
        ({"codes": ["x" * 201]}, "codes"),
        ({"codes": {"A123": 1}}, "codes"),
        ({"codes": "A123", "action": "shout"}, "action"),
        ({"codes": "A123", "action": ["ack"]}, "action"),
        ({"codes": "A123", "comment": 5}, "comment"),
        ({"codes": "A123", "comment": "x" * 4001}, "comment"),
        ({"codes": "A123", "action": "comment"}, "comment"),
        ({"codes": "A123", "action": "comment", "comment": " "}, "comment"),
        ({"codes": "A123", "by": ["Jane"]}, "by"),
        ({"codes": "A123", "recipients": [None]}, "recipients"),
        ({"codes": "A123", "colour": "red"}, "colour"),
        ({"case": 5}, "case"),
        ({"text": "on my way"}, "text"),
        ({"text": "ok"}, "text"),
    ],
    ids=str,
)
def test_a_bad_request_is_refused_naming_the_field(request_, field):
    with pytest.raises(Refused) as caught:
        read_request(request_)
    assert caught.value.field == field
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("request_", "both"),
    [
        ({"text": "A123 on my way", "codes": ["B456"]}, ("text", "codes")),
        ({"text": "A123 on my way", "case": "7"}, ("text", "case")),
        ({"text": "A123 on my way", "comment": "no"}, ("text", "comment")),
        ({"text": "A123 on my way", "action": "decline"}, ("text", "action")),
        ({"codes": ["A123"], "case": "7"}, ("codes", "case")),
    ],
    ids=str,
)
def test_what_contradicts_is_refused_naming_both(request_, both):
    with pytest.raises(Refused) as caught:
        read_request(request_)
    assert caught.value.field == both[0]
    assert f"cannot go with {both[1]}" in str(caught.value)


# -- acting --------------------------------------------------------------------------------------------------------------


async def test_an_operator_acknowledges_on_behalf_of_all(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        code = await raised(room)
        assert await asks(room, codes=code, comment="seen") == {
            "cases": [{"id": (await room.cases())[0]["id"], "code": code, "result": "acknowledged"}],
            "answer": f"Thank you, test. {code} is acknowledged.",
        }
        assert (await room.cases())[0]["acknowledged_by"] == "test"
        assert sorted(line.split(":")[0] for line in await room.waiting()) == ["Adam", "Jane"]


async def test_in_the_name_of_somebody_who_was_told(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        code = await raised(room)
        with pytest.raises(Refused, match="Bo was not told of it"):
            await asks(room, codes=code, by="bo")
        assert (await asks(room, codes=code, by="bo", action="comment", comment="x"))["cases"][0][
            "result"
        ] == "commented"
        with pytest.raises(Refused, match="there is no recipient 'Ops'"):
            await asks(room, codes=code, by="Ops")
        assert await states(room) == ["open"]
        await asks(room, codes=code, by="jane")
        assert (await room.cases())[0]["acknowledged_by"] == "Jane"


async def test_anybody_s_name_will_do_if_the_settings_say_so(tmp_path):
    async with open_room(tmp_path, *OPS, settings={"anyone_may_ack": True}) as room:
        await asks(room, codes=await raised(room), by="Bo")
        assert await states(room) == ["closed"]


async def test_one_unknown_code_and_nothing_is_done(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        code = await raised(room)
        with pytest.raises(Refused, match="there is no case with the code Z999"):
            await asks(room, codes=[code, "Z999"])
        assert await states(room) == ["open"]


async def test_a_code_acts_on_every_open_case_of_its_alarm(tmp_path):
    async with open_room(tmp_path, *OPS, group("Fire", "Bo", policy="usual")) as room:
        code = await raised(room, to=("Ops", "Fire"))
        done = await asks(room, codes=code)
        assert [case["result"] for case in done["cases"]] == ["acknowledged"] * 2
        assert done["answer"].count("Thank you") == 1
        again = await asks(room, codes=code)
        assert [case["result"] for case in again["cases"]] == ["already"], "of what is over, the latest"


async def test_a_code_of_two_alarms_is_refused_and_the_id_still_works(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "new_code", lambda *_args, **_kwargs: "A123")
    async with open_room(tmp_path, *OPS) as room:
        await raised(room)
        await raised(room, "cold")
        with pytest.raises(Refused, match="A123 stands for several alarms"):
            await asks(room, codes="A123")
        await asks(room, case=(await room.cases())[1]["id"])
        assert await states(room) == ["open", "closed"]


async def test_a_code_named_twice_acts_once_even_beyond_the_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(transaction_module, "CACHE_COUNT", 0)
    async with open_room(tmp_path, *OPS) as room:
        code = await raised(room)
        assert len((await asks(room, codes=[code, code.lower()]))["cases"]) == 1
        assert len(await room.events("CaseAcknowledged")) == 1


@pytest.mark.parametrize("ident", ["no id", "7", "ab" * 16, "2e90582e-9d82-447a-ba2d-fc23d71c2e46", "é" * 36])
async def test_a_case_that_is_none(tmp_path, ident):
    async with open_room(tmp_path, *OPS) as room:
        await raised(room)
        with pytest.raises(Refused, match=f"case: there is no case {ident}"):
            await asks(room, case=ident)


async def test_what_asks_nobody_is_not_acknowledged(tmp_path):
    async with open_room(tmp_path, PHONE_ADAM) as room:
        await raised(room, to=("Adam",))
        with pytest.raises(Refused, match="nobody need acknowledge this one"):
            await asks(room, case=(await room.cases())[0]["id"])


async def test_who_is_named_twice_counts_once(tmp_path):
    async with open_room(tmp_path, *RECALL) as room:
        code = await raised(room)
        said = await asks(room, codes=code, recipients=["Jane", "Adam", "jane"])
        assert said["answer"] == f"Thank you, Jane / Adam. You are counted for {code}."
        assert len((await room.entry()).case.acks) == 2


async def test_in_a_recall_the_recipients_are_named_or_all(tmp_path):
    async with open_room(tmp_path, *RECALL) as room:
        code = await raised(room)
        await asks(room, codes=code, recipients=["Jane"], comment="10 min")
        answers = roll_call((await room.entry()).case)
        assert answers.answers == {"adam": Answer.PENDING, "jane": Answer.ACKED}
        assert answers.notes["jane"].text == "10 min"
        with pytest.raises(Refused) as caught:
            await asks(room, codes=code, recipients=["Adam", "Nobody"])
        assert caught.value.field == "recipients"
        await asks(room, codes=code, recipients=["all"])
        assert await states(room) == ["closed"]


# -- links ---------------------------------------------------------------------------------------------------------------


def grant(entry, who="jane") -> Grant:
    return Grant(entry.case.id, mark_of(who), 2**31)


async def test_a_link_belongs_to_its_recipient_and_case(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        code = await raised(room)
        entry = await room.entry()
        assert await room.unit(lambda tx: link_view(tx, room.desk, grant(entry))) == "Jane"
        doc = {"comment": "on my way", "codes": ["Z999"], "by": "Adam"}
        done = await room.unit(lambda tx: link_answer(tx, room.desk, grant(entry), doc, room.now_ms))
        assert done["answer"] == f"Thank you, Jane. {code} is acknowledged.", "what else it says is not listened to"
        (note,) = entry.case.acks
        assert (note.by, note.via, note.text) == ("jane", "link", "on my way")


@pytest.mark.parametrize("bad", ["recipient", "case"])
async def test_a_link_that_fits_nothing(tmp_path, bad):
    async with open_room(tmp_path, *OPS) as room:
        await raised(room)
        wrong = grant(await room.entry(), "bo")
        if bad == "case":
            wrong = grant(await room.entry())._replace(case_id="2e90582e-9d82-447a-ba2d-fc23d71c2e46")
        for act in (
            lambda tx: link_view(tx, room.desk, wrong),
            lambda tx: link_answer(tx, room.desk, wrong, {}, room.now_ms),
        ):
            with pytest.raises(Refused, match=BAD_LINK):
                await room.unit(act)
        assert await states(room) == ["open"]


async def test_a_link_acts_for_every_case_of_the_alarm_that_contacted_him(tmp_path):
    people = (*OPS, group("Fire", "Jane", policy="usual"), group("Night", "Bo", policy="usual"))
    async with open_room(tmp_path, *people) as room:
        await raised(room, to=("Ops", "Fire", "Night"))
        entry = await room.entry()
        await room.unit(lambda tx: link_answer(tx, room.desk, grant(entry), {"action": "decline"}, room.now_ms))
        assert [len((await room.entry(seq)).case.declines) for seq in (1, 2, 3)] == [1, 1, 0]


async def test_a_bad_answer_by_link_is_refused(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await raised(room)
        entry = await room.entry()
        with pytest.raises(Refused) as caught:
            await room.unit(
                lambda tx: link_answer(tx, room.desk, grant(entry), {"action": "comment", "comment": ""}, room.now_ms)
            )
        assert caught.value.field == "comment"
