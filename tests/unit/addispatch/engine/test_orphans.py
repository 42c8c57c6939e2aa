"""A reply whose code the other node gave out: kept, passed on, taken once its case is known, given up after a while."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from duet import open_duet
from pipelines import group
from rooms import PHONE_ADAM, PHONE_BO, PHONE_JANE, SMS_ADAM, SMS_JANE, usual

from addispatch.domain.message import Incoming
from addispatch.engine import orphans

OPS = (PHONE_ADAM, PHONE_JANE, PHONE_BO, usual(), group("Ops", "Adam", "Jane", policy="usual"))


def reply(text, sender=SMS_ADAM, reference="r1"):
    return Incoming(reference=reference, channel="sms", sender=sender, text=text, received_at=datetime.now(UTC))


@pytest.fixture
async def duet(tmp_path):
    async with open_duet(tmp_path, *OPS) as duet:
        yield duet


def keep(room, message, code):
    return room.unit(lambda tx: orphans.keep(tx, message, code, room.now_ms))


async def waits(room, code):
    return await room.unit(lambda tx: orphans.waiting_for(tx, [code]))


def look(room, *codes):
    return room.unit(lambda tx: orphans.look(tx, room.desk, codes, room.now_ms))


async def test_each_rank_has_its_own_letters(duet):
    def others(room):
        return room.unit(lambda tx: [orphans.is_the_others(tx, code) for code in ("A123", "N123", "1", "")])

    assert await others(duet.a) == [False, True, False, False]
    assert await others(duet.b) == [True, False, False, False]
    duet.a.ledger.twin = None
    assert await others(duet.a) == [False] * 4, "alone one knows all codes"


async def test_a_reply_is_taken_when_its_case_comes(duet):
    await duet.a.accept("hot", to=("Ops",))
    await duet.a.sends("sms")
    code = (await duet.a.cases())[0]["code"]
    await keep(duet.b, reply(f"{code} on my way"), code)
    await duet.carry()
    for room in (duet.a, duet.b):
        (case,) = await room.cases()
        assert case["state"] != "open"
    (case,) = (await duet.alike()).values()
    assert {(note.by, note.text) for note in case.acks} == {("adam", "on my way")}
    assert await waits(duet.b, code) == []


async def test_a_reply_is_passed_on_to_the_node_that_knows_its_case(duet):
    await duet.a.accept("hot", to=("Ops",))
    await duet.a.sends("sms")
    duet.said["s1"].clear()  # b hears nothing of it
    code = (await duet.a.cases())[0]["code"]
    await keep(duet.b, reply(f"{code} on my way"), code)
    await duet.hears(duet.a, duet.said["s2"].pop())
    assert {note.by for note in (await duet.a.entry()).case.acks} == {"adam"}


async def test_the_replies_of_two_people_are_both_kept(duet):
    await keep(duet.b, reply("A123 coming"), "A123")
    await keep(duet.b, reply("A123 me too", SMS_JANE, "r2"), "A123")
    assert [(one.sender, one.text) for one in await waits(duet.b, "A123")] == [
        (SMS_ADAM, "A123 coming"), (SMS_JANE, "A123 me too"),
    ]  # fmt: skip
    assert await waits(duet.b, "A123") == [], "and taken once"


async def test_there_is_a_limit(duet):
    for n in range(orphans.MOST_COUNT + 5):
        await keep(duet.b, reply("A123 coming", reference=f"r{n}"), "A123")
    assert len(await waits(duet.b, "A123")) == orphans.MOST_COUNT


async def test_its_writer_hears_once_that_it_is_looked_into_and_it_is_given_up_at_last(duet):
    await keep(duet.b, reply("A123 coming"), "A123")
    await look(duet.b, "A123")
    assert await duet.b.sends("sms") == []
    for _ in range(2):
        duet.b.clock.forward(seconds=6)
        await look(duet.b, "A123", "B999")
    assert await duet.b.sends("sms") == ["Adam: A123: received, checking."]
    duet.b.clock.forward(minutes=10)
    await look(duet.b, "A123")
    await look(duet.b, "A123")
    assert await duet.b.lines("ReplyUnknown") == [f"Nobody knows the code A123 that {SMS_ADAM} named: A123 coming"]
    assert await waits(duet.b, "A123") == []


async def test_a_stranger_is_told_nothing(duet):
    await keep(duet.b, reply("A123 coming", "+6599999999"), "A123")
    duet.b.clock.forward(seconds=6)
    await look(duet.b, "A123")
    assert await duet.b.sends("sms") == []
