"""Requests and answers as bytes, on TCP and on serial lines. Pure; used by ``link``.

Modbus Application Protocol V1.1b3 (requests), Messaging on TCP/IP V1.0b, 3.1 (header), over Serial Line V1.02, 2.5.1
(RTU). A client of its own, because it must tell apart what libraries drop in silence: a frame of somebody else, a wrong
checksum, too few registers, an answer cut in the middle.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from addispatch_plugins.modbus.problems import Asked, LinkError, RefusedError

_HEADER = struct.Struct(">HHHB")
_REQUEST = struct.Struct(">BHH")
#: Most bytes of a frame: 7 of the header and a PDU of 253; RTU 256.
MAX_FRAME_BYTES = 260


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


_CRC = _crc_table()


def crc16(data: bytes) -> bytes:
    """Return the checksum of an RTU frame as it is sent, low byte first (over Serial Line V1.02, 6.2.2)."""
    value = 0xFFFF
    for byte in data:
        value = (value >> 8) ^ _CRC[(value ^ byte) & 0xFF]
    return value.to_bytes(2, "little")


def _pdu(asked: Asked) -> bytes:
    return _REQUEST.pack(asked.function, asked.number, asked.size if asked.write is None else asked.write)


def tcp_request(asked: Asked, transaction: int) -> bytes:
    """Return the frame of a request on TCP."""
    pdu = _pdu(asked)
    return _HEADER.pack(transaction, 0, len(pdu) + 1, asked.unit) + pdu


def rtu_request(asked: Asked) -> bytes:
    """Return the frame of a request on a serial line."""
    frame = bytes([asked.unit]) + _pdu(asked)
    return frame + crc16(frame)


class Answer(NamedTuple):
    """What has come so far: the data if the answer is whole, how many bytes are used up, what else is to be told."""

    data: bytes | None = None
    used_count: int = 0
    note: str = ""


def tcp_answer(received: bytes, asked: Asked, transaction: int) -> Answer:
    """Look for the answer in what came over TCP; raises ``LinkError`` if it is none, ``RefusedError`` for an exception.

    Answers to other transactions are late ones to earlier requests: they are left out, with a note.
    """
    used, note = 0, ""
    while len(received) - used >= _HEADER.size:
        number, protocol, length, unit = _HEADER.unpack_from(received, used)
        if protocol or not 3 <= length <= MAX_FRAME_BYTES - 6:
            raise LinkError(f"what answers is no Modbus/TCP: {shown(received[used:])}")
        end = used + 6 + length
        if len(received) < end:
            break
        if number == transaction:
            # 0 and 255 mean the device itself: many answer with a unit number of their own.
            if unit != asked.unit and asked.unit not in (0, 255):
                raise LinkError(f"unit {unit} answered instead of unit {asked.unit}")
            return Answer(_data(received[used + _HEADER.size : end], asked), end, note)
        note = f" (but one to another request: transaction {number} instead of {transaction})"
        used = end
    return Answer(None, used, note)


def rtu_answer(received: bytes, asked: Asked) -> Answer:
    """Look for the answer in what came over a serial line or a simple gateway; raises as ``tcp_answer`` does."""
    if len(received) < 2:
        return Answer()
    unit, function = received[0], received[1]
    if function == asked.function:
        length = 8 if asked.write is not None else 5 + asked.byte_count
    elif function == asked.function | 0x80:
        length = 5
    else:
        raise LinkError(f"garbled answer: {shown(received)}")
    if asked.write is None and len(received) > 2 and length > 5 and received[2] != asked.byte_count:
        raise LinkError(f"answer of {received[2]} bytes where {asked.byte_count} were asked for")
    if len(received) < length:
        return Answer()
    frame = received[:length]
    if crc16(frame[:-2]) != frame[-2:]:
        raise LinkError(f"garbled answer (wrong checksum): {shown(frame)}")
    if unit != asked.unit:
        raise LinkError(f"unit {unit} answered instead of unit {asked.unit}")
    return Answer(_data(frame[1:-2], asked), length)


def _data(pdu: bytes, asked: Asked) -> bytes:
    """Return the data of an answer; of a write, the value that was written."""
    function = pdu[0]
    if function == asked.function | 0x80:
        raise RefusedError(pdu[1], asked)
    if function != asked.function:
        raise LinkError(f"answer to function {function} where {asked.function} was asked for")
    if asked.write is not None:
        if pdu != _pdu(asked):
            raise LinkError("the device did not confirm what was written")
        return pdu[3:]
    data = pdu[2:]
    if len(data) != asked.byte_count or pdu[1] != asked.byte_count:
        raise LinkError(f"answer of {len(data)} bytes where {asked.byte_count} were asked for")
    return data


def shown(data: bytes) -> str:
    """Bytes for people: what can be read as text, else hexadecimal; the first few."""
    head = data[:16]
    text = head.decode("ascii", "replace").rstrip("\r\n")
    if len(text) > 3 and text.isprintable() and text.isascii():
        return f'"{text}"'
    return head.hex(" ") + (" …" if len(data) > len(head) else "")
