"""Notices: each news once to each, at the address that worked, not while the text itself is on its way."""

from __future__ import annotations

import pytest
from pipelines import ADAM, JANE, group, person
from rooms import SMS_ADAM, SMS_JANE, open_room, usual

from addispatch.domain.alarm import QueueClass
from addispatch.domain.case import NOTICE_CYCLE, Case, CaseState, Head
from addispatch.domain.receipt import Permanent, Temporary
from addispatch.domain.text import segment_count
from addispatch.pipeline.notice import ABOUT_CHARS, Address, Notice, about, informed, send, way_to

OPS = (ADAM, JANE, usual(), group("Ops", "Adam", "Jane", policy="usual"))
TO_ADAM = Address("adam", "Adam", "sms", SMS_ADAM)
TO_MAIL = Address("jane", "Jane", "email", "jane@example.com")
NAMES = {"adam": "Adam", "jane": "Jane"}


async def sent(room, notice, to, told=None, seq=1) -> int:
    return await room.on(
        seq, lambda tx, entry: send(tx, entry, notice, to, set() if told is None else told, room.now_ms)
    )


async def told_of(room, but="") -> list[tuple[str, str]]:
    entry = await room.entry()
    return [(a.recipient, a.channel) for a in informed(entry.case, room.desk, NAMES, but=but)]


# -- sending -------------------------------------------------------------------------------------------------------------


async def test_the_same_news_is_told_once_to_each(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await room.accept(to=("Ops",))
        await room.sends()
        assert await sent(room, Notice("Jane comes", "ack 1 jane", "Good"), [TO_ADAM, TO_MAIL]) == 2
        assert await sent(room, Notice("Jane comes", "ack 1 jane", "Good"), [TO_ADAM, TO_MAIL]) == 0
        assert await sent(room, Notice("Adam too", "ack 2 adam"), [TO_ADAM]) == 1
        claims = await room.claims()
        assert {claim.queue_class for claim in claims} == {QueueClass.NOTICE}
        assert {claim.key.cycle for claim in claims} == {NOTICE_CYCLE}
        assert {(c.key.channel, c.text, c.subject) for c in claims} == {
            ("sms", "Jane comes", ""), ("sms", "Adam too", ""), ("email", "Jane comes", "Good"),
        }  # fmt: skip


async def test_who_is_in_two_cases_of_an_alarm_is_told_once(tmp_path):
    async with open_room(tmp_path, *OPS, group("Fire", "Adam", policy="usual")) as room:
        await room.accept(to=("Ops", "Fire"))
        told = set()
        assert await sent(room, Notice("over", "clear"), [TO_ADAM], told, 1) == 1
        assert await sent(room, Notice("over", "clear"), [TO_ADAM], told, 2) == 0
        assert told == {("sms", SMS_ADAM)}


async def test_a_notice_keeps_no_case_open_and_wakes_its_channel(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await room.accept(to=("Adam",))
        await room.sends()
        channels = await room.on(
            1, lambda tx, entry: (send(tx, entry, Notice("x", "m"), [TO_ADAM], set(), 1), set(tx.channels))[1]
        )
        assert channels == {"sms"}
        assert (await room.entry()).state[0] is CaseState.CLOSED


async def test_an_sms_notice_has_three_segments_at_most_and_a_mail_is_whole(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await room.accept(to=("Ops",))
        await room.sends()
        long = "word " * 300
        await sent(room, Notice(long, "m"), [TO_ADAM, TO_MAIL])
        sms, email = await room.claims()
        assert segment_count(sms.text) == 3
        assert email.text == long


# -- whom ----------------------------------------------------------------------------------------------------------------


async def test_each_is_told_once_by_the_channel_that_worked(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await room.accept(to=("Ops",))
        assert await told_of(room) == [], "nobody knows of it yet"
        await room.sends("sms")
        assert await told_of(room) == [("Adam", "sms"), ("Jane", "sms")]
        assert await told_of(room, but="jane") == [("Adam", "sms")]
        await room.sends("email")
        assert await told_of(room) == [("Adam", "sms"), ("Jane", "sms")], "by the first choice of those that worked"


async def test_a_channel_that_failed_is_not_the_one_that_worked(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await room.accept(to=("Ops",))
        await room.sends("sms", receipt=Permanent("no such number"))
        await room.sends("email")
        assert await told_of(room) == [("Adam", "email"), ("Jane", "email")]


async def test_who_may_have_got_it_is_told_too(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await room.accept(to=("Ops",))
        await room.sends("sms", receipt=Temporary("busy"))
        assert await told_of(room) == [("Adam", "sms"), ("Jane", "sms")]


async def test_whose_text_is_on_its_way_hears_of_it_when_it_is_sent(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await room.accept(to=("Ops",))
        await room.sends("email")
        await room.claims("sms")
        assert await told_of(room) == []


async def test_who_was_only_called_is_written_to(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await room.accept(to=("Ops",))
        entry = await room.entry()
        key, state = next(iter(entry.case.deliveries.items()))
        called = key._replace(channel="voice")
        case = Case(id="c", head=entry.case.head, deliveries={called: state._replace(attempt=1)})
        assert informed(case, room.desk, NAMES) == [TO_ADAM]
        gone = Case(
            id="c", head=entry.case.head, deliveries={called._replace(recipient="x"): state._replace(attempt=1)}
        )
        assert informed(gone, room.desk, NAMES) == [], "nobody knows how to write to him"


async def test_somebody_no_longer_in_the_book_is_named_by_his_address(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await room.accept(to=("Ops",))
        await room.sends("sms")
        entry = await room.entry()
        assert [a.recipient for a in informed(entry.case, room.desk, {})] == [SMS_ADAM, SMS_JANE]


@pytest.mark.parametrize(
    ("who", "provided", "way"),
    [
        (ADAM, {"sms", "email"}, ("sms", SMS_ADAM)),
        (ADAM, {"email"}, ("email", "adam@example.com")),
        (ADAM, {"voice"}, None),
        (person("Bo", "email", sms=SMS_ADAM, email=("a@x", "b@x")), {"sms", "email"}, ("email", "a@x")),
        (person("Bo", "voice", sms=SMS_ADAM), {"sms", "voice"}, None),
        (person("Bo"), {"sms", "email"}, None),
    ],
)
async def test_the_first_way_to_write_to_somebody(tmp_path, who, provided, way):
    async with open_room(tmp_path, who, provided=frozenset(provided)) as room:
        found = way_to(room.desk, who.id)
        assert (found and found[2:]) == way
        assert way_to(room.desk, "nobody") is None


def test_about_is_the_beginning_of_what_was_told():
    head = Head(alarm_id="a", audience_id="g", audience="Ops", source="mqtt", text="x", opened_at_ms=1)
    assert about(Case(id="c")) == ""
    assert about(Case(id="c", head=head._replace(text="pump  3\nis hot"))) == "pump 3 is hot"
    assert about(Case(id="c", head=head._replace(body="Pump 3: hot"))) == "Pump 3: hot"
    long = about(Case(id="c", head=head._replace(text="word " * 40)))
    assert long.endswith("word wo...")
    assert len(long) <= ABOUT_CHARS
