import pytest
from pydantic import ValidationError

from addispatch.sdk import Priority
from addispatch_plugins.modem.config import ModemPluginConfig


def config(*modems):
    return ModemPluginConfig.model_validate({"modem": list(modems)})


def test_defaults():
    (modem,) = config({"name": "sim1", "port": "/dev/serial/by-id/usb-HUAWEI_E3372-if00-port0"}).modem
    assert (modem.pin, modem.poll_s, modem.delivery_reports) == (None, 10, True)
    assert (modem.ring_s, modem.ring_repeat) == (25, 1)


@pytest.mark.parametrize(
    ("modems", "problem"),
    [
        ([{"name": "sim1"}], "port"),
        ([{"port": "/dev/ttyUSB0"}], "name"),
        ([{"name": "a/b", "port": "/dev/ttyUSB0"}], "name"),
        ([{"name": "../x", "port": "/dev/ttyUSB0"}], "name"),
        ([{"name": "a", "port": "ttyUSB0"}], "serial port"),
        ([{"name": "a", "port": "/dev/ttyUSB0\nlogfile = /etc/passwd"}], "serial port"),
        ([{"name": "a", "port": "/dev/x; rm"}], "serial port"),
        ([{"name": "a", "port": "/dev/ttyUSB0", "pin": "12"}], "4 to 8 digits"),
        ([{"name": "a", "port": "/dev/ttyUSB0", "poll_s": 0}], "poll_s"),
        ([{"name": "a", "port": "/dev/ttyUSB0", "speed": 9600}], "speed"),
        ([{"name": "a", "port": "/dev/ttyUSB0", "ring_s": 4}], "ring_s"),
        ([{"name": "a", "port": "/dev/ttyUSB0", "ring_s": 121}], "ring_s"),
        ([{"name": "a", "port": "/dev/ttyUSB0", "ring_repeat": 0}], "ring_repeat"),
        ([{"name": "a", "port": "/dev/ttyUSB0", "ring_repeat": 6}], "ring_repeat"),
        (
            [{"name": "a", "port": "/dev/ttyUSB0"}, {"name": "A", "port": "/dev/ttyUSB1"}],
            "two modems have the same name",
        ),
        (
            [{"name": "a", "port": "/dev/ttyUSB0"}, {"name": "b", "port": "/dev/ttyUSB0"}],
            "two modems have the same port",
        ),
        ([{"name": "a", "imei": "12345"}], "14 to 16 digits"),
        ([{"name": "a", "port": "/dev/ttyUSB0", "credit_ussd": "100"}], r"for example \*100#"),
        ([{"name": "a b", "port": "/dev/ttyUSB0"}], "1 to 32 letters"),
        ([{"name": "a", "port": "/dev/ttyUSB0", "usb": "1-1"}], "has port and usb"),
        ([{"name": "a", "port": "/dev/ttyUSB0", "delivery_reports": "yes"}], "valid boolean"),
        ([{"name": "a", "port": "/dev/ttyUSB0", "poll_s": float("nan")}], "finite number"),
        ([], "has no modem"),
        ([{"name": "a", "port": "/dev/ttyUSB0"}] * 2, "same name: a; two modems have the same port"),
        ([{"name": "a", "usb": "1-1; rm"}], "usb"),
        ([{"name": "a", "port": ""}], "port is missing"),
        ([{"name": "a", "port": "/dev/ttyUSB0", "credit_ussd": "*100#\rAT"}], "credit_ussd"),
        ([{"name": "a", "port": "/dev/ttyUSB0", "credit_pattern": "("}], "no regular expression"),
        ([{"name": "a", "port": "/dev/ttyUSB0", "credit_least": -1}], "credit_least"),
        ([{"name": n, "imei": "356938035643809"} for n in "ab"], "two modems have the same imei"),
        ([{"name": f"m{n}", "port": f"/dev/ttyUSB{n}"} for n in range(9)], "at most 8"),
    ],
)
def test_mistakes_are_named(modems, problem):
    with pytest.raises(ValidationError, match=problem):
        config(*modems)


def test_limits_have_the_defaults_of_an_operator_who_minds():
    (modem,) = config({"name": "sim1", "port": "/dev/ttyUSB0"}).modem
    assert (modem.rate_per_minute, modem.burst, modem.daily_cap, modem.monthly_cap) == (10, 5, 0, 0)
    assert modem.prefixes == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rate_per_minute", -1),
        ("rate_per_minute", float("nan")),
        ("burst", 0),
        ("daily_cap", -1),
        ("monthly_cap", 1.5),
        ("prefixes", ["65 "]),
        ("prefixes", "+65"),
        ("prefixes", ["+1"] * 101),
    ],
)
def test_limits_that_are_none(key, value):
    with pytest.raises(ValidationError, match=key):
        config({"name": "sim1", "port": "/dev/ttyUSB0", key: value})


@pytest.mark.parametrize(("key", "value"), [("allowed_prefixes", ["x"]), ("flash_priorities", ["urgent"])])
def test_options_of_the_plugin(key, value):
    with pytest.raises(ValidationError, match=key):
        ModemPluginConfig.model_validate({"modem": [{"name": "a", "port": "/dev/x"}], key: value})
    one = {"modem": [{"name": "a", "port": "/dev/x"}]}
    good = ModemPluginConfig.model_validate(
        one | {"allowed_prefixes": ["+65", "999"], "flash_priorities": ["critical"]}
    )
    assert (good.allowed_prefixes, good.flash_priorities, good.flash) == (("+65", "999"), (Priority.CRITICAL,), False)


def test_a_modem_may_be_known_by_its_device_instead_of_its_port():
    one, two, three = config(
        {"name": "a", "imei": "356938035643809"},
        {"name": "b", "usb": "1-1.2"},
        {"name": "c", "usb": "0123456789ABCDEF"},
    ).modem
    assert (one.port, two.port, three.port) == ("", "", "")
    assert not one.usb_rebind


def test_a_refused_pin_is_not_shown():
    with pytest.raises(ValidationError) as caught:
        config({"name": "a", "port": "/dev/ttyUSB0", "pin": "secret77"})
    assert "secret77" not in str(caught.value)
    assert "1234" not in repr(config({"name": "a", "port": "/dev/ttyUSB0", "pin": "1234"}))
