"""What follows when a message went out or will not: clocks that start, reminders that were put off, levels skipped."""

from __future__ import annotations

import pytest
from pipelines import ADAM, book, group, person
from rooms import PHONE_ADAM, PHONE_BO, PHONE_CHIEF, PHONE_JANE, SMS_ADAM, mobilise, open_room, usual

from addispatch.domain.addressbook import Mode
from addispatch.domain.alarm import Priority
from addispatch.domain.case import Case, Clear, Note
from addispatch.domain.delivery import RetryRules, settle
from addispatch.domain.policy import Level
from addispatch.domain.receipt import InDoubt, Permanent, Sent, Temporary
from addispatch.engine import handover, pause
from addispatch.engine.outcome import record
from addispatch.pipeline import notice as notices

PEOPLE = (PHONE_ADAM, PHONE_JANE, PHONE_BO, PHONE_CHIEF)
CHIEF = {"system_alert_to": ("chief",)}


def team(policy, *members):
    return (*PEOPLE, policy, group("Ops", *(members or ("Adam", "Jane")), policy=policy.id))


async def raised(room, **fields):
    return (await room.accept("hot", **{"to": ("Ops",), **fields})).cases[0].code


def joins(room, **parts):
    notes = {name: frozenset(note) for name, note in parts.items()}
    return room.on(1, lambda tx, entry: tx.join(entry, Case(id=entry.case.id, **notes), room.now_ms))


def note(by: str) -> Note:
    return Note(1, by, "sms", "", by.title())


# -- the clock of a level ------------------------------------------------------------------------------------------------


async def test_the_first_hand_over_starts_the_level_s_clock_and_the_second_does_not(tmp_path):
    async with open_room(tmp_path, *team(usual())) as room:
        await raised(room)
        adams, janes = await room.claims()
        room.clock.forward(seconds=20)
        assert await room.next_s() == 400, "until then it waits for the longest wait for a hand-over"
        await room.records(adams, Sent())
        assert await room.next_s() == 300
        room.clock.forward(seconds=60)
        await room.records(janes, Sent())
        assert await room.next_s() == 240


async def test_a_hand_over_after_the_longest_wait_does_not_put_off_the_next_step(tmp_path):
    async with open_room(tmp_path, *team(usual(max_send_wait_s=30))) as room:
        await raised(room)
        (adams, _) = await room.claims()
        room.clock.forward(seconds=200)
        await room.records(adams, Sent())
        assert await room.next_s() == 130


async def test_a_text_of_an_earlier_level_starts_no_clock(tmp_path):
    async with open_room(tmp_path, *team(usual(Level(to=("bo",)), Level(to=("chief",))))) as room:
        await raised(room)
        (adams, janes) = await room.claims()
        await room.records(adams, Sent())
        await room.fires()
        assert await room.next_s() == 420
        room.clock.forward(seconds=10)
        await room.records(janes, Sent())
        assert await room.next_s() == 410
        await room.sends()
        assert await room.next_s() == 300


async def test_a_text_sent_in_a_pause_starts_the_clock_at_the_pause_s_begin(tmp_path):
    async with open_room(tmp_path, *team(usual())) as room:
        await raised(room)
        (adams, _) = await room.claims()
        await room.unit(lambda tx: pause.pause(tx, room.desk, "Ops", room.now_ms))
        room.clock.forward(seconds=60)
        await room.records(adams, Sent())
        await room.unit(lambda tx: pause.resume(tx, room.desk, "Ops", room.now_ms))
        assert await room.next_s() == 300


async def test_after_the_chain_has_ended_nothing_is_due_any_more(tmp_path):
    async with open_room(tmp_path, *team(usual(Level(to=("bo",))))) as room:
        await raised(room)
        (adams, _) = await room.claims()
        await room.fires()
        await room.fires()
        await room.records(adams, Sent())
        assert await room.next_s() is None


# -- too late ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({"acks": [note("jane")]}, "Adam: Acknowledged by Jane ({} hot)"),
        ({"clears": [Clear(1, "mqtt")]}, "Adam: Returned to normal: hot ({})"),
    ],
)
async def test_who_gets_the_text_after_the_end_gets_the_news_after_it(tmp_path, parts, text):
    async with open_room(tmp_path, *team(usual(), "Adam")) as room:
        code = await raised(room)
        (adams,) = await room.claims()
        await joins(room, **parts)
        await room.records(adams, Sent())
        assert await room.waiting() == [text.format(code)]
        assert await room.next_s() is None


