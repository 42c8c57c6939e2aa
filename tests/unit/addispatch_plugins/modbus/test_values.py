"""Registers become values: every type in every order, against bytes written out by hand and against pymodbus."""

from __future__ import annotations

import math
import struct
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus.client.mixin import ModbusClientMixin

from addispatch_plugins.modbus.values import Order, Type, bit_of, decode, encode, ordered

ORDERS = list(Order)
RANGES = {
    kind: st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if kind.startswith("int") else st.integers(0, 2**bits - 1)
    for kind, bits in {
        Type.INT16: 16, Type.UINT16: 16, Type.INT32: 32, Type.UINT32: 32, Type.INT64: 64, Type.UINT64: 64,
    }.items()
}  # fmt: skip
FLOATS = {Type.FLOAT32: st.floats(width=32), Type.FLOAT64: st.floats()}
NUMBERS = st.sampled_from([*RANGES, *FLOATS]).flatmap(lambda kind: st.tuples(st.just(kind), (RANGES | FLOATS)[kind]))


@settings(deadline=None)
@given(NUMBERS, st.sampled_from(ORDERS))
def test_what_is_encoded_is_decoded(typed, order):
    kind, value = typed
    data = encode(value, kind, order)
    assert len(data) == 2 * kind.register_count
    back = decode(data, kind, order)
    assert back == value or (math.isnan(value) and math.isnan(back))


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=10), st.sampled_from([Order.ABCD, Order.BADC]))
def test_strings_come_back(text, order):
    assert decode(encode(text, Type.STRING, order, 20), Type.STRING, order) == text


@pytest.mark.parametrize(
    ("order", "data"),
    [(Order.ABCD, "42c80000"), (Order.CDAB, "000042c8"), (Order.BADC, "c8420000"), (Order.DCBA, "0000c842")],
)
def test_a_hundred_in_each_order(order, data):
    assert decode(bytes.fromhex(data), Type.FLOAT32, order) == 100.0


@pytest.mark.parametrize(
    ("order", "data"),
    [
        (Order.ABCD, "0102030405060708"),
        (Order.CDAB, "0708050603040102"),
        (Order.BADC, "0201040306050807"),
        (Order.DCBA, "0807060504030201"),
    ],
)
def test_four_registers_in_each_order(order, data):
    assert decode(bytes.fromhex(data), Type.UINT64, order) == 0x0102030405060708
    assert ordered(ordered(bytes.fromhex(data), order), order) == bytes.fromhex(data)


@settings(deadline=None)
@given(NUMBERS, st.sampled_from([(Order.ABCD, "big"), (Order.CDAB, "little")]))
def test_agrees_with_pymodbus(typed, orders):
    (kind, value), (order, words) = typed, orders
    theirs = ModbusClientMixin.convert_to_registers(value, ModbusClientMixin.DATATYPE[kind.name], words)
    assert encode(value, kind, order) == struct.pack(f">{len(theirs)}H", *theirs)
    back = ModbusClientMixin.convert_from_registers(theirs, ModbusClientMixin.DATATYPE[kind.name], words)
    ours = decode(encode(value, kind, order), kind, order)
    assert type(ours) is type(back)
    assert ours == back or (math.isnan(ours) and math.isnan(back))


def test_single_registers_only_swap_bytes():
    assert [decode(b"\x01\x02", Type.UINT16, order) for order in ORDERS] == [0x102, 0x102, 0x201, 0x201]


def test_bits_are_counted_from_the_lowest():
    assert [bit for bit in range(16) if bit_of(b"\x80\x05", bit, Order.ABCD)] == [0, 2, 15]
    assert [bit for bit in range(16) if bit_of(b"\x80\x05", bit, Order.BADC)] == [7, 8, 10]


def test_what_is_no_number_is_passed_on():
    assert math.isnan(decode(b"\x7f\xc0\0\0", Type.FLOAT32, Order.ABCD))
    assert decode(b"\xff\x80\0\0", Type.FLOAT32, Order.ABCD) == -math.inf


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"PUMP 1\0\0", "PUMP 1"),
        (b"PUMP    ", "PUMP"),
        (b"AB\0\xff\xff\xff", "AB"),
        ("Öl".encode() + b"\0", "Öl"),
        (b"\xd6l", "Öl"),
        (b"A\x1b[31mB\n", "A?[31mB"),
        (b"\0\0", ""),
    ],
)
def test_texts(data, text):
    assert decode(data, Type.STRING, Order.ABCD) == text


@settings(deadline=None)
@given(st.binary(max_size=250))
def test_any_text_is_one_printable_line(data):
    assert str(decode(data, Type.STRING, Order.ABCD)).isprintable()


def test_listing_plugins_does_not_load_pymodbus():
    code = "import sys, addispatch_plugins.modbus; sys.exit('pymodbus' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_sizes():
    assert [kind.register_count for kind in (Type.BOOL, Type.INT16, Type.FLOAT32, Type.UINT64)] == [1, 1, 2, 4]
