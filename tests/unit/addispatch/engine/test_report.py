"""The report of a recall: everybody by answer, with time and words, by mail to those who supervise."""

from __future__ import annotations

import pytest
from pipelines import ADAM, JANE, book, group, person
from rooms import PHONE_ADAM, PHONE_BO, PHONE_JANE, SMS_CHIEF, mobilise, open_room, usual

from addispatch.domain.alarm import QueueClass
from addispatch.domain.case import Case, Note
from addispatch.domain.case_state import roll_call
from addispatch.domain.errors import Refused
from addispatch.engine.report import KEPT_MS, listing, report, roll_call_doc, summary
from addispatch.pipeline.desk import Desk

CHIEF = person("Chief", sms=SMS_CHIEF, email=("chief@example.com",))
NO_MAIL = person("Chief", sms=SMS_CHIEF)


def recall(chief=CHIEF, *others):
    people = (PHONE_ADAM, PHONE_JANE, PHONE_BO, chief, *others)
    return (*people, mobilise(), group("Ops", "Adam", "Jane", "Bo", policy="mobilise"))


async def half_answered(room):
    """Adam came, Bo cannot, Jane is silent."""
    code = (await room.accept("gas leak", to=("Ops",))).cases[0].code
    await room.sends()
    room.clock.forward(minutes=3)

    def unit(tx, entry):
        adam, bo = Note(room.now_ms, "adam", "sms", "10 min", "Adam"), Note(room.now_ms, "bo", "sms", "", "Bo")
        tx.join(entry, Case(id=entry.case.id, acks=frozenset({adam}), declines=frozenset({bo})), room.now_ms)

    await room.on(1, unit)
    return code


async def reported(room):
    await room.on(1, lambda tx, entry: report(tx, room.desk, entry, room.now_ms))
    return await room.claims()


async def test_the_report_goes_by_mail_to_supervisors_and_system_alert_recipients_once(tmp_path):
    async with open_room(tmp_path, *recall(CHIEF, ADAM), settings={"system_alert_to": ("chief", "adam")}) as room:
        room.pipeline.use(book(*recall(CHIEF), system_alert_to=("chief",)))
        code = await half_answered(room)
        (claim,) = await reported(room)
        assert (claim.recipient, claim.key.channel, claim.queue_class) == ("Chief", "email", QueueClass.REPORT)
        title = f"Recall {code} for Ops: 1 acknowledged, 1 declined, 1 no answer, 0 not reached"
        assert claim.subject == title
        assert claim.text == (
            f"{title}\n\ngas leak\n\n"
            "Acknowledged (1):\n  Adam 12:03: 10 min\nDeclined (1):\n  Bo 12:03\nNo answer (1):\n  Jane"
        )


async def test_without_any_mailbox_the_counts_go_by_other_ways(tmp_path):
    async with open_room(tmp_path, *recall(NO_MAIL)) as room:
        code = await half_answered(room)
        (claim,) = await reported(room)
        assert claim.key.channel == "sms"
        assert claim.text == f"Recall {code} for Ops: 1 acknowledged, 1 declined, 1 no answer, 0 not reached"


async def test_without_a_mail_plugin_too(tmp_path):
    async with open_room(tmp_path, *recall(CHIEF), provided=frozenset({"sms"})) as room:
        await half_answered(room)
        (claim,) = await reported(room)
        assert claim.key.channel == "sms"


async def test_somebody_who_left_the_book_is_called_by_the_name_he_had(tmp_path):
    async with open_room(tmp_path, *recall()) as room:
        await half_answered(room)
        room.pipeline.use(book(CHIEF, mobilise()))
        (claim,) = await reported(room)
        assert "  Adam 12:03: 10 min" in claim.text
        assert claim.text.endswith("No answer (1):\n  Jane")


def test_nobody_asked_and_nobody_answered():
    empty = roll_call(Case(id="c"))
    assert summary(empty) == "there is nobody in it to ask"
    assert listing(empty, {}, Desk(directory=book())) == ""


async def test_the_roll_call_as_a_document(tmp_path):
    async with open_room(tmp_path, *recall()) as room:
        code = await half_answered(room)
        found = await room.unit(lambda tx: roll_call_doc(tx, code, room.now_ms))
        at = "2026-01-01T12:03:00.000Z"
        assert found == {
            "recalls": [
                {
                    "id": (await room.cases())[0]["id"],
                    "code": code,
                    "audience": "Ops",
                    "state": "open",
                    "counts": {"acked": 1, "declined": 1, "pending": 1, "undeliverable": 0},
                    "people": [
                        {"recipient": "Adam", "answer": "acked", "at": at, "comment": "10 min"},
                        {"recipient": "Jane", "answer": "pending", "at": None, "comment": ""},
                        {"recipient": "Bo", "answer": "declined", "at": at, "comment": ""},
                    ],
                }
            ]
        }


@pytest.mark.parametrize("code", ["Z999", "", "x" * 500])
async def test_a_code_that_is_no_recall_s(tmp_path, code):
    async with open_room(tmp_path, *recall()) as room:
        await half_answered(room)
        with pytest.raises(Refused, match="there is no recall with the code"):
            await room.unit(lambda tx: roll_call_doc(tx, code, room.now_ms))


async def test_a_basic_case_has_no_roll_call_and_an_old_recall_neither(tmp_path):
    people = (ADAM, JANE, PHONE_BO, usual(), group("Basic", "Adam", policy="usual"))
    async with open_room(tmp_path, *people) as room:
        code = (await room.accept("hot", to=("Basic",))).cases[0].code
        with pytest.raises(Refused):
            await room.unit(lambda tx: roll_call_doc(tx, code, room.now_ms))


async def test_it_can_be_looked_at_for_a_week_after_its_end(tmp_path):
    async with open_room(tmp_path, *recall()) as room:
        code = await half_answered(room)

        def rest(tx, entry):
            note = Note(room.now_ms, "jane", "sms", "", "Jane")
            tx.join(entry, Case(id=entry.case.id, acks=frozenset({note})), room.now_ms)

        await room.on(1, rest)
        room.clock.forward(seconds=KEPT_MS / 1000)
        assert (await room.unit(lambda tx: roll_call_doc(tx, code, room.now_ms)))["recalls"][0]["state"] == "closed"
        room.clock.forward(seconds=1)
        with pytest.raises(Refused):
            await room.unit(lambda tx: roll_call_doc(tx, code, room.now_ms))