async def test_who_is_called_after_the_end_is_written_to(tmp_path):
    async with open_room(tmp_path, *team(usual(Level(call=("bo",))), "Adam")) as room:
        code = await raised(room)
        await room.sends()
        await room.fires()
        (call,) = await room.claims("voice")
        await joins(room, acks=[note("adam")])
        await room.records(call, Sent())
        assert await room.waiting() == [f"Bo: Acknowledged by Adam ({code} hot)"]
        assert (await room.deliveries())[-1]["channel"] == "sms"


# -- a step that reaches nobody ------------------------------------------------------------------------------------------


async def test_when_every_message_of_a_step_is_lost_the_next_one_is_now(tmp_path):
    async with open_room(tmp_path, *team(usual()), settings=CHIEF) as room:
        code = await raised(room)
        adams, janes = await room.claims()
        await room.records(adams, Permanent("no such number"))
        assert await room.next_s() == 420, "Jane may get hers"
        await room.records(janes, Permanent("no such number"))
        assert await room.next_s() == 0
        (line,) = await room.lines("LevelUnreachable")
        assert line.startswith(f"{code} for Ops: the first recipients reaches nobody (every message failed, expired")
        assert await room.waiting() == [
            "Chief: sms to Adam failed: no such number. It was: hot",
            f"Chief: Nobody was reached at the first recipients of Ops ({code}): hot",
        ]


@pytest.mark.parametrize("other", [Sent(), None, Temporary("busy")], ids=["sent", "under way", "tried again"])
async def test_while_one_message_may_arrive_the_level_has_its_time(tmp_path, other):
    async with open_room(tmp_path, *team(usual())) as room:
        await raised(room)
        adams, janes = await room.claims()
        if other:
            await room.records(adams, other)
        left_s = await room.next_s()
        await room.records(janes, Permanent("no such number"))
        assert await room.next_s() == left_s
        assert await room.events("LevelUnreachable") == []


async def test_a_rung_that_follows_is_a_way_still(tmp_path):
    climber = person("Climber", "sms", "email", mode=Mode.LADDER, sms=SMS_ADAM, email=("c@x",))
    async with open_room(tmp_path, climber, PHONE_BO, usual(), group("Ops", "Climber", policy="usual")) as room:
        await raised(room)
        await room.sends("sms", receipt=Permanent("no such number"))
        assert await room.next_s() == 420
        await room.sends("email", receipt=Permanent("no such mailbox"))
        assert await room.next_s() == 0


async def test_what_is_held_in_doubt_is_no_way(tmp_path):
    async with open_room(tmp_path, *team(usual(), "Adam")) as room:
        await raised(room)
        (claim,) = await room.claims()
        rules = RetryRules(resend_in_doubt=dict.fromkeys(Priority, False))
        outcome = settle(claim.state, InDoubt("?"), rules=rules, priority=claim.priority, repeated=False, jitter=0)
        await room.unit(lambda tx: record(tx, claim, outcome, room.now_ms, lambda: room.desk))
        assert await room.next_s() == 0


async def test_a_lost_message_of_a_level_behind_us_changes_nothing(tmp_path):
    async with open_room(tmp_path, *team(usual(Level(to=("bo",)), Level(to=("chief",))), "Adam")) as room:
        await raised(room)
        (adams,) = await room.claims()
        await room.fires()
        await room.sends()
        await room.records(adams, Permanent("no such number"))
        assert await room.next_s() == 300


async def test_it_is_reported_once(tmp_path):
    async with open_room(tmp_path, *team(usual()), settings=CHIEF) as room:
        await raised(room)
        await room.sends("sms", receipt=Permanent("no such number"))
        await loses(room)
        assert len(await room.events("LevelUnreachable")) == 1


async def loses(room):
    """One of its messages will not go out."""

    def unit(tx, entry):
        handover.lost(tx, room.desk, entry, next(iter(entry.case.deliveries)), room.now_ms)

    await room.on(1, unit)


async def test_while_something_waits_or_after_the_end_no_level_is_lost(tmp_path):
    async with open_room(tmp_path, *team(usual(), "Adam")) as room:
        await raised(room)
        await loses(room)
        assert await room.next_s() == 420, "what asks waits still"
        await joins(room, acks=[note("adam")])
        await loses(room)
        assert await room.next_s() is None


# -- undelivered ---------------------------------------------------------------------------------------------------------


