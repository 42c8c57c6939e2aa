"""User data of SMS PDUs: alphabets, parts, headers."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.domain.text import segment_count
from addispatch.simulator.pdu_body import Body, Coding, Concat, bodies, decode_body, encode_body, join
from addispatch.simulator.pdu_fields import PduError, Reader

_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=600)


@given(_TEXT, st.integers(0, 255), st.booleans())
def test_any_text_survives_in_parts(text: str, reference: int, flash: bool) -> None:
    sent = bodies(text, reference, flash=flash)
    got = []
    for body in sent:
        scheme, data = encode_body(body)
        got.append(decode_body(scheme, Reader(data), has_header=body.concat is not None))
    assert got == sent
    assert join(got) == text
    assert len(got) == segment_count(text)
    assert all(body.flash == flash for body in got)


def test_surrogates_cut_in_two_by_a_sender_become_whole() -> None:
    assert join([Body("a\ud83d", Coding.UCS2), Body("\ude00b", Coding.UCS2)]) == "a😀b"


def test_reads_a_16_bit_reference_and_skips_other_elements() -> None:
    header = bytes.fromhex("0a 08 04 1234 03 02 24 01 01".replace(" ", ""))[:11]
    header = bytes([len(header) - 1]) + header[1:]
    text = "hi".encode("utf-16-be")
    body = decode_body(8, Reader(bytes([len(header + text)]) + header + text), has_header=True)
    assert body.concat == Concat(0x1234, 3, 2)
    assert body.text == "hi"


def test_ignores_impossible_part_numbers() -> None:
    data = bytes.fromhex("050003010205") + "x".encode("utf-16-be")
    assert decode_body(8, Reader(bytes([len(data)]) + data), has_header=True).concat is None


@pytest.mark.parametrize(
    ("scheme", "coding", "message_class"),
    [
        (0x00, Coding.GSM7, None),
        (0x10, Coding.GSM7, 0),
        (0xF0, Coding.GSM7, 0),
        (0xF6, Coding.DATA, 2),
        (0x08, Coding.UCS2, None),
        (0x18, Coding.UCS2, 0),
        (0x04, Coding.DATA, None),
        (0xC8, Coding.GSM7, None),
        (0xE0, Coding.UCS2, None),
        (0x20, Coding.DATA, None),
    ],
)
def test_data_coding_schemes(scheme: int, coding: Coding, message_class: int | None) -> None:
    body = decode_body(scheme, Reader(b"\0"), has_header=False)
    assert (body.coding, body.message_class) == (coding, message_class)


def test_too_much_is_refused() -> None:
    with pytest.raises(PduError, match="140"):
        encode_body(Body("x" * 161))
    with pytest.raises(PduError, match="255"):
        bodies("x" * 153 * 256, 1)
    with pytest.raises(PduError, match="more than"):
        decode_body(0, Reader(b"\xa1" + bytes(200)), has_header=False)


@given(st.integers(0, 255), st.binary(max_size=200), st.booleans())
def test_any_octets_decode_or_are_refused(scheme: int, octets: bytes, has_header: bool) -> None:
    with contextlib.suppress(PduError):
        assert len(decode_body(scheme, Reader(octets), has_header=has_header).text) <= 8 * len(octets)
