"""When certificates end: those of openssl, and rubbish."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch_plugins.net.certificate import not_after

pytestmark = pytest.mark.debian


def der_of(pem):
    return ssl.PEM_cert_to_DER_cert(pem.read_text())


@pytest.mark.parametrize("days", [2, 30, 20_000])
def test_those_of_openssl(certificate, days):
    """20,000 days end after 2049, which is written in another way."""
    expected = datetime.now(UTC) + timedelta(days=days)
    assert abs(not_after(der_of(certificate(days)[0])) - expected) < timedelta(minutes=5)


@pytest.mark.parametrize(
    ("tag", "text", "year"),
    [(0x17, b"991231235959Z", 1999), (0x17, b"491231235959Z", 2049), (0x18, b"20501231235959Z", 2050)],
)
def test_the_century_of_two_digits(tag, text, year):
    def element(tag, *content):
        return bytes([tag, len(b"".join(content))]) + b"".join(content)

    validity = element(0x30, element(0x17, b"200101000000Z"), element(tag, text))
    number, empty = element(0x02, b"\x01"), element(0x30)
    for version in (b"", element(0xA0, element(0x02, b"\x02"))):
        der = element(0x30, element(0x30, version, number, empty, empty, validity))
        assert not_after(der) == datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_no_time_where_one_should_be(certificate):
    with pytest.raises(ValueError, match="no time"):
        not_after(bytes.fromhex("3012 3010 0200 3000 3000 3008 0c00 0c04") + b"2030")


def test_a_piece_of_one_is_a_clean_error(certificate):
    whole = der_of(certificate()[0])
    for size in range(len(whole)):
        with pytest.raises(ValueError):
            not_after(whole[:size])


@given(st.binary(max_size=200))
def test_rubbish_is_a_clean_error(data):
    with pytest.raises(ValueError):
        not_after(data)
