"""One step of an escalation: whom it asks and in what words, where it leads, what happens when it reaches nobody."""

from __future__ import annotations

import dataclasses

import pytest
from pipelines import ADAM, book, group, person
from rooms import (
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

from addispatch.domain.case import Case, Clear, Note, Position
from addispatch.domain.case_state import roll_call
from addispatch.domain.delivery import Kind
from addispatch.domain.policy import Level
from addispatch.domain.receipt import Permanent, Sent, Temporary
from addispatch.engine import pause
from addispatch.engine.escalate import MOST_NAMES, describe, is_waiting, same_people
from addispatch.store import lookup

PEOPLE = (PHONE_ADAM, PHONE_JANE, PHONE_BO, PHONE_CHIEF)
CHIEF = {"system_alert_to": ("chief",)}


def team(policy, *members):
    return (*PEOPLE, policy, group("Ops", *(members or ("Adam",)), policy=policy.id))


async def raised(room, text="hot", *, sent=True, **fields):
    code = (await room.accept(text, **{"to": ("Ops",), **fields})).cases[0].code
    if sent:
        await room.sends()
    return code


async def position(room):
    return (await room.entry()).case.position


def joins(room, **parts):
    """Somebody says something."""
    notes = {name: frozenset(note) for name, note in parts.items()}
    return room.on(1, lambda tx, entry: tx.join(entry, Case(id=entry.case.id, **notes), room.now_ms))


def note(by: str) -> Note:
    return Note(1, by, "sms", "", by.title())


# -- the basic chain -----------------------------------------------------------------------------------------------------


async def test_a_step_asks_its_level_and_sets_the_next_one(tmp_path):
    policy = usual(Level(to=("jane", "second")), Level(after_minutes=9, to=("bo",)), max_send_wait_s=60)
    async with open_room(tmp_path, *team(policy), group("Second", "Jane", "Bo")) as room:
        code = await raised(room)
        room.clock.forward(minutes=5)
        await room.fires()
        text = f"Unacknowledged for 5 min: hot\nACK: Reply {code} + msg"
        assert await room.waiting() == [f"Jane: {text}", f"Bo: {text}"], "each once, though Jane is named twice"
        assert await position(room) == (0, 1)
        assert await room.next_s() == 60 + 9 * 60
        assert await room.lines("CaseEscalated") == [
            f"{code} for Ops escalates, nobody acknowledged: level 1 (2 to send)"
        ]


async def test_a_call_level_rings_and_a_resend_asks_the_first_ones_again(tmp_path):
    policy = usual(Level(call=("bo",), resend=True))
    async with open_room(tmp_path, *team(policy)) as room:
        await raised(room)
        await room.fires()
        assert [(c.recipient, c.key.channel, c.kind) for c in await room.claims()] == [
            ("Adam", "sms", Kind.ASK), ("Bo", "voice", Kind.ASK),
        ]  # fmt: skip


async def test_the_chain_begins_again_with_the_audience_and_then_ends(tmp_path):
    async with open_room(tmp_path, *team(usual(Level(to=("bo",)), repeat=1)), settings=CHIEF) as room:
        code = await raised(room)
        room.clock.forward(minutes=3)
        steps = []
        for _ in range(4):
            await room.fires()
            steps.append([text.split("\n")[0] for text in await room.sends()])
        assert steps == [
            ["Bo: Unacknowledged for 3 min: hot"],
            ["Adam: Unacknowledged for 3 min: hot"],
            ["Bo: Unacknowledged for 3 min: hot"],
            [f"Chief: Nobody acknowledged {code} for Ops (2 told, all levels): hot"],
        ]
        assert await position(room) == (2, 0)
        assert await room.next_s() is None, "now only people move it"
        assert len(await room.events("ChainEnded")) == 1
        await room.fires()
        assert await room.waiting() == []
        assert (await room.cases())[0]["state"] == "open"


async def test_what_a_template_made_is_told_at_every_level(tmp_path):
    async with open_room(tmp_path, *team(usual())) as room:
        await raised(room)
        entry = await room.entry()
        entry.case = entry.case._replace(head=entry.case.head._replace(body="Boiler 3: hot"))
        await room.fires()
        assert "Boiler 3: hot" in (await room.waiting())[0]


async def test_levels_resolve_when_they_fire(tmp_path):
    async with open_room(tmp_path, *team(usual(Level(to=("second",)))), group("Second", "Bo")) as room:
        await raised(room)
        room.pipeline.use(book(*team(usual()), group("Second", "Jane", "Bo")))
        await room.fires()
        assert [text.split(":")[0] for text in await room.waiting()] == ["Jane", "Bo"]


async def test_a_case_that_ended_or_has_no_policy_takes_no_step(tmp_path):
    async with open_room(tmp_path, *team(usual()), group("Fire", "Adam")) as room:
        await raised(room)
        await raised(room, to=("Fire",), ack_required=True)
        await joins(room, clears=[Clear(1, "mqtt")])
        for seq in (1, 2):
            await room.on(seq, lambda tx, entry: tx.set_next(entry, room.now_ms))
            await room.fires(seq)
            assert await room.next_s(seq) is None
        assert await room.waiting() == []
        assert await room.events("CaseEscalated") == []


@pytest.mark.parametrize(
    ("receipt", "declines", "why"),
    [
        (None, [], "nobody acknowledged"),
        (None, [note("adam")], "everybody declined"),
        (Permanent("no such number"), [], "nobody could be reached"),
    ],
)
async def test_why_it_escalates(tmp_path, receipt, declines, why):
    async with open_room(tmp_path, *team(usual())) as room:
        code = await raised(room, sent=False)
        await room.sends(receipt=receipt)
        await joins(room, declines=declines)
        await room.fires()
        assert await room.lines("CaseEscalated") == [f"{code} for Ops escalates, {why}: level 1 (1 to send)"]


# -- a step that reaches nobody ------------------------------------------------------------------------------------------


async def test_a_level_whose_people_have_no_way_is_reported_and_the_next_one_is_now(tmp_path):
    mute = person("Mute", email=("m@example.com",))
    policy = usual(Level(call=("mute",)), Level(to=("bo",)))
    async with open_room(tmp_path, *team(policy), mute, settings=CHIEF) as room:
        code = await raised(room)
        await room.fires()
        assert await room.next_s() == 0
        assert await room.lines("LevelUnreachable") == [
            f"{code} for Ops: level 1 reaches nobody (it names nobody); the next one follows now"
        ]
        assert await room.waiting() == [f"Chief: Nobody is reached at level 1 of Ops ({code}): hot"]


async def test_a_channel_no_plugin_provides_is_no_way(tmp_path):
    chatty = person("Chatty", "chat", chat=("https://chat.example/x",))
    async with open_room(tmp_path, *team(usual(Level(to=("chatty",)))), chatty) as room:
        await raised(room)
        await room.fires()
        assert await room.next_s() == 0
        assert "none of its people can be told" in (await room.lines("LevelUnreachable"))[0]
        assert [d["error"] for d in await room.deliveries() if d["state"] == "failed"] == [
            "no plugin provides the channel chat"
        ]


async def test_who_was_deleted_is_reported_and_the_others_are_asked(tmp_path):
    async with open_room(tmp_path, *team(usual(Level(to=("gone", "bo"), call=("gone2",))))) as room:
        code = await raised(room)
        await room.fires()
        assert len(await room.waiting()) == 1
        assert await room.next_s() == 420
        (line,) = await room.lines("TargetGone")
        assert line.startswith(f"{code} for Ops: 2 of the recipients or groups of level 1 no")


# -- the same people again -----------------------------------------------------------------------------------------------


async def people_of(room):
    return {p.id: p for p in await room.on(1, lambda tx, entry: same_people(room.desk, lookup.told(tx, entry)))}


async def test_the_same_people_are_those_of_the_audience_as_the_book_has_them_now(tmp_path):
    async with open_room(tmp_path, *team(usual(Level(to=("bo",))), "Adam", "Jane")) as room:
        await raised(room)
        await room.fires()
        assert list(await people_of(room)) == ["adam", "jane"], "those of a level are not"
        moved = dataclasses.replace(PHONE_ADAM, sms=SMS_BO)
        room.pipeline.use(book(moved, dataclasses.replace(PHONE_JANE, enabled=False)))
        assert await people_of(room) == {"adam": moved}


async def test_who_left_the_book_is_reached_as_he_was(tmp_path):
    people = (ADAM, PHONE_BO, usual(), group("Ops", "Adam", policy="usual"))
    async with open_room(tmp_path, *people) as room:
        await raised(room)
        room.pipeline.use(book(PHONE_BO))
        (adam,) = (await people_of(room)).values()
        assert (adam.name, adam.sms, adam.email) == ("Adam", SMS_ADAM, ("adam@example.com",))


# -- recalls -------------------------------------------------------------------------------------------------------------


async def test_only_who_is_missing_is_reminded_by_his_own_clock(tmp_path):
    async with open_room(tmp_path, *team(mobilise(), "Adam", "Jane", "Bo")) as room:
        code = await raised(room, sent=False)
        for claim in await room.claims():
            if claim.recipient != "Adam":
                room.clock.forward(minutes=1)
            await room.records(claim, Sent())
        await joins(room, acks=[note("adam")])
        await room.fires()
        rows = await room.on(1, lambda tx, entry: [row for row in lookup.told(tx, entry) if row.key.level == 1])
        assert [(row.recipient, row.text.split("\n")[0]) for row in rows] == [
            ("Jane", "Reminder: hot"), ("Bo", "Reminder: hot"),
        ]  # fmt: skip
        assert await room.waiting() == [f"{who}: Reminder: hot\nACK: Reply {code} + msg" for who in ("Jane", "Bo")]
        assert await room.claims() == [], "each five minutes after his own text went out"
        room.clock.forward(minutes=4)
        assert {c.recipient for c in await room.claims()} == {"Jane"}
        room.clock.forward(minutes=1)
        assert {c.recipient for c in await room.claims()} == {"Bo"}


async def test_nobody_is_reminded_while_an_earlier_text_of_his_waits(tmp_path):
    async with open_room(tmp_path, *team(mobilise(), "Adam", "Jane")) as room:
        await raised(room, sent=False)
        (adams, janes) = await room.claims()
        await room.records(adams, Temporary("busy"))
        await room.fires()
        entry = await room.entry()
        assert [is_waiting(entry.case, who, "sms") for who in ("adam", "jane", "bo")] == [True, True, False]
        assert janes.recipient == "Jane", "hers is on its way"
        assert not is_waiting(entry.case, "jane", "email")
        assert [key for key in entry.case.deliveries if key.level == 1] == []
        assert await position(room) == (0, 1)
        assert await room.next_s() == 120 + 900, "it goes on all the same"
        assert await room.events("LevelUnreachable") == []


async def test_who_could_not_be_reached_is_tried_again(tmp_path):
    async with open_room(tmp_path, *team(mobilise(), "Adam", "Jane")) as room:
        await raised(room, sent=False)
        adams, janes = await room.claims()
        await room.records(adams, Permanent("no such number"))
        await room.records(janes, Permanent("no such number"))
        await room.fires()
        assert sorted(text.split("\n")[0] for text in await room.waiting()) == [
            "Adam: Reminder: hot", "Jane: Reminder: hot",
        ]  # fmt: skip


async def test_a_supervisor_hears_who_is_missing_and_is_not_asked(tmp_path):
    async with open_room(tmp_path, *team(mobilise(Level(to=("chief",))), "Adam", "Jane", "Bo")) as room:
        await raised(room)
        await joins(room, acks=[note("adam")])
        await room.fires()
        (claim,) = await room.claims()
        assert (claim.recipient, claim.text) == ("Chief", "Missing 2 of 3: Jane, Bo. hot")
        assert claim.kind is Kind.PLAIN
        assert claim.queue_class == 0


async def test_of_very_many_missing_some_are_named(tmp_path):
    many = [person(f"P{n:02}", sms=f"+65910000{n:02}") for n in range(15)]
    policy = mobilise(Level(to=("chief",)))
    members = group("Ops", *(p.name for p in many), policy="mobilise")
    async with open_room(tmp_path, *many, PHONE_CHIEF, policy, members) as room:
        await raised(room)
        await room.fires()
        (text,) = await room.waiting()
        assert text.startswith("Chief: Missing 15 of 15: P00, P01, ")
        assert text.count("P") == MOST_NAMES
        assert "and 3 more. hot" in text


async def test_a_recall_ends_with_its_report_and_a_late_answer_brings_another(tmp_path):
    async with open_room(tmp_path, *team(mobilise(Level(resend=True)), "Adam"), settings=CHIEF) as room:
        code = await raised(room)
        await room.fires()
        await room.sends()
        room.clock.forward(minutes=6)
        await room.sends()
        await room.fires()
        title = f"Chief: Recall {code} for Ops: 0 acknowledged, 0 declined, 1 no answer, 0 not reached"
        assert await room.sends() == [title]
        assert len(await room.events("ChainEnded")) == 1
        await joins(room, acks=[note("adam")])
        await room.fires()
        assert await room.sends() == [title.replace("0 ack", "1 ack").replace("1 no", "0 no")]
        assert len(await room.events("ChainEnded")) == 1


# -- time ----------------------------------------------------------------------------------------------------------------


async def test_in_a_pause_the_next_step_counts_from_its_begin(tmp_path):
    async with open_room(tmp_path, *team(usual())) as room:
        await raised(room)
        await room.unit(lambda tx: pause.pause(tx, room.desk, "Ops", room.now_ms))
        room.clock.forward(minutes=10)
        await room.fires()
        assert await room.next_s() == 420 - 600
        await room.unit(lambda tx: pause.resume(tx, room.desk, "Ops", room.now_ms))
        assert await room.next_s() == 420


@pytest.mark.parametrize(
    ("at", "name"),
    [
        (Position(0, 2), "level 2"),
        (Position(1, 0), "the first recipients, round 2"),
        (Position(2, 1), "level 1, round 3"),
        (Position(0, 0), "the first recipients"),
    ],
)
def test_steps_have_names_for_people(at, name):
    assert describe(at) == name


async def test_the_addresses_of_a_step_are_asked_once(tmp_path):
    twin = person("Twin", sms=SMS_JANE)
    async with open_room(tmp_path, *team(usual(Level(to=("jane", "twin")))), twin) as room:
        await raised(room)
        await room.fires()
        assert [text.split(":")[0] for text in await room.waiting()] == ["Jane"]


async def test_two_people_with_one_phone_are_both_in_the_roll_call(tmp_path):
    """5.2: everyone must answer for himself; one address is told once, but both are asked."""
    twin = person("Twin", sms=SMS_ADAM)
    async with open_room(tmp_path, *team(mobilise(), "Adam", "Twin"), twin) as room:
        await room.accept(to=("Ops",))
        assert set(roll_call((await room.entry()).case).answers) == {"adam", "twin"}