async def undelivered(room, channel="sms"):
    def unit(tx, entry):
        key = next(key for key in entry.case.deliveries if key.channel == channel)
        handover.undelivered(tx, room.desk, entry, key, room.now_ms)

    await room.on(1, unit)


async def test_what_the_network_could_not_deliver_goes_by_the_next_channel_once(tmp_path):
    people = (PHONE_ADAM, PHONE_BO, usual(), group("Ops", "Adam", policy="usual"))
    async with open_room(tmp_path, *people) as room:
        code = await raised(room)
        await room.sends()
        room.pipeline.use(book(ADAM, *people[1:]))
        await undelivered(room)
        assert await room.sends() == [f"Adam: hot\n\nCode {code}: acknowledge by SMS"]
        await undelivered(room)
        assert await room.waiting() == []


async def test_a_third_channel_is_not_tried(tmp_path):
    """Once: or each report of the network would ring another bell."""
    many = person("Many", "sms", "email", "log", sms=SMS_ADAM, email=("m@x",))
    people = (person("Many", "sms", sms=SMS_ADAM), PHONE_BO, usual(), group("Ops", "Many", policy="usual"))
    async with open_room(tmp_path, *people) as room:
        await raised(room)
        await room.sends()
        room.pipeline.use(book(many, *people[1:]))
        await undelivered(room)
        assert len(await room.sends("email")) == 1
        await undelivered(room, "email")
        assert await room.waiting() == []


async def test_who_has_answered_or_has_no_other_channel_is_left_alone(tmp_path):
    async with open_room(tmp_path, *team(usual(), "Adam")) as room:
        await raised(room)
        await room.sends()
        await undelivered(room)
        await joins(room, acks=[note("jane")])
        await undelivered(room)
        assert await room.waiting() == []


# -- recalls -------------------------------------------------------------------------------------------------------------


async def test_a_reminder_that_was_put_off_follows_his_own_hand_over(tmp_path):
    async with open_room(tmp_path, *team(mobilise())) as room:
        code = await raised(room)
        adams, janes = await room.claims()
        await room.records(adams, Sent())
        room.clock.forward(minutes=5)
        await room.fires()
        room.clock.forward(minutes=1)
        await room.records(janes, Sent())
        reminder = f"Reminder: hot\nACK: Reply {code} + msg"
        assert await room.waiting() == [f"Adam: {reminder}", f"Jane: {reminder}"]
        assert await room.sends() == [f"Adam: {reminder}"]
        room.clock.forward(minutes=4, seconds=59)
        assert await room.sends() == []
        room.clock.forward(seconds=1)
        assert await room.sends() == [f"Jane: {reminder}"], "five minutes after her text went out"


async def test_who_answered_meanwhile_is_not_reminded(tmp_path):
    async with open_room(tmp_path, *team(mobilise())) as room:
        await raised(room)
        adams, janes = await room.claims()
        await room.records(adams, Sent())
        await room.fires()
        await joins(room, declines=[note("jane")])
        await room.records(janes, Sent())
        assert [text.split(":")[0] for text in await room.waiting()] == ["Adam"]


async def test_at_a_level_of_supervisors_nobody_is_reminded(tmp_path):
    async with open_room(tmp_path, *team(mobilise(Level(to=("chief",))))) as room:
        await raised(room)
        (adams, janes) = await room.claims()
        await room.records(adams, Sent())
        await room.fires()
        await room.records(janes, Sent())
        assert [text.split(":")[0] for text in await room.waiting()] == ["Chief"]


async def test_an_answer_is_not_dropped_with_the_rungs_of_a_ladder(tmp_path):
    """5.3: each acknowledgement is answered. The first rung that is sent cancels the answer as if it were a rung."""
    climber = person("Climber", "sms", "email", mode=Mode.LADDER, sms=SMS_ADAM, email=("c@x",), step_after_s=1)
    async with open_room(tmp_path, climber, PHONE_BO, usual(), group("Ops", "Climber", policy="usual")) as room:
        await room.accept(to=("Ops",))
        await room.sends("sms", receipt=Permanent("no such number"))
        (mail,) = await room.claims("email")
        to = [notices.Address("climber", "Climber", "sms", SMS_ADAM)]
        await room.on(1, lambda tx, e: notices.send(tx, e, notices.Notice("Thank you", "m"), to, set(), room.now_ms))
        await room.records(mail, Sent())
        assert await room.waiting() == ["Climber: Thank you"]
