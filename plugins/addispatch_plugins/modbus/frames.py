"""Requests and answers as bytes, on TCP and on serial lines, and words for what is wrong. Pure; used by ``link``.

pymodbus builds the frames and takes them apart. Its clients are not used whole: they keep to themselves why a
connection was refused, wait on when one is closed in mid-answer, and skip or take in silence what is no answer to the
question. So what pymodbus would skip or wait for is looked at before it, and whether an answer is ours after it.

Modbus Application Protocol V1.1b3 (requests), Messaging on TCP/IP V1.0b, 3.1 (header), over Serial Line V1.02, 2.5.1
(RTU).
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import NamedTuple

from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadCoilsResponse,
    ReadDiscreteInputsRequest,
    ReadDiscreteInputsResponse,
)
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersRequest,
    ReadInputRegistersResponse,
    WriteSingleRegisterRequest,
)

from addispatch_plugins.modbus.address import Register
from addispatch_plugins.modbus.problems import Asked, LinkError, RefusedError

#: Most bytes of a frame: 7 of the header and a PDU of 253; RTU 256.
MAX_FRAME_BYTES = 260
_HEADER_BYTES = 7
#: Of an RTU answer: unit, function, count or exception code, checksum; one to a write has address and value instead.
_FRAMING_BYTES, _WRITTEN_BYTES = 5, 8

_REQUESTS: dict[Register, type[ModbusPDU]] = {
    Register.COIL: ReadCoilsRequest,
    Register.DISCRETE: ReadDiscreteInputsRequest,
    Register.HOLDING: ReadHoldingRegistersRequest,
    Register.INPUT: ReadInputRegistersRequest,
}
_ANSWERS: dict[Register, type[ModbusPDU]] = {
    Register.COIL: ReadCoilsResponse,
    Register.DISCRETE: ReadDiscreteInputsResponse,
    Register.HOLDING: ReadHoldingRegistersResponse,
    Register.INPUT: ReadInputRegistersResponse,
}
# None of them keeps anything between two frames.
_DECODER = DecodePDU(is_server=False)
_TCP = FramerSocket(_DECODER)
_RTU = FramerRTU(_DECODER)


def _request(asked: Asked, transaction: int = 0) -> ModbusPDU:
    if asked.write is not None:
        return WriteSingleRegisterRequest(asked.unit, transaction, asked.number, registers=[asked.write])
    return _REQUESTS[asked.register](asked.unit, transaction, asked.number, asked.size)


def tcp_request(asked: Asked, transaction: int) -> bytes:
    """Return the frame of a request on TCP."""
    if asked.write is not None:
        return _TCP.buildFrame(_request(asked, transaction))
    return transaction.to_bytes(2) + _tcp_read(asked)


@lru_cache(16_384)
def _tcp_read(asked: Asked) -> bytes:
    """Return all but the transaction, with which the header begins: the same each time."""
    return _TCP.buildFrame(_request(asked))[2:]


def rtu_request(asked: Asked) -> bytes:
    """Return the frame of a request on a serial line."""
    return _RTU.buildFrame(_request(asked))


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
    while len(received) - used >= _HEADER_BYTES:
        rest = received[used:]
        # For the rest of these, pymodbus would wait.
        if rest[2:4] != b"\0\0" or not 3 <= int.from_bytes(rest[4:6]) <= MAX_FRAME_BYTES - 6:
            raise LinkError(f"what answers is no Modbus/TCP: {shown(rest)}")
        size, unit, number, pdu = _TCP.decode(rest)
        if not size:
            break
        used += size
        if number == transaction:
            # 0 and 255 mean the device itself: many answer with a unit number of their own.
            if unit != asked.unit and asked.unit not in (0, 255):
                raise LinkError(f"unit {unit} answered instead of unit {asked.unit}")
            return Answer(_data(pdu, asked), used, note)
        note = f" (but one to another request: transaction {number} instead of {transaction})"
    return Answer(None, used, note)


def rtu_answer(received: bytes, asked: Asked) -> Answer:
    """Look for the answer in what came over a serial line or a simple gateway; raises as ``tcp_answer`` does."""
    if len(received) < 2:
        return Answer()
    function = received[1]
    # In what is no answer pymodbus would hunt for one; for the rest of one too long, or garbled, it would wait.
    if function not in (asked.function, asked.function | 0x80):
        raise LinkError(f"garbled answer: {shown(received)}")
    size = _WRITTEN_BYTES if asked.write is not None else _FRAMING_BYTES + asked.byte_count
    if function != asked.function:
        size = _FRAMING_BYTES
    elif asked.write is None and len(received) > 2 and received[2] != asked.byte_count:
        raise LinkError(f"answer of {received[2]} bytes where {asked.byte_count} were asked for")
    if len(received) < size:
        return Answer()
    _, unit, _, pdu = _RTU.decode(received[:size])
    if len(pdu) != size - 3:  # nothing, or what some versions of pymodbus find in its middle
        raise LinkError(f"garbled answer (wrong checksum): {shown(received[:size])}")
    if unit != asked.unit:
        raise LinkError(f"unit {unit} answered instead of unit {asked.unit}")
    return Answer(_data(pdu, asked), size)


def _data(pdu: bytes, asked: Asked) -> bytes:
    """Return the data of an answer; of a write, the value that was written."""
    function = asked.function
    if pdu[0] != function:
        if pdu[0] != function | 0x80:
            raise LinkError(f"answer to function {pdu[0]} where {function} was asked for")
        refusal = _DECODER.decode(pdu)
        if not isinstance(refusal, ExceptionResponse):
            raise LinkError(f"garbled answer: {shown(pdu)}")
        raise RefusedError(refusal.exception_code, asked)
    _check(pdu, asked)
    if asked.write is not None:
        return pdu[3:]
    # Not by the decoder: that writes each answer out in words, for a log that is not kept.
    answer = _ANSWERS[asked.register]()
    answer.decode(pdu[1:])
    if asked.register.is_bit:
        return answer.encode()[1:]
    return struct.pack(f">{len(answer.registers)}H", *answer.registers)


def _check(pdu: bytes, asked: Asked) -> None:
    """What pymodbus does not look at, or would log: whether it is as much as was asked for, or what was written."""
    if asked.write is not None:
        if pdu[1:] != _request(asked).encode():
            raise LinkError("the device did not confirm what was written")
    elif not len(pdu) - 2 == pdu[1] == asked.byte_count:
        raise LinkError(f"answer of {len(pdu) - 2} bytes where {asked.byte_count} were asked for")


def shown(data: bytes) -> str:
    """Bytes for people: what can be read as text, else hexadecimal; the first few."""
    head = data[:16]
    text = head.decode("ascii", "replace").rstrip("\r\n")
    if len(text) > 3 and text.isprintable() and text.isascii():
        return f'"{text}"'
    return head.hex(" ") + (" …" if len(data) > len(head) else "")
