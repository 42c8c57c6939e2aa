"""AT command lines taken apart."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.simulator.at_parser import AtSyntaxError, Command, Form, parse_line


@pytest.mark.parametrize(
    ("line", "commands"),
    [
        ("AT", []),
        ("at", []),
        ("AT+CSQ", [Command("+CSQ")]),
        ("at+csq", [Command("+CSQ")]),
        ("AT+CPIN?", [Command("+CPIN", Form.READ)]),
        ("AT+CMGL=?", [Command("+CMGL", Form.TEST)]),
        ("AT+CMGS=42", [Command("+CMGS", Form.SET, ("42",))]),
        ('AT+CPMS="SM",,"ME"', [Command("+CPMS", Form.SET, ("SM", "", "ME"))]),
        ('AT+CUSD=1,"a;b,c"', [Command("+CUSD", Form.SET, ("1", "a;b,c"))]),
        ("AT+CMEE=1;+CREG=2", [Command("+CMEE", Form.SET, ("1",)), Command("+CREG", Form.SET, ("2",))]),
        ("AT+CMEE=1;+CREG?;", [Command("+CMEE", Form.SET, ("1",)), Command("+CREG", Form.READ)]),
        ("ATE0", [Command("E", Form.SET, ("0",))]),
        ("ATE1V1Q0", [Command(name, Form.SET, (value,)) for name, value in (("E", "1"), ("V", "1"), ("Q", "0"))]),
        ("ATE0+CMEE=1", [Command("E", Form.SET, ("0",)), Command("+CMEE", Form.SET, ("1",))]),
        ("ATZ", [Command("Z")]),
        ("AT&F", [Command("&F")]),
        ("AT&F;+CMEE=2", [Command("&F"), Command("+CMEE", Form.SET, ("2",))]),
        ("ATS0=0", [Command("S0", Form.SET, ("0",))]),
        ("ATD+6591234567;", [Command("D", Form.SET, ("+6591234567", ";"))]),
        ("ATDT91234567;", [Command("D", Form.SET, ("91234567", ";"))]),
        ("ATH", [Command("H")]),
        ("AT$TSSPCSW=?", [Command("$TSSPCSW", Form.TEST)]),
    ],
)
def test_lines(line: str, commands: list[Command]) -> None:
    assert parse_line(line) == commands


@pytest.mark.parametrize("line", ["", "hello", "AT+", "AT=1", 'AT+CMGS="', "AT+CSQ,", "AT" + "+CSQ;" * 300])
def test_no_commands(line: str) -> None:
    with pytest.raises(AtSyntaxError):
        parse_line(line)


def test_arguments() -> None:
    command = Command("+X", Form.SET, ("7", "", "x"))
    assert (command.number(0), command.number(1, 5), command.number(9, 3), command.text(2)) == (7, 5, 3, "x")
    with pytest.raises(AtSyntaxError, match="no number"):
        command.number(2)
    with pytest.raises(AtSyntaxError):
        Command("+X", Form.SET, ("٣",)).number(0)


@given(st.text())
def test_any_line_parses_or_is_refused(line: str) -> None:
    for text in (line, "AT" + line, "AT+" + line):
        with contextlib.suppress(AtSyntaxError):
            assert all(isinstance(command, Command) for command in parse_line(text))
