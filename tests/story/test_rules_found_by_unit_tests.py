"""Rules the unit tests of the core found broken once, one test each; and one that CLUSTER.md prescribes otherwise."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from pipelines import ADMIN, book, group, person
from rooms import PHONE_ADAM, PHONE_BO, PHONE_CHIEF, PHONE_JANE, SMS_ADAM, mobilise, open_room, usual

from addispatch.domain.alarm import AlarmState
from addispatch.domain.case import Case, DeliveryKey, DeliveryState, Fact, merge
from addispatch.domain.case_state import contacted
from addispatch.domain.errors import Refused
from addispatch.domain.policy import Level
from addispatch.domain.receipt import Permanent, Sent
from addispatch.engine.acknowledge import Action, Occasion, Who
from addispatch.engine.answering import answer, read_request
from addispatch.engine.escalate import same_people
from addispatch.engine.report import report
from addispatch.engine.timekeeper import Timekeeper
from addispatch.pipeline import notice
from addispatch.sdk.testing import EmptyOperations, FakeClock, RecordingContext
from addispatch.store import lookup

PEOPLE = (PHONE_ADAM, PHONE_JANE, PHONE_BO, PHONE_CHIEF)
CHIEF = {"system_alert_to": ("chief",)}


def team(policy, *members):
    return (*PEOPLE, policy, group("Ops", *(members or ("Adam", "Jane")), policy=policy.id))


async def asks(room, **request):
    asked = read_request(request)
    return await room.unit(lambda tx: answer(tx, room.desk, asked, ADMIN, room.now_ms))


# -- recalls -------------------------------------------------------------------------------------------------------------


async def test_an_answer_to_somebody_does_not_put_off_his_reminder(tmp_path):
    """5.2: the clock is per person from his own hand-over: of what asks him, not of an answer he got since."""
    async with open_room(tmp_path, *team(mobilise(), "Adam")) as room:
        await room.accept(to=("Ops",))
        await room.sends()
        room.clock.forward(minutes=4)
        to = [notice.Address("adam", "Adam", "sms", SMS_ADAM)]
        await room.on(1, lambda tx, e: notice.send(tx, e, notice.Notice("Which one?", "m"), to, set(), room.now_ms))
        await room.sends()
        room.clock.forward(minutes=1)
        await room.fires()
        assert [text.split("\n")[0] for text in await room.sends()] == ["Adam: Reminder: hot"]


async def test_a_clock_that_is_set_back_does_not_put_off_reminders(tmp_path):
    """5.7: a stepped clock makes nothing late. The hand-over was noted by the clock as it was then."""
    async with open_room(tmp_path, *team(mobilise(), "Adam")) as room:
        await room.accept(to=("Ops",))
        await room.sends()
        room.clock.step(-3600)
        await Timekeeper(room.ledger, room.clock, lambda _event: None).check()
        room.clock.forward(minutes=5)
        await room.fires()
        assert [text.split("\n")[0] for text in await room.sends()] == ["Adam: Reminder: hot"]


async def test_a_reminder_of_a_later_round_that_was_put_off_follows(tmp_path):
    """5.2: never queued while an earlier one of his is unsent, but then: it is made up for at levels, not at rounds."""
    async with open_room(tmp_path, *team(mobilise(Level(resend=True), repeat=1))) as room:
        await room.accept(to=("Ops",))
        adams, janes = await room.claims()
        await room.records(adams, Sent())
        for _ in range(2):
            room.clock.forward(minutes=5)
            await room.fires()
            await room.sends()
        if (await room.entry()).case.position != (1, 0):
            pytest.fail("the chain has other steps now")
        await room.records(janes, Sent())
        assert [key.recipient for key in await room.states() if key[:2] == (1, 0)] == ["adam", "jane"]


async def test_an_operator_who_answers_for_nobody_hears_that_all_have(tmp_path):
    """Everybody has acknowledged: "already", not a comment "acknowledged" in the operator's name."""
    async with open_room(tmp_path, *team(mobilise(), "Adam")) as room:
        code = (await room.accept(to=("Ops",))).cases[0].code
        await room.sends()
        await asks(room, codes=code, recipients=["all"])
        assert (await asks(room, codes=code, recipients=["all"]))["cases"][0]["result"] == "already"


async def test_a_comment_on_a_recall_is_passed_on_as_is_said(tmp_path):
    """5.2: the roll-call has the comments. "Your words were passed on", but neither report nor anybody has them."""
    async with open_room(tmp_path, *team(mobilise(), "Adam"), settings=CHIEF) as room:
        chief = person("Chief", sms="+6584567890", email=("chief@example.com",))
        room.pipeline.use(book(*team(mobilise(), "Adam"), chief, system_alert_to=("chief",)))
        await room.accept(to=("Ops",))
        await room.sends()

        def comment(tx, entry):
            return Occasion(tx, room.desk, Who(("adam",), "Adam", "sms"), room.now_ms).act(
                entry, Action.COMMENT, "gate 3 is locked"
            )

        assert "passed on" in (await room.on(1, comment)).answer
        await room.on(1, lambda tx, entry: report(tx, room.desk, entry, room.now_ms))
        (claim,) = await room.claims("email")
        assert "gate 3 is locked" in claim.text


