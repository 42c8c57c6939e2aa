"""The way of a message through the intake, without a broker. With one: test_instance."""

import hashlib

from addispatch.sdk import AlarmState, StoreError
from addispatch.sdk.testing import Intake as Answer
from addispatch_plugins.mqtt.payload import MAX_PAYLOAD_BYTES


async def test_acknowledged_only_when_durable(make_intake, door, by_hand, settle):
    by_hand.intake = Answer.HOLD
    intake, message = make_intake({"topic": "x"}), door.message("x", b"hot")
    intake.take(door, message)
    await settle()
    assert [alarm.text for alarm in by_hand.alarms] == ["hot"]
    assert door.link.acknowledged == []
    by_hand.release()
    await settle()
    assert door.link.acknowledged == [message]
    assert message.token == by_hand.alarms[0].fingerprint == hashlib.sha256(b"mqtt\0x\0hot").digest()


async def test_a_trial_acknowledges_at_once_and_has_no_trouble_with_its_end(make_intake, door, by_hand, settle):
    by_hand.intake, by_hand.is_trial = Answer.HOLD, True
    make_intake({"topic": "x"}).take(door, message := door.message("x", b"hot"))
    assert door.link.acknowledged == [message]
    by_hand.release(StoreError("not stored: this was a try"))
    await settle()
    assert door.link.acknowledged == [message]
    assert by_hand.events == []


async def test_refused_alarms_are_acknowledged(make_intake, door, by_hand, settle):
    by_hand.intake = Answer.REFUSE
    make_intake({"topic": "x"}).take(door, message := door.message("x", b"hot"))
    await settle()
    assert door.link.acknowledged == [message]


async def test_a_cancelled_answer_acknowledges_nothing(make_intake, door, by_hand, settle, monkeypatch):
    future = None

    def accept(_alarm):
        nonlocal future
        future = type(by_hand).accept(by_hand, _alarm)
        return future

    by_hand.intake = Answer.HOLD
    monkeypatch.setattr(by_hand, "accept", accept)
    make_intake({"topic": "x"}).take(door, door.message("x", b"hot"))
    future.cancel()
    await settle()
    assert door.link.acknowledged == []


async def test_the_largest_payload_is_taken_and_one_byte_more_is_not(make_intake, door, by_hand, settle):
    intake = make_intake({"topic": "x"})
    intake.take(door, door.message("x", b"x" * MAX_PAYLOAD_BYTES))
    intake.take(door, door.message("x", b"x" * (MAX_PAYLOAD_BYTES + 1)))
    await settle()
    assert len(by_hand.alarms) == 1
    assert len(door.link.acknowledged) == 2
    assert by_hand.events[-1].kind == "payload_too_large"


async def test_a_topic_without_subscription_is_told_and_acknowledged(make_intake, door, by_hand):
    make_intake({"topic": "x"}).take(door, message := door.message("left/over", b"hot"))
    assert door.link.acknowledged == [message]
    assert by_hand.events[-1].kind == "topic_unknown"


async def test_an_unchanged_retained_message_is_known_even_before_the_commit(make_intake, door, by_hand, settle):
    by_hand.intake = Answer.HOLD
    intake = make_intake({"topic": "x"})
    intake.take(door, door.message("x", b"hot", retain=True))
    intake.take(door, second := door.message("x", b"hot", retain=True))
    assert len(by_hand.alarms) == 1
    assert door.link.acknowledged == [second]
    intake.take(door, door.message("x", b"hot"))
    assert len(by_hand.alarms) == 2, "live messages are always news"


async def test_long_topics_have_short_marks(make_intake, door, by_hand):
    intake = make_intake({"topic": "#"})
    for end in ("a", "b"):
        intake.take(door, door.message("x" * 5000 + end, b"hot"))
    names = {alarm.mark.name for alarm in by_hand.alarms}
    assert len(names) == 2
    assert max(map(len, names)) < 100


async def test_a_clear_may_be_empty_where_its_key_is_known(make_intake, door, by_hand):
    make_intake({"topic": "x", "key": "k", "state": "cleared"}).take(door, door.message("x"))
    assert (by_hand.alarms[0].state, by_hand.alarms[0].key) == (AlarmState.CLEARED, "k")


async def test_filters_hold_the_native_topics_once(make_intake):
    assert make_intake({"topic": "addispatch/#"}, {"topic": "x", "qos": 0}).filters() == [("addispatch/#", 1), ("x", 0)]
    assert len(make_intake().filters()) == 6
