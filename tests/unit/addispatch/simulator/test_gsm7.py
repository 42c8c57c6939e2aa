"""The GSM 7-bit alphabet on the wire."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from addispatch.domain.text import GSM7_BASIC, GSM7_EXTENDED
from addispatch.simulator import gsm7

_TEXT = st.text(alphabet=sorted(GSM7_BASIC | GSM7_EXTENDED))


@given(_TEXT, st.integers(0, 6))
def test_text_survives_packing(text: str, fill_bits: int) -> None:
    septets = gsm7.to_septets(text)
    assert gsm7.from_septets(gsm7.unpack(gsm7.pack(septets, fill_bits), len(septets), fill_bits)) == text


def test_packs_as_the_standard_example() -> None:
    assert gsm7.pack(gsm7.to_septets("hellohello")).hex() == "e8329bfd4697d9ec37"


def test_knows_exactly_the_alphabet_of_the_domain() -> None:
    assert all(gsm7.to_septets(char) != b"?" for char in (GSM7_BASIC | GSM7_EXTENDED) - {"?"})
    assert {gsm7.from_septets(bytes([code])) for code in range(128) if code != gsm7.ESCAPE} == GSM7_BASIC


@given(st.binary(), st.integers(0, 300))
def test_any_octets_give_text(octets: bytes, count: int) -> None:
    assert isinstance(gsm7.from_septets(gsm7.unpack(octets, count)), str)


def test_shows_a_question_mark_for_what_the_alphabet_lacks() -> None:
    assert gsm7.from_septets(gsm7.to_septets("ж!")) == "?!"
