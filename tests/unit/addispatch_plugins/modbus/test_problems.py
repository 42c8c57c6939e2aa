"""The words of problems."""

from __future__ import annotations

import errno
import socket

import pytest

from addispatch_plugins.modbus.address import Register
from addispatch_plugins.modbus.problems import Asked, RefusedError, unreachable

HOLDING = Asked(3, Register.HOLDING, 100)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1, "illegal function: the device cannot read holding registers (function 3)"),
        (2, "illegal data address: the device has no holding register 100 (40101)"),
        (3, "illegal data value: the device does not read holding register 100 (40101) like that"),
        (4, "device failure: the device could not read holding register 100 (40101)"),
        (6, "the device is busy"),
        (10, "gateway path unavailable: the gateway has no way to unit 3"),
        (11, "unit 3 does not answer (gateway target failed to respond)"),
        (99, "the device answers with exception 99, which the standard does not know"),
    ],
)
def test_exceptions(code, words):
    error = RefusedError(code, HOLDING)
    assert str(error) == words
    assert error.is_about_address == (code in (2, 3, 4))
    assert error.is_about_unit == (code in (10, 11))


def test_what_was_asked_for():
    assert str(Asked(1, Register.COIL, 8, 8)) == "coils 8 to 15 (00009 to 00016)"
    assert str(Asked(1, Register.INPUT, 20_000, 2)) == "input registers 20000 to 20001 (320001 to 320002)"
    assert "cannot write holding registers (function 6)" in str(RefusedError(1, HOLDING._replace(write=1)))
    assert [Asked(1, Register.COIL, 0, size).byte_count for size in (1, 8, 9)] == [1, 1, 2]
    assert Asked(1, Register.HOLDING, 0, 3).byte_count == 6


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('10.0.0.1', 502)"), "connection refused"),
        (OSError(errno.EHOSTUNREACH, "x"), "no route to host"),
        (socket.gaierror(-2, "Name or service not known"), "unknown host name (Name or service not known)"),
        (OSError("Multiple exceptions: a\nb"), "Multiple exceptions: a"),
        (FileNotFoundError(errno.ENOENT, "x"), "no such serial port"),
        (OSError(), "no connection"),
    ],
)
def test_operating_system(error, words):
    assert unreachable(error) == words