# -- basic escalation ----------------------------------------------------------------------------------------------------


async def test_part_of_a_level_that_is_gone_is_not_told_as_the_whole(tmp_path):
    """ "part of level 1 reaches nobody …; the next one follows now": it does not."""
    async with open_room(tmp_path, *team(usual(Level(to=("gone", "bo"))))) as room:
        await room.accept(to=("Ops",))
        await room.sends()
        await room.fires()
        assert "follows now" not in (await room.lines("TargetGone"))[0]


async def test_somebody_named_who_was_not_told_does_not_acknowledge(tmp_path):
    """5.3: a recipient acknowledges if contacted. ``by`` is checked; ``recipients`` of a basic case is not."""
    async with open_room(tmp_path, *team(usual())) as room:
        code = (await room.accept(to=("Ops",))).cases[0].code
        await room.sends()
        try:
            await asks(room, codes=code, recipients=["Bo"])
        except Refused:
            return
        assert {note.by for note in (await room.entry()).case.acks} <= {"adam", "jane", ADMIN.name}


async def test_somebody_who_left_the_book_is_told_again_by_every_channel(tmp_path):
    """5.1: a deleted person is reached as he was; one more channel than SMS, mail and chat hides those."""
    both = person("Adam", "sms", "log", sms=SMS_ADAM)
    async with open_room(tmp_path, both, PHONE_BO, usual(), group("Ops", "Adam", policy="usual")) as room:
        await room.accept(to=("Ops",))
        await room.sends()
        room.pipeline.use(book(PHONE_BO))
        (adam,) = await room.on(1, lambda tx, entry: same_people(room.desk, lookup.told(tx, entry)))
        assert set(adam.channels or ("sms",)) == {"sms", "log"}


# -- clears and exempt words ---------------------------------------------------------------------------------------------


async def test_a_latching_plant_is_told_of_a_raise_that_comes_after_its_clear(tmp_path):
    """5.8 with ``close_on_clear = false``: it is opened, stays open, has no code, and nobody is told."""
    policy = usual(close_on_clear=False)
    async with open_room(tmp_path, *team(policy, "Adam")) as room:
        at = datetime(2026, 1, 1, 12, tzinfo=UTC)
        await room.accept("", key="boiler", state=AlarmState.CLEARED, ts=at)
        await room.accept("hot", key="boiler", ts=at - timedelta(seconds=5), to=("Ops",))
        (case,) = await room.cases()
        assert case["state"] == "closed" or (case["code"] and await room.waiting())


async def test_a_text_of_recovery_that_reaches_nobody_is_loud(tmp_path):
    """Law 6: an alarm that reaches nobody is a severe event, exempt or not."""
    async with open_room(tmp_path, *team(usual(), "Adam")) as room:
        await room.accept("pump back to normal", to=("Ops",))
        await room.sends(receipt=Permanent("no such number"))
        assert (await room.cases())[0]["state"] == "closed"
        assert await room.events("AlarmReachesNobody")


# -- the lattice ---------------------------------------------------------------------------------------------------------


def test_who_may_have_got_it_is_not_forgotten_in_a_join():
    """5.3: in doubt, he was contacted. Two attempts here and an expiry there join to "never tried"."""
    key = DeliveryKey(0, 0, "adam", "sms", SMS_ADAM)
    tried = Case(id="c", deliveries={key: DeliveryState(Fact.NONE, 2)})
    expired = Case(id="c", deliveries={key: DeliveryState(Fact.EXPIRED, 0)})
    assert contacted(merge(tried, expired)) == {"adam"}


# -- MQTT ----------------------------------------------------------------------------------------------------------------


class Door:
    """Remembers what is confirmed."""

    def __init__(self):
        self.link, self.confirmed = self, []

    def acknowledge(self, message):
        self.confirmed.append(message)


async def test_an_acknowledgement_that_meets_a_bug_holds_up_no_other(tmp_path):
    """Law 5: what else is raised is a bug: logged, counted, capped. Here the first one blocks all behind it for ever."""
    from addispatch.sdk.mqtt import Message
    from addispatch_plugins.mqtt.acks import Acks
    from addispatch_plugins.mqtt.complaints import Complaints

    class Operations(EmptyOperations):
        async def acknowledge(self, actor, request):
            if request["text"] == "A100":
                raise ValueError("oops")
            return {"cases": [], "answer": ""}

    async with RecordingContext(tmp_path, name="mqtt", clock=FakeClock(), operations=Operations()) as context:
        acks, door = Acks(context, Complaints(context)), Door()
        for number, payload in enumerate((b"A100", b"A101")):
            acks.take(door, Message("ack", payload, 1, False, number, 1))
        context.supervise("acknowledgements", acks.run)
        async with asyncio.timeout(1):
            while not any(message.payload == b"A101" for message in door.confirmed):
                await asyncio.sleep(0.01)
        assert [message.payload for message in door.confirmed] == [b"A100", b"A101"]
        assert [event.kind for event in context.events] == ["ack_failed"]
