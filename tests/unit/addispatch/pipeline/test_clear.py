"""Returned to normal: closes what is open, takes back what waits, tells who knows; or waits for its raise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pipelines import ADAM, JANE, group, person
from rooms import PHONE_ADAM, PHONE_BO, PHONE_JANE, open_room, usual

from addispatch.domain.alarm import AlarmState
from addispatch.domain.case import Clear
from addispatch.domain.policy import Policy
from addispatch.domain.receipt import Sent
from addispatch.pipeline.clear import KEPT_MS, cleared_after

CRITICAL = Policy(id="critical", name="critical")
POLICED = (ADAM, JANE, CRITICAL, group("Ops", "Adam", policy="critical"), group("Fire", "Adam", "Jane"))
ASKING = (PHONE_ADAM, PHONE_JANE, PHONE_BO, usual(), group("Ops", "Adam", "Jane", policy="usual"))
AT = datetime(2026, 1, 1, 12, 0, 0, 123_456, tzinfo=UTC)


async def cleared(room, key="boiler", **fields):
    return await room.accept("", key=key, state=AlarmState.CLEARED, **fields)


# -- open cases ----------------------------------------------------------------------------------------------------------


async def test_a_clear_closes_every_open_case_of_its_key(tmp_path):
    async with open_room(tmp_path, *POLICED) as node:
        raised = await node.accept(key="boiler", to=("Ops", "Fire"), ack_required=True)
        other = await node.accept(key="pump", to=("Ops",))
        cleared = await node.accept("", key="boiler", state=AlarmState.CLEARED)
        assert {ref.id for ref in cleared.cases} == {ref.id for ref in raised.cases}
        states = {c["id"]: (c["state"], c["reason"]) for c in await node.cases()}
        assert [states[ref.id] for ref in raised.cases] == [("closed", "cleared")] * 2
        assert states[other.cases[0].id] == ("open", None)
        assert (await node.events("AlarmCleared"))[0]["text"] == "mqtt: boiler returned to normal, 2 cases closed"
        assert len(await node.events("CaseClosed")) == 2


async def test_a_latching_plant_keeps_the_case_open_at_a_clear(tmp_path):
    latching = Policy(id="latch", name="latch", close_on_clear=False)
    async with open_room(tmp_path, ADAM, latching, group("Ops", "Adam", policy="latch")) as node:
        await node.accept(key="boiler", to=("Ops",))
        await node.accept("", key="boiler", state=AlarmState.CLEARED)
        assert (await node.cases())[0]["state"] == "open"
        assert (await node.events("AlarmCleared"))[0]["text"].endswith("no open case")


async def test_a_clear_of_another_source_or_of_nothing_closes_nothing(tmp_path):
    async with open_room(tmp_path, *POLICED) as node:
        await node.accept(key="boiler", to=("Ops",))
        for source in ("modbus", "x"):
            assert (await node.accept("", key="boiler", source=source, state=AlarmState.CLEARED)).cases == ()
        assert (await node.cases())[0]["state"] == "open"


async def test_after_the_clear_the_key_opens_a_new_case(tmp_path):
    async with open_room(tmp_path, *POLICED) as node:
        for _ in range(2):
            await node.accept(key="boiler", to=("Ops",))
            await node.accept("", key="boiler", state=AlarmState.CLEARED)
        assert [c["count"] for c in await node.cases()] == [1, 1]


async def test_who_knows_of_it_is_told_and_who_does_not_hears_nothing(tmp_path):
    async with open_room(tmp_path, *ASKING) as room:
        code = (await room.accept("hot", key="boiler", to=("Ops",))).cases[0].code
        (claim, other) = await room.claims("sms")
        await room.records(claim, Sent())
        await cleared(room)
        assert await room.waiting() == [f"Adam: Returned to normal: hot ({code})"]
        await room.records(other, Sent())
        assert await room.waiting() == [
            f"Adam: Returned to normal: hot ({code})", f"Jane: Returned to normal: hot ({code})",
        ], "whose text was on its way hears of it once it is out"  # fmt: skip


async def test_what_waits_is_taken_back(tmp_path):
    async with open_room(tmp_path, *ASKING) as room:
        await room.accept("hot", key="boiler", to=("Ops",))
        await cleared(room)
        assert [(d["state"], d["error"]) for d in await room.deliveries()] == [("cancelled", "returned to normal")] * 2
        assert await room.next_s() is None


@pytest.mark.parametrize(
    ("people", "told"),
    [
        ((usual(notify_contacted=False), group("Ops", "Adam", policy="usual")), []),
        ((group("Ops", "Adam"),), []),
        ((usual(), group("Ops", "Adam", policy="usual")), ["Adam"]),
    ],
)
async def test_a_silent_policy_and_one_that_asks_nothing_tell_nothing(tmp_path, people, told):
    async with open_room(tmp_path, PHONE_ADAM, *people) as room:
        await room.accept("hot", key="boiler", to=("Ops",))
        await room.sends()
        await cleared(room)
        assert [line.split(":")[0] for line in await room.waiting()] == told


async def test_somebody_in_two_cases_is_told_once(tmp_path):
    people = (PHONE_ADAM, usual(), group("Ops", "Adam", policy="usual"), group("Fire", "Adam", policy="usual"))
    async with open_room(tmp_path, *people) as room:
        await room.accept("hot", key="boiler", to=("Ops", "Fire"))
        await room.sends()
        await cleared(room)
        assert len(await room.waiting()) == 1


async def test_a_second_clear_changes_nothing(tmp_path):
    latching = usual(close_on_clear=False)
    async with open_room(tmp_path, PHONE_ADAM, latching, group("Ops", "Adam", policy="usual")) as room:
        raised = await room.accept(key="boiler", to=("Ops",))
        for _ in range(2):
            room.clock.forward(seconds=1)
            assert (await cleared(room)).cases == raised.cases
        assert len((await room.entry()).case.clears) == 1


# -- a clear before its raise --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raised_at", "after_s", "is_closed"),
    [
        (AT - timedelta(seconds=5), 1, True),
        (AT, 1, True),
        (AT + timedelta(microseconds=1), 1, False),
        (AT, 60, True),
        (AT, 61, False),
        (None, 1, False),
    ],
)
async def test_a_late_raise_opens_closed_if_its_time_is_not_after_the_clear(tmp_path, raised_at, after_s, is_closed):
    async with open_room(tmp_path, *ASKING) as room:
        assert (await cleared(room, ts=AT)).cases == ()
        room.clock.forward(seconds=after_s)
        accepted = await room.accept("hot", key="boiler", ts=raised_at, to=("Ops",))
        (case,) = await room.cases()
        assert case["id"] == accepted.cases[0].id
        if is_closed:
            assert (case["state"], case["reason"], case["code"], case["deliveries"]) == ("closed", "cleared", None, [])
            assert len(await room.events("AlarmOpenedClosed")) == 1
        else:
            assert case["state"] == "open"
            assert len(case["deliveries"]) == 2


async def test_a_clear_without_a_time_counts_from_its_arrival(tmp_path):
    async with open_room(tmp_path, *ASKING) as room:
        await cleared(room)
        room.clock.forward(seconds=1)
        now = room.clock.now()
        await room.accept("hot", key="boiler", ts=now - timedelta(seconds=2), to=("Ops",))
        await room.accept("hot", key="boiler", ts=now, to=("Ops",))
        assert [case["state"] for case in await room.cases()] == ["closed", "open"]


async def test_a_clear_that_met_its_case_closes_what_was_raised_before_it_and_comes_late(tmp_path):
    async with open_room(tmp_path, *ASKING) as room:
        await room.accept("hot", key="boiler", ts=AT, to=("Ops",))
        await cleared(room, ts=AT + timedelta(seconds=9))
        for second in (5, 10):
            await room.accept("hot", key="boiler", ts=AT + timedelta(seconds=second), to=("Ops",))
        assert [case["state"] for case in await room.cases()] == ["closed", "closed", "open"]


async def test_the_kept_clear_is_of_that_source_and_key(tmp_path):
    async with open_room(tmp_path, *ASKING) as room:
        await cleared(room, ts=AT)
        now_ms = room.now_ms

        def look(source, key, later_ms=0):
            return room.unit(lambda tx: cleared_after(tx, source, key, AT, now_ms + later_ms))

        assert await look("mqtt", "boiler") == Clear(int(AT.timestamp() * 1000), "mqtt")
        assert await look("mqtt", "boiler", KEPT_MS) is not None
        assert await look("mqtt", "boiler", KEPT_MS + 1) is None
        assert await look("modbus", "boiler") is None
        assert await look("mqtt", "pump") is None


async def test_what_a_monitor_raises_is_never_from_before_its_clear(tmp_path):
    """It hands over one after the other; what one reading ends and begins has one time, and clocks are set back."""
    async with open_room(tmp_path, *ASKING) as room:
        for raised_at in (AT, AT - timedelta(hours=1)):
            await cleared(room, source="monitor", ts=AT)
            await room.accept("hot", key="boiler", source="monitor", ts=raised_at, to=("Ops",))
            assert [case["state"] for case in await room.cases()].count("open") == 1
        assert await room.events("AlarmOpenedClosed") == []


async def test_mails_about_a_monitor_have_its_words_as_their_subject(tmp_path):
    by_mail = person("Ann", email=("ann@plant.example",))
    async with open_room(tmp_path, by_mail, usual(), group("Ops", "Ann", policy="usual")) as room:
        await room.accept("hot", key="boiler", source="monitor", to=("Ops",))
        await room.sends()
        words = "boiler: no longer watched"
        await room.accept(words, key="boiler", source="monitor", state=AlarmState.CLEARED)
        subjects = [claim.subject for claim in await room.claims() if claim.key.channel == "email"]
        assert [subject.split(" (")[0] for subject in subjects] == [words]
