"""What a door tells the core and the operator. With a real broker: test_instance."""

import pytest

from addispatch.sdk import Severity
from addispatch.sdk.mqtt import BrokerAddress, MqttSettings
from addispatch_plugins.mqtt.door import Door


@pytest.fixture
def make_door(by_hand, make_intake):
    def make(*, is_first=True, port=1883, canary_s=0):
        settings = MqttSettings(address=BrokerAddress("h", port), client_id="x", clean=False)
        return Door(
            settings, by_hand, make_intake(), lambda _door: None, is_first=is_first, held_max_count=10,
            canary_topic="p/node/n/canary", canary_s=canary_s,
        )  # fmt: skip

    return make


def test_the_core_hears_of_each_connection(make_door, by_hand):
    door = make_door()
    door.connected()
    door.disconnected("connection lost")
    door.connected()
    assert by_hand.links == [("up", "h:1883"), ("down", "h:1883"), ("up", "h:1883")]


def test_the_operator_hears_each_reason_once(make_door, by_hand):
    door = make_door()
    for _ in range(3):
        door.failed("Connection refused")
    door.failed("Not authorized")
    door.connected()
    door.failed("Connection refused")
    assert [event.severity for event in by_hand.events] == [
        Severity.WARNING, Severity.WARNING, Severity.INFO, Severity.WARNING,
    ]  # fmt: skip


def test_what_is_wrong_with_the_broker_is_a_condition_until_it_takes_us(make_door, by_hand):
    door = make_door()
    door.failed("Connection refused")
    assert by_hand.conditions == {"broker h:1883": "MQTT broker h:1883 is out of reach: Connection refused"}
    door.connected()
    assert by_hand.conditions == {"broker h:1883": ""}
    door.disconnected("connection lost")
    assert by_hand.conditions == {"broker h:1883": "MQTT broker h:1883 is out of reach: connection lost"}


def test_with_a_canary_only_its_return_ends_the_condition(make_door, by_hand):
    door = make_door(canary_s=60)
    door.failed("Connection refused")
    door.connected()
    assert by_hand.conditions["broker h:1883"]


async def test_what_the_broker_does_not_let_us_subscribe_to_is_examined(make_door):
    door = make_door()
    door.link.problem = ""
    door.failed("the broker refused the subscription x")
    assert (await door.examine()).problem == "the broker refused the subscription x"


def test_an_end_we_wanted_is_no_event(make_door, by_hand):
    door = make_door()
    door.connected()
    door.disconnected("")
    assert by_hand.links[-1] == ("down", "h:1883")
    assert [event.text for event in by_hand.events] == ["Connected to MQTT broker h:1883"]


def test_only_messages_that_became_alarms_are_confirmed(make_door, by_hand, door):
    taken, dropped = door.message("x"), door.message("x")
    taken.token = b"fingerprint"
    make_door().acknowledged([taken, dropped])
    assert by_hand.confirmations == [("h:1883", b"fingerprint")]


def test_marks_of_the_first_broker_do_not_name_it(make_door):
    assert make_door().mark_prefix == "retained"
    assert make_door(is_first=False, port=1).mark_prefix == "retained@h:1"
