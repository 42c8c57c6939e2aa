"""Addresses and time stamps of SMS PDUs."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.simulator.pdu_fields import (
    PduError,
    Reader,
    decode_address,
    decode_smsc,
    decode_time,
    encode_address,
    encode_smsc,
    encode_time,
)

_DIGITS = st.text(alphabet="0123456789*#abc", min_size=1, max_size=20)
_NUMBERS = st.builds(str.__add__, st.sampled_from(["", "+"]), _DIGITS)
_ZONES = st.integers(-48, 56).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
_TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=_ZONES)


@given(_NUMBERS)
def test_numbers_survive(number: str) -> None:
    assert decode_address(Reader(encode_address(number))) == number
    assert decode_smsc(Reader(encode_smsc(number))) == number


@pytest.mark.parametrize("name", ["Singtel", "12345678 AB", "a", "Bank{}", "SevenCh"])
def test_names_survive(name: str) -> None:
    assert decode_address(Reader(encode_address(name))) == name


def test_address_as_in_the_standard() -> None:
    assert encode_address("+6591234567").hex() == "0a915619325476"
    assert encode_address("123").hex() == "038121f3"


@given(_TIMES)
def test_times_survive_to_the_second(at: datetime) -> None:
    decoded = decode_time(encode_time(at))
    assert decoded == at.replace(microsecond=0)
    assert decoded.utcoffset() == at.utcoffset()


def test_time_stamp_of_singapore() -> None:
    at = datetime(2026, 11, 23, 14, 5, 9, tzinfo=timezone(timedelta(hours=8)))
    assert encode_time(at).hex() == "62113241509023"
    assert decode_time(bytes.fromhex("62113241509023")) == at


def test_time_without_zone_is_refused() -> None:
    with pytest.raises(PduError, match="zone"):
        encode_time(datetime(2026, 1, 1))
    assert encode_time(datetime(2026, 1, 1, tzinfo=UTC))


@given(st.binary(max_size=30))
def test_any_octets_decode_or_are_refused(octets: bytes) -> None:
    for decode in (decode_address, decode_smsc, lambda reader: decode_time(reader.take(7))):
        with contextlib.suppress(PduError):
            assert decode(Reader(octets)) is not None
