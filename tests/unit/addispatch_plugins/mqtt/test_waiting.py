"""Alarms that could not be stored: tried again, one at a time on the clock, acknowledged once."""

import asyncio

import pytest

from addispatch.sdk.testing import Intake as Answer
from addispatch_plugins.mqtt import waiting


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(waiting, "FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(waiting, "LONGEST_PAUSE_S", 0.05)


async def test_tried_again_until_stored_and_told_twice(make_intake, door, by_hand):
    by_hand.intake = Answer.FAIL
    intake = make_intake({"topic": "x"})
    messages = [door.message("x", b"n%d" % number) for number in range(3)]
    for message in messages:
        intake.take(door, message)
    while len(by_hand.alarms) < 9:
        await asyncio.sleep(0.01)
    assert door.link.acknowledged == []
    by_hand.clock.forward(seconds=42)
    by_hand.intake = Answer.ACCEPT
    async with asyncio.timeout(2):
        while len(door.link.acknowledged) < 3:
            await asyncio.sleep(0.01)
    assert {id(message) for message in door.link.acknowledged} == {id(message) for message in messages}
    assert [event.kind for event in by_hand.events] == ["intake_waiting", "intake_recovered"]
    assert by_hand.events[-1].text == (
        "Alarms can be stored again; for 42 s they could not, 3 of them had to wait here."
    ), "all there was, for the first event may be lost"


@pytest.mark.parametrize(("minutes", "words"), [(35, "35 min"), (300, "5.0 h")])
async def test_each_trouble_has_a_length_and_a_number_of_its_own(make_intake, door, by_hand, settle, minutes, words):
    intake = make_intake({"topic": "x"})
    for number in range(2):
        by_hand.intake = Answer.FAIL
        for repeat in range(2 - number):
            intake.take(door, door.message("x", b"n%d" % repeat))
        await settle()
        by_hand.clock.forward(minutes=minutes)
        by_hand.intake = Answer.ACCEPT
        intake.take(door, door.message("x", b"last"))
        await settle()
        told = f"for {words} they could not, {2 - number} of them had"
        assert told in by_hand.events[-1].text


async def test_a_copy_on_a_later_connection_takes_the_place_of_the_first(make_intake, door, by_hand, settle):
    by_hand.intake = Answer.FAIL
    intake = make_intake({"topic": "x"})
    intake.take(door, first := door.message("x", b"hot"))
    await settle()
    intake.take(door, again := door.message("x", b"hot", connection=2))
    assert len(by_hand.alarms) == 1, "the copy is not handed over"
    assert door.link.acknowledged == [first], "released; its connection is gone, so nothing is sent"
    by_hand.intake = Answer.ACCEPT
    async with asyncio.timeout(2):
        while again not in door.link.acknowledged[1:]:
            await asyncio.sleep(0.01)
    assert len(by_hand.alarms) == 2


async def test_equal_messages_of_one_connection_are_two(make_intake, door, by_hand, settle):
    by_hand.intake = Answer.FAIL
    intake = make_intake({"topic": "x"})
    intake.take(door, door.message("x", b"hot"))
    await settle()
    intake.take(door, door.message("x", b"hot"))
    assert len(by_hand.alarms) == 2


async def test_nothing_is_tried_after_stop(make_intake, door, by_hand, settle):
    by_hand.intake = Answer.FAIL
    intake = make_intake({"topic": "x"})
    intake.take(door, door.message("x", b"hot"))
    await settle()
    intake.stop()
    await asyncio.sleep(0.1)
    assert len(by_hand.alarms) == 1
