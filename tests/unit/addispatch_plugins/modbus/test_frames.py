"""Requests and answers as bytes: against frames written out by hand, and with everything that can be wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.bit_message import ReadCoilsResponse
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    WriteSingleRegisterRequest,
)

from addispatch_plugins.modbus.address import Register
from addispatch_plugins.modbus.frames import rtu_answer, rtu_request, shown, tcp_answer, tcp_request
from addispatch_plugins.modbus.problems import Asked, LinkError, RefusedError


def crc16(data: bytes) -> bytes:
    return FramerRTU.compute_CRC(data).to_bytes(2)


ASKED = Asked(3, Register.HOLDING, 100, 2)
TCP = bytes.fromhex("0007 0000 0007 03 03 04 42c8 0000")
RTU = (body := bytes.fromhex("03 03 04 42c8 0000")) + crc16(body)


def test_checksum_of_the_standard():
    assert crc16(bytes.fromhex("0207")) == bytes.fromhex("4112")


def test_a_request_and_an_answer_written_out_with_their_checksums():
    asked = Asked(1, Register.HOLDING, 0, 1)
    assert rtu_request(asked) == bytes.fromhex("01 03 0000 0001 840a")
    assert rtu_answer(bytes.fromhex("01 03 02 0007 f986"), asked).data == b"\0\7"


@pytest.mark.parametrize(
    ("asked", "pdu"),
    [
        (Asked(3, Register.COIL, 19, 2_000), "01 0013 07d0"),
        (Asked(3, Register.DISCRETE, 196, 22), "02 00c4 0016"),
        (Asked(3, Register.HOLDING, 65_411, 125), "03 ff83 007d"),
        (Asked(3, Register.INPUT, 8, 1), "04 0008 0001"),
        (Asked(3, Register.HOLDING, 1, write=0), "06 0001 0000"),
    ],
)
def test_requests_of_the_standard(asked, pdu):
    assert tcp_request(asked, 0x1234) == bytes.fromhex(f"1234 0000 0006 03 {pdu}")
    rtu = bytes.fromhex(f"03 {pdu}")
    assert rtu_request(asked) == rtu + crc16(rtu)


@settings(deadline=None)
@given(st.integers(0, 65_535), st.integers(1, 125), st.integers(1, 247), st.integers(0, 65_535))
def test_requests_are_those_of_pymodbus(number, size, unit, transaction):
    asked = Asked(unit, Register.HOLDING, number, size)
    theirs = ReadHoldingRegistersRequest(address=number, count=size, dev_id=unit, transaction_id=transaction)
    assert tcp_request(asked, transaction) == FramerSocket(DecodePDU(False)).buildFrame(theirs)
    assert rtu_request(asked) == FramerRTU(DecodePDU(False)).buildFrame(theirs)
    write = WriteSingleRegisterRequest(address=number, registers=[size], dev_id=unit, transaction_id=transaction)
    asked = Asked(unit, Register.HOLDING, number, write=size)
    assert tcp_request(asked, transaction) == FramerSocket(DecodePDU(False)).buildFrame(write)


@settings(deadline=None)
@given(st.lists(st.integers(0, 65_535), min_size=1, max_size=125), st.integers(1, 247), st.data())
def test_answers_of_pymodbus_are_understood_however_they_are_cut(values, unit, data):
    theirs = ReadHoldingRegistersResponse(registers=values, dev_id=unit, transaction_id=9)
    asked = Asked(unit, Register.HOLDING, 0, len(values))
    tcp, rtu = FramerSocket(DecodePDU(True)).buildFrame(theirs), FramerRTU(DecodePDU(True)).buildFrame(theirs)
    wanted = b"".join(value.to_bytes(2) for value in values)
    assert tcp_answer(tcp, asked, 9).data == rtu_answer(rtu, asked).data == wanted
    cut = data.draw(st.integers(0, len(rtu) - 1))
    assert tcp_answer(tcp[:cut], asked, 9).data is None
    assert rtu_answer(rtu[:cut], asked).data is None


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=2_000))
def test_bits_of_pymodbus(values):
    theirs = ReadCoilsResponse(bits=values, dev_id=1, transaction_id=9)
    data = tcp_answer(FramerSocket(DecodePDU(True)).buildFrame(theirs), Asked(1, Register.COIL, 0, len(values)), 9).data
    assert data is not None
    assert [bool(data[at >> 3] >> (at & 7) & 1) for at in range(len(values))] == values


@pytest.mark.parametrize(
    ("received", "problem"),
    [
        ("0007 0001 0007 03 03 04 42c8 0000", "no Modbus/TCP: 00 07 00 01"),
        ("0007 0000 0001 03", "no Modbus/TCP"),
        ("0007 0000 ffff 03 03 04", "no Modbus/TCP"),
        (b"HTTP/1.1 400 Bad Request\r\n".hex(), 'no Modbus/TCP: "HTTP/1.1 400 Bad"'),
        ("0007 0000 0007 04 03 04 42c8 0000", "unit 4 answered instead of unit 3"),
        ("0007 0000 0007 03 04 04 42c8 0000", "answer to function 4 where 3 was asked for"),
        ("0007 0000 0005 03 03 02 42c8", "answer of 2 bytes where 4 were asked for"),
        ("0007 0000 0009 03 03 06 42c8 0000 0000", "answer of 6 bytes where 4 were asked for"),
        ("0007 0000 0007 03 03 06 42c8 0000", "answer of 4 bytes where 4 were asked for"),
    ],
)
def test_bad_answers_on_tcp(received, problem, caplog):
    with pytest.raises(LinkError, match=problem):
        tcp_answer(bytes.fromhex(received), ASKED, 7)
    assert not caplog.records, "the problem says it: pymodbus must not log it at each reading as well"


@pytest.mark.parametrize(
    ("received", "problem"),
    [
        (RTU[:-1] + b"\0", "garbled answer \\(wrong checksum\\)"),
        (b"hello world", 'garbled answer: "hello world"'),
        (b"\x03\x03\x06" + bytes(8), "answer of 6 bytes where 4 were asked for"),
        ((other := b"\x04" + RTU[1:-2]) + crc16(other), "unit 4 answered instead of unit 3"),
    ],
)
def test_bad_answers_on_serial_lines(received, problem, caplog):
    with pytest.raises(LinkError, match=problem):
        rtu_answer(received, ASKED)
    assert not caplog.records


def test_exceptions_are_told_apart():
    with pytest.raises(RefusedError, match="no holding registers 100 to 101"):
        tcp_answer(bytes.fromhex("0007 0000 0003 03 83 02"), ASKED, 7)
    frame = bytes.fromhex("03 83 0b")
    with pytest.raises(RefusedError, match="unit 3 does not answer"):
        rtu_answer(frame + crc16(frame), ASKED)


def test_answers_to_other_requests_are_left_out():
    late = bytes.fromhex("0006 0000 0007 03 03 04 1111 1111")
    answer = tcp_answer(late, ASKED, 7)
    assert answer.data is None
    assert answer.used_count == len(late)
    assert "transaction 6 instead of 7" in answer.note
    assert tcp_answer(late + TCP, ASKED, 7).data == bytes.fromhex("42c80000")


def test_what_follows_is_not_used():
    assert tcp_answer(TCP + b"more", ASKED, 7).used_count == len(TCP)
    assert rtu_answer(RTU + b"more", ASKED).used_count == len(RTU)


def test_the_device_itself_may_answer_with_a_number_of_its_own():
    assert tcp_answer(TCP, ASKED._replace(unit=255), 7).data is not None
    assert tcp_answer(TCP, ASKED._replace(unit=0), 7).data is not None


def test_writes_must_be_confirmed(caplog):
    asked = Asked(3, Register.HOLDING, 100, write=5)
    assert tcp_answer(bytes.fromhex("0007 0000 0006 03 06 0064 0005"), asked, 7).data == b"\0\5"
    assert rtu_answer(rtu_request(asked), asked).data == b"\0\5"
    for answer in ("0007 0000 0006 03 06 0064 0006", "0007 0000 0006 03 06 0065 0005", "0007 0000 0004 03 06 0064"):
        with pytest.raises(LinkError, match="did not confirm"):
            tcp_answer(bytes.fromhex(answer), asked, 7)
    assert not caplog.records


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from([ASKED, Asked(1, Register.COIL, 0, 9), ASKED._replace(write=1)]))
def test_no_bytes_do_harm(received, asked):
    for look in (lambda: tcp_answer(received, asked, 7), lambda: rtu_answer(received, asked)):
        try:
            answer = look()
        except (LinkError, RefusedError) as error:
            said = str(error)
        else:
            said = answer.note
            assert 0 <= answer.used_count <= len(received)
        assert "\n" not in said
        assert len(said) < 200


def test_shown():
    assert shown(b"\x01\x02") == "01 02"
    assert shown(bytes(20)).endswith(" …")
    assert shown(b"SSH-2.0-OpenSSH_9.2") == '"SSH-2.0-OpenSSH_"'


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.integers(0, 255))
def test_requests_are_those_of_pymodbus_and_differ_from_time_to_time_by_their_transaction(
    transaction: int, number: int, unit: int
):
    expected = ReadHoldingRegistersRequest(unit, transaction, number, 1)
    assert tcp_request(Asked(unit, Register.HOLDING, number), transaction) == FramerSocket(
        DecodePDU(is_server=True)
    ).buildFrame(expected)
    written = WriteSingleRegisterRequest(unit, transaction, number, registers=[transaction])
    assert tcp_request(Asked(unit, Register.HOLDING, number, write=transaction), transaction) == FramerSocket(
        DecodePDU(is_server=True)
    ).buildFrame(written)
