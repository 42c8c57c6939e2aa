"""The state as numbers."""

import pytest

from addispatch_plugins.modbus_server.registers import DISCRETE_COUNT, INPUT_COUNT, Code, Picture, picture

STATUS = {
    "warnings": ["email is down"],
    "cases": {"open": 3, "acknowledged": 1, "unacknowledged": 2},
    "queue": {"queued": 5, "sending": 1, "in_doubt": 0},
    "channels": [{"name": "voice", "up": True}, {"name": "email", "up": False}, {"name": "sms", "up": True}],
    "modems": [
        {"name": "sim2", "state": "broken", "signal": "99(Unknown)"},
        {"name": "sim1", "state": "online", "signal": "31(Excellent)"},
    ],
    "paused": False,
}


def shown(status=STATUS, newest=None, waiting=None, *, heartbeat=7, alarm_age_s=12.7):
    return picture(status, newest, waiting, heartbeat=heartbeat, alarm_age_s=alarm_age_s)


def test_each_number_is_at_its_address():
    seen = shown(newest={"priority": "critical"}, waiting={"code": "AB70000"}).inputs
    assert len(seen) == INPUT_COUNT == 64
    assert seen[:4] == (1, 7, 2, 0)
    assert seen[4:8] == (4, 2, 6, 1)
    assert seen[8:12] == (0x4142, 1, 70_000 - 65_536, 5)
    assert seen[12:16] == (12, 3, 0b110, 2)
    assert seen[16:32] == (0,) * 16
    assert seen[32:40] == (5, 31, 0, 0, 7, 99, 0, 0)
    assert not any(seen[40:])


def test_without_alarms_there_is_no_code_and_no_age():
    seen = shown({"warnings": [], "channels": [], "modems": []}).inputs
    assert seen[2:13] == (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 65_535)


def test_bits_say_the_same():
    assert shown().discrete == (0, 1, 0, 1, 1, 1) + (0,) * 10
    assert shown({"warnings": [], "channels": [{"name": "sms", "up": True}]}).discrete == (1,) + (0,) * 15
    assert shown({**STATUS, "paused": True}).discrete[:3] == (0, 1, 1)
    assert len(shown().discrete) == DISCRETE_COUNT


def test_a_pause_is_the_state():
    assert shown({**STATUS, "paused": True}).inputs[2:4] == (3, 1)


def test_numbers_stop_where_a_register_ends():
    status = {**STATUS, "cases": {"open": 70_000, "acknowledged": 0, "unacknowledged": 1 << 40}}
    seen = shown(status, {"priority": "low"}, alarm_age_s=1e9, heartbeat=65_536 + 3).inputs
    assert (seen[1], seen[4], seen[5], seen[7], seen[12]) == (3, 65_535, 65_535, 4, 65_535)


def test_a_clock_that_was_set_back_makes_no_negative_age():
    assert shown(newest={"priority": "low"}, alarm_age_s=-5).inputs[12] == 0


def test_more_channels_and_modems_than_there_are_places():
    many = [{"name": f"c{n:02}", "up": True} for n in range(20)]
    modems = [{"name": f"m{n:02}", "state": "online", "signal": "9"} for n in range(20)]
    seen = shown({**STATUS, "channels": many, "modems": modems}).inputs
    assert (seen[13], seen[14], seen[15], len(seen)) == (16, 65_535, 8, 64)


def test_before_the_first_look_nothing_is_known():
    assert Picture().inputs[:4] == (1, 0, 0, 0)
    assert len(Picture().inputs) == INPUT_COUNT


@pytest.mark.parametrize("text", ["A123", "A007", "Z99999", "AB0001", "NX12345"])
def test_codes_go_to_numbers_and_back(text):
    code = Code.of(text)
    assert str(code) == text
    assert Code.from_words(code.words) == code


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((65, 0, 7, 0), "A007"),  # who leaves the digits out means three
        ((65, 0, 1234, 0), "A1234"),
        ((97, 0, 7, 3), "A007"),  # a small letter
        ((0, 0, 7, 3), ""),
        ((0x4100, 0, 7, 3), ""),
        ((0x0131, 0, 7, 3), ""),
        ((0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF), ""),
        ((65, 0xFFFF, 0xFFFF, 3), ""),
    ],
)
def test_what_clients_write_is_a_code_or_none(words, text):
    assert str(Code.from_words(words)) == text


@pytest.mark.parametrize("text", [None, "", "123", "ABC1", "a12", "Ä12", "A"])
def test_no_code_is_zeros(text):
    assert Code.of(text).words == (0, 0, 0, 0)
