"""SMS PDUs between modem and network: submit, deliver, status report (3GPP TS 23.040, 9.2.2).

The AT commands turn hex lines into these values and back; the network only moves values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from addispatch.simulator.pdu_body import Body, decode_body, encode_body
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

if TYPE_CHECKING:
    from datetime import datetime

_DELIVER, _SUBMIT, _STATUS_REPORT = 0, 1, 2
_NO_MORE = 0x04
_REPORT_WANTED = 0x20
_HAS_HEADER = 0x40
#: Octets of the validity period by the two bits of its format: none, enhanced, relative, absolute.
_VALIDITY_OCTETS = (0, 7, 1, 7)

#: TP-Status values (9.2.3.15).
STATUS_DELIVERED = 0x00
STATUS_FAILED = 0x46  # permanent error: validity period expired


@dataclass(frozen=True, slots=True)
class Submit:
    """A modem sends: ``reference`` is what the host proposed; the modem puts its own."""

    to: str
    body: Body
    reference: int = 0
    wants_report: bool = False


@dataclass(frozen=True, slots=True)
class Deliver:
    """The network brings a message."""

    sender: str
    body: Body
    at: datetime


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The network says what became of the message with that reference."""

    reference: int
    recipient: str
    sent_at: datetime
    done_at: datetime
    status: int = STATUS_DELIVERED


def encode_submit(message: Submit) -> bytes:
    """TPDU of a submit, without validity period."""
    scheme, data = encode_body(message.body)
    flags = _SUBMIT | (_HAS_HEADER if message.body.concat else 0) | (_REPORT_WANTED if message.wants_report else 0)
    return bytes([flags, message.reference]) + encode_address(message.to) + bytes([0, scheme]) + data


def encode_deliver(message: Deliver) -> bytes:
    """TPDU of a deliver."""
    scheme, data = encode_body(message.body)
    flags = _DELIVER | _NO_MORE | (_HAS_HEADER if message.body.concat else 0)
    return bytes([flags]) + encode_address(message.sender) + bytes([0, scheme]) + encode_time(message.at) + data


def encode_status_report(report: StatusReport) -> bytes:
    """TPDU of a status report."""
    times = encode_time(report.sent_at) + encode_time(report.done_at)
    return (
        bytes([_STATUS_REPORT | _NO_MORE, report.reference])
        + encode_address(report.recipient)
        + times
        + bytes([report.status])
    )


def encode_message(message: Deliver | StatusReport) -> bytes:
    """TPDU of what a modem receives."""
    return encode_deliver(message) if isinstance(message, Deliver) else encode_status_report(message)


def decode_submit(tpdu: bytes) -> Submit:
    """Read a submit TPDU; raises ``PduError``."""
    reader = Reader(tpdu)
    flags = _expect_kind(reader, _SUBMIT, "submit")
    reference, to = reader.octet(), decode_address(reader)
    _protocol, scheme = reader.octet(), reader.octet()
    reader.take(_VALIDITY_OCTETS[flags >> 3 & 3])
    body = decode_body(scheme, reader, has_header=bool(flags & _HAS_HEADER))
    return Submit(to, body, reference, wants_report=bool(flags & _REPORT_WANTED))


def decode_deliver(tpdu: bytes) -> Deliver:
    """Read a deliver TPDU; raises ``PduError``."""
    reader = Reader(tpdu)
    flags = _expect_kind(reader, _DELIVER, "deliver")
    sender = decode_address(reader)
    _protocol, scheme = reader.octet(), reader.octet()
    at = decode_time(reader.take(7))
    return Deliver(sender, decode_body(scheme, reader, has_header=bool(flags & _HAS_HEADER)), at)


def decode_status_report(tpdu: bytes) -> StatusReport:
    """Read a status report TPDU; raises ``PduError``."""
    reader = Reader(tpdu)
    _expect_kind(reader, _STATUS_REPORT, "status report")
    reference, recipient = reader.octet(), decode_address(reader)
    sent_at, done_at = decode_time(reader.take(7)), decode_time(reader.take(7))
    return StatusReport(reference, recipient, sent_at, done_at, reader.octet())


def split_smsc(pdu: bytes) -> tuple[str, bytes]:
    """Service centre and TPDU of a PDU as it stands on the serial line; raises ``PduError``."""
    reader = Reader(pdu)
    smsc = decode_smsc(reader)
    return smsc, reader.take(reader.left())


def with_smsc(smsc: str, tpdu: bytes) -> str:
    """The hex line of a TPDU."""
    return (encode_smsc(smsc) + tpdu).hex().upper()


def _expect_kind(reader: Reader, kind: int, name: str) -> int:
    flags = reader.octet()
    if flags & 3 != kind:
        raise PduError(f"not a {name} PDU: type {flags & 3}")
    return flags
