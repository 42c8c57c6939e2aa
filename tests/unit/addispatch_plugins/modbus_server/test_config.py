"""The table: what is good, and one line for each mistake."""

import pytest
from pydantic import ValidationError

from addispatch_plugins.modbus_server.config import ModbusServerConfig

COIL = {"address": 16, "text": "Tank is full"}


def test_the_defaults_let_in_nobody_but_this_machine():
    config = ModbusServerConfig()
    assert config.place == ("127.0.0.1", 1502)
    assert config.allow == ("127.0.0.0/8", "::1/128")
    assert (config.acknowledge_all, config.coil) == (False, ())


def test_addresses_of_ipv6_stand_in_brackets():
    assert ModbusServerConfig(listen="[::]:502").place == ("::", 502)


def test_a_coil_has_a_key_of_its_own_unless_it_is_given():
    config = ModbusServerConfig.model_validate({"coil": [COIL, {**COIL, "address": 17, "key": "tank"}]})
    assert [coil.condition for coil in config.coil] == ["coil 16", "tank"]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"listen": "1502"}, "listen"),
        ({"listen": "127.0.0.1:0"}, "must be an address and a port"),
        ({"listen": "127.0.0.1:65536"}, "must be an address and a port"),
        ({"allow": []}, "allow"),
        ({"allow": ["10.0.0.1/8"]}, "without host bits"),
        ({"allow": ["anybody"]}, "allow.0"),
        ({"allow": [5]}, "must be an address or a network"),
        ({"unit": 0}, "unit"),
        ({"unit": 248}, "unit"),
        ({"max_connections": 0}, "max_connections"),
        ({"idle_s": 0}, "idle_s"),
        ({"coil": [{**COIL, "address": 15}]}, "coil.0.address"),
        ({"coil": [{**COIL, "address": 1024}]}, "coil.0.address"),
        ({"coil": [{**COIL, "address": True}]}, "coil.0.address"),
        ({"coil": [{**COIL, "text": ""}]}, "coil.0.text"),
        ({"coil": [{**COIL, "key": "a\nb"}]}, "coil.0.key"),
        ({"coil": [{**COIL, "priority": "urgent"}]}, "coil.0.priority"),
        ({"coil": [{**COIL, "to": [""]}]}, "coil.0.to.0"),
        ({"coil": [{**COIL, "colour": "red"}]}, "coil.0.colour"),
        ({"coil": [COIL, COIL]}, "coil.address: 16 is there twice"),
        (
            {"coil": [{**COIL, "key": "a"}, {**COIL, "address": 17, "key": "a"}]},
            "coil.key: 'a' is there twice",
        ),
    ],
)
def test_mistakes_are_named(table, words):
    with pytest.raises(ValidationError) as caught:
        ModbusServerConfig.model_validate(table)
    assert words in str(caught.value)
