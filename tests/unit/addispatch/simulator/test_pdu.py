"""SMS PDUs, against our own codec and against gammu's."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import gammu
import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.domain.text import GSM7_BASIC, GSM7_EXTENDED
from addispatch.simulator.pdu import (
    Deliver,
    StatusReport,
    Submit,
    decode_deliver,
    decode_status_report,
    decode_submit,
    encode_deliver,
    encode_message,
    encode_status_report,
    encode_submit,
    split_smsc,
    with_smsc,
)
from addispatch.simulator.pdu_body import bodies, join
from addispatch.simulator.pdu_fields import PduError

_NUMBERS = st.from_regex(r"\+?[0-9]{3,15}", fullmatch=True)
_GSM_TEXT = st.text(alphabet=sorted((GSM7_BASIC | GSM7_EXTENDED) - set("\r\f")), min_size=1, max_size=400)
# Without ~, which libGammu takes for an escape in UCS-2 texts.
_UNICODE_TEXT = st.text(
    alphabet=st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="~", max_codepoint=0x1FAFF),
    min_size=1,
    max_size=200,
).filter(lambda text: not (GSM7_BASIC | GSM7_EXTENDED).issuperset(text))
_TEXT = st.one_of(_GSM_TEXT, _UNICODE_TEXT)
_AT = datetime(2026, 11, 23, 6, 5, 4, tzinfo=UTC)


@given(_NUMBERS, _TEXT, st.booleans(), st.integers(0, 255))
def test_round_trip(number: str, text: str, flag: bool, reference: int) -> None:
    for body in bodies(text, reference, flash=flag):
        submit = Submit(number, body, reference, wants_report=flag)
        assert decode_submit(encode_submit(submit)) == submit
        deliver = Deliver(number, body, _AT)
        assert decode_deliver(encode_deliver(deliver)) == deliver
    report = StatusReport(reference, number, _AT, _AT, reference)
    assert decode_status_report(encode_status_report(report)) == report


@given(st.from_regex(r"\+[0-9]{3,15}", fullmatch=True), _TEXT)
def test_reads_what_gammu_encodes(number: str, text: str) -> None:
    unicode = not (GSM7_BASIC | GSM7_EXTENDED).issuperset(text)
    parts = gammu.EncodeSMS(
        {"Class": -1, "Unicode": unicode, "Entries": [{"ID": "ConcatenatedTextLong", "Buffer": text}]}
    )
    got = []
    for part in parts:
        part |= {"SMSC": {"Number": "+6596197777"}, "Number": number, "Type": "Status_Report"}
        submit = decode_submit(split_smsc(gammu.EncodePDU(part, "Submit"))[1])
        assert (submit.to, submit.wants_report) == (number, True)
        got.append(submit.body)
    assert join(got) == text
    assert [body.concat.part if body.concat else 1 for body in got] == list(range(1, len(parts) + 1))


@given(_NUMBERS, _TEXT)
def test_gammu_reads_what_we_encode(number: str, text: str) -> None:
    decoded = []
    for body in bodies(text, 77):
        line = with_smsc("+6596197777", encode_deliver(Deliver(number, body, _AT)))
        sms = gammu.DecodePDU(bytes.fromhex(line))
        assert (sms["Number"], sms["Type"], sms["SMSC"]["Number"]) == (number, "Deliver", "+6596197777")
        assert sms["DateTime"].astimezone(UTC) == _AT
        decoded.append(sms)
    if len(decoded) == 1:
        # After escape sequences python-gammu reads on to the septet count: a NUL, then whatever was in memory.
        assert decoded[0]["Text"].split("\0")[0] == text
        return
    linked = gammu.LinkSMS([[part] for part in reversed(decoded)])
    assert len(linked) == 1
    assert "".join(entry["Buffer"] for entry in gammu.DecodeSMS(linked[0])["Entries"]) == text


def test_gammu_reads_our_status_report() -> None:
    report = StatusReport(200, "+6591234567", _AT, _AT)
    sms = gammu.DecodePDU(bytes.fromhex(with_smsc("", encode_message(report))))
    assert (sms["Type"], sms["MessageReference"], sms["Number"]) == ("Status_Report", 200, "+6591234567")
    assert sms["DeliveryStatus"] == 0


@given(st.binary(max_size=200))
def test_any_octets_decode_or_are_refused(octets: bytes) -> None:
    for decode in (decode_submit, decode_deliver, decode_status_report, split_smsc):
        with contextlib.suppress(PduError):
            assert decode(octets) is not None


def test_names_the_wrong_kind() -> None:
    with pytest.raises(PduError, match="not a submit"):
        decode_submit(encode_deliver(Deliver("+6591234567", bodies("x", 1)[0], _AT)))
