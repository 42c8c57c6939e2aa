"""What may leave."""

import pytest

from addispatch_plugins.mqtt.publisher import topic_level, without_addresses


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sms to +6591234567 sent", "sms to [hidden] sent"),
        ("call 0091 (65) 9123-4567 now", "call [hidden] now"),
        ("mail to adam.b+x@plant.example failed", "mail to [hidden] failed"),
        ("Boiler 1 at 98.4 °C, 12 of 100", "Boiler 1 at 98.4 °C, 12 of 100"),
        ("code A123", "code A123"),
    ],
)
def test_addresses_are_hidden(text, shown):
    assert without_addresses(text) == shown


@pytest.mark.parametrize(("name", "level"), [("sim1", "sim1"), ("a/b+c#", "a-b-c-"), ("", "-")])
def test_names_fit_a_level(name, level):
    assert topic_level(name) == level
