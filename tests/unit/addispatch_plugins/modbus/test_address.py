"""What people write as an address: numbers of the protocol, the notation of manuals, and what may be both."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addispatch_plugins.modbus.address import Place, Register, in_notation, parse_address

COIL, DISCRETE, HOLDING, INPUT = Register.COIL, Register.DISCRETE, Register.HOLDING, Register.INPUT


@pytest.mark.parametrize(
    ("written", "register", "place"),
    [
        (0, HOLDING, Place(0)),
        (65_535, COIL, Place(65_535)),
        ("100", HOLDING, Place(100)),
        ("40001", None, Place(0, HOLDING)),
        ("49999", HOLDING, Place(9_998, HOLDING)),
        ("400001", None, Place(0, HOLDING)),
        ("465536", None, Place(65_535, HOLDING)),
        ("4x0001", None, Place(0, HOLDING)),
        ("4X12345", None, Place(12_344, HOLDING)),
        ("30101", INPUT, Place(100, INPUT)),
        ("10001", DISCRETE, Place(0, DISCRETE)),
        ("00001", COIL, Place(0, COIL)),
        ("000017", None, Place(16, COIL)),
        (" 40001 ", None, Place(0, HOLDING)),
        ("protocol 40001", HOLDING, Place(40_001)),
        # Numbers that look like the notation of another table are what they are.
        (30_775, HOLDING, Place(30_775)),
        (40_001, INPUT, Place(40_001)),
        (40_000, HOLDING, Place(40_000)),
        (50_001, HOLDING, Place(50_001)),
        (20_001, HOLDING, Place(20_001)),
    ],
)
def test_is_understood(written, register, place):
    assert parse_address(written, register) == place


@pytest.mark.parametrize(
    ("written", "register", "problem"),
    [
        (
            40_001,
            HOLDING,
            'looks like the notation of manuals: write "40001" in quotes, or 4x0001 on a command line, .* "protocol 40001"$',
        ),
        (40_001, None, "looks like the notation"),
        (30_001, INPUT, "protocol address 0"),
        (10_017, DISCRETE, "protocol address 16"),
        (-1, HOLDING, "-1 is no protocol address"),
        (70_000, HOLDING, r"70000 is no protocol address \(0 to 65535\)$"),
        (400_001, HOLDING, 'the notation of manuals needs quotes: "400001"'),
        ("protocol 70000", HOLDING, "70000 is no protocol address"),
        ("40001", INPUT, 'for register = "holding", not "input"'),
        ("0x0001", COIL, "may be a hexadecimal number or coil 1"),
        ("0x64", HOLDING, "write 0x64 without quotes"),
        ("40000", None, "counts from 1 to 65536"),
        ("465537", None, "counts from 1 to 65536"),
        ("0001", COIL, "no address"),
        ("65000", HOLDING, "no address"),
        ("20001", HOLDING, "no address"),
        ("", HOLDING, "no address"),
        ("40001-40002", None, "no address"),
        ("\u0664\u0660\u0660\u0660\u0661", None, "no address"),
        ("4" * 5000, None, "no address"),
    ],
)
def test_is_refused_in_one_short_line(written, register, problem):
    with pytest.raises(ValueError, match=problem) as error:
        parse_address(written, register)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 250


@settings(deadline=None)
@given(st.sampled_from(Register), st.integers(0, 65_535))
def test_notation_is_read_back(register, number):
    assert parse_address(in_notation(register, number), None) == Place(number, register)


@settings(deadline=None)
@given(st.text(max_size=12) | st.integers(), st.sampled_from([None, *Register]))
def test_nothing_is_guessed(written, register):
    try:
        place = parse_address(written, register)
    except ValueError as error:
        assert "\n" not in str(error) or "\n" in str(written)  # noqa: PT017
    else:
        assert 0 <= place.number <= 65_535
        assert register in (None, place.register) or place.register is None


def test_tables():
    assert [one.digit for one in (COIL, DISCRETE, INPUT, HOLDING)] == ["0", "1", "3", "4"]
    assert [one for one in Register if one.is_bit] == [COIL, DISCRETE]
