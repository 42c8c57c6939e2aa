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


def test_a_piece_of_one_is_a_clean_error(certificate):
    whole = der_of(certificate()[0])
    for size in range(len(whole)):
        with pytest.raises(ValueError):
            not_after(whole[:size])


@given(st.binary(max_size=200))
def test_rubbish_is_a_clean_error(data):
    with pytest.raises(ValueError):
        not_after(data)
