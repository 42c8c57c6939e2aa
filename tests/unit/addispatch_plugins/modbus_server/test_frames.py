"""Requests and answers as bytes, and as pymodbus, which knows nothing of us, writes and reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadDiscreteInputsRequest,
    WriteMultipleCoilsRequest,
    WriteSingleCoilRequest,
)
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from addispatch_plugins.modbus_server.frames import (
    Code,
    Function,
    ModbusError,
    Request,
    answer,
    frame,
    read_request,
    refusal,
)


def pdu(message):
    return bytes([message.function_code]) + message.encode()


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (ReadCoilsRequest(address=5, count=9), Request(Function.READ_COILS, 5, 9)),
        (ReadDiscreteInputsRequest(address=0, count=2000), Request(Function.READ_DISCRETE, 0, 2000)),
        (ReadHoldingRegistersRequest(address=65_535, count=1), Request(Function.READ_HOLDING, 65_535, 1)),
        (ReadInputRegistersRequest(address=1, count=125), Request(Function.READ_INPUT, 1, 125)),
        (WriteSingleCoilRequest(address=3, bits=[True]), Request(Function.WRITE_COIL, 3, 1, (1,))),
        (WriteSingleRegisterRequest(address=3, registers=[65_535]), Request(Function.WRITE_REGISTER, 3, 1, (65_535,))),
        (
            WriteMultipleCoilsRequest(address=3, bits=[True] + 7 * [False] + [True]),
            Request(Function.WRITE_COILS, 3, 9, (1, 0, 0, 0, 0, 0, 0, 0, 1)),
        ),
        (
            WriteMultipleRegistersRequest(address=0, registers=[1, 2, 3]),
            Request(Function.WRITE_REGISTERS, 0, 3, (1, 2, 3)),
        ),
    ],
)
def test_what_pymodbus_asks_is_understood(message, expected):
    assert read_request(pdu(message)) == expected


@pytest.mark.parametrize(
    ("request_", "values", "bits", "registers"),
    [
        (Request(Function.READ_COILS, 0, 9), (1, 0, 0, 0, 0, 0, 0, 0, 1), [True] + [False] * 7 + [True], []),
        (Request(Function.READ_DISCRETE, 0, 1), (1,), [True], []),
        (Request(Function.READ_INPUT, 0, 2), (1, 65_535), [], [1, 65_535]),
        (Request(Function.READ_HOLDING, 0, 1), (258,), [], [258]),
        (Request(Function.WRITE_COIL, 7, 1, (1,)), (), [True], []),
        (Request(Function.WRITE_REGISTER, 7, 1, (9,)), (), [], [9]),
    ],
)
def test_pymodbus_understands_what_is_answered(request_, values, bits, registers):
    message = DecodePDU(False).decode(answer(request_, values))
    assert message.function_code == request_.function
    assert (message.bits[: len(bits)], message.registers) == (bits, registers)


def test_pymodbus_understands_a_refusal():
    message = DecodePDU(False).decode(refusal(4, Code.ILLEGAL_ADDRESS))
    assert (message.isError(), message.function_code, message.exception_code) == (True, 0x84, 2)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", Code.ILLEGAL_FUNCTION),
        ("07", Code.ILLEGAL_FUNCTION),
        ("2b0e0100", Code.ILLEGAL_FUNCTION),
        ("84 0000 0001", Code.ILLEGAL_FUNCTION),
        ("03", Code.ILLEGAL_VALUE),
        ("03 0000", Code.ILLEGAL_VALUE),
        ("03 0000 0000", Code.ILLEGAL_VALUE),
        ("03 0000 007e", Code.ILLEGAL_VALUE),
        ("03 0000 0001 00", Code.ILLEGAL_VALUE),
        ("01 0000 07d1", Code.ILLEGAL_VALUE),
        ("03 ffff 0002", Code.ILLEGAL_ADDRESS),
        ("05 0000 0001", Code.ILLEGAL_VALUE),
        ("05 0000 ff00 00", Code.ILLEGAL_VALUE),
        ("0f 0000 0009 01 ff", Code.ILLEGAL_VALUE),
        ("0f 0000 0009 02 ff", Code.ILLEGAL_VALUE),
        ("10 0000 0001 02 00", Code.ILLEGAL_VALUE),
        ("10 0000 0001 04 0000", Code.ILLEGAL_VALUE),
        ("10 0000 007c f8" + "00" * 248, Code.ILLEGAL_VALUE),
    ],
)
def test_what_is_no_request_is_refused_with_its_code(raw, code):
    with pytest.raises(ModbusError) as caught:
        read_request(bytes.fromhex(raw))
    assert caught.value.code is code


@given(st.binary(max_size=300))
def test_no_bytes_break_it(raw):
    try:
        request = read_request(raw)
    except ModbusError:
        return
    assert 1 <= request.count <= 2000
    assert request.address + request.count <= 65_536
    assert len(request.values) in (0, request.count)


def test_the_header_counts_the_unit():
    assert frame(0x0102, 9, b"\x83\x02").hex(" ") == "01 02 00 00 00 03 09 83 02"
