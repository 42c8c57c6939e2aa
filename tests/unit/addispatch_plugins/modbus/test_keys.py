"""Keys of a monitor: what is taken, and one line for what makes no sense."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from addispatch.store.monitor_model import MonitorEntry, monitor_model, own_keys
from addispatch_plugins.modbus.address import Register
from addispatch_plugins.modbus.keys import LineKey, ModbusKeys
from addispatch_plugins.modbus.values import Type

COIL = {"host": "plc", "register": "coil", "address": 0}
HOLDING = {"host": "plc", "register": "holding", "address": 0}
SERIAL = {"serial": "/dev/ttyUSB0", "register": "holding", "address": 0}


def test_defaults():
    keys = ModbusKeys(**HOLDING)
    assert (keys.table, keys.number, keys.kind, keys.count) == (Register.HOLDING, 0, Type.UINT16, 1)
    assert keys.line == LineKey("plc", 502, False)
    assert ModbusKeys(**COIL).kind is Type.BOOL
    assert ModbusKeys(**HOLDING, bit=3).is_bit
    assert ModbusKeys(**SERIAL).line == LineKey("", 0, True, "/dev/ttyUSB0", 19_200, "even", 1)


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        (HOLDING, "plc:502"),
        (HOLDING | {"host": "fe80::1%eth0", "port": 5020}, "[fe80::1%eth0]:5020"),
        (SERIAL, "/dev/ttyUSB0"),
    ],
)
def test_lines_for_people(keys, shown):
    assert str(ModbusKeys(**keys).line) == shown


def test_the_notation_of_manuals_names_the_table():
    keys = ModbusKeys(host="plc", address="30101", type="float32", watchdog="40010")
    assert (keys.table, keys.number, keys.watchdog_number) == (Register.INPUT, 100, 9)


@pytest.mark.parametrize(
    "good",
    [
        HOLDING | {"type": "string", "length": 10, "byte_order": "BADC"},
        HOLDING | {"type": "float64", "byte_order": "DCBA", "scale": 0.1, "offset": -40},
        HOLDING | {"type": "bool", "bit": 0},
        HOLDING | {"framer": "rtu", "unit": 247, "port": 4001},
        HOLDING | {"unit": 0},
        HOLDING | {"unit": 255},
        SERIAL | {"baud": 9600, "parity": "none", "stop_bits": 2, "unit": 17},
        COIL | {"type": "bool"},
        HOLDING | {"address": 65_532, "type": "int64"},
    ],
)
def test_is_taken(good):
    assert ModbusKeys(**good).model_dump(by_alias=True, exclude_unset=True) == good


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ({"register": "holding", "address": 0}, "give either host or serial"),
        (HOLDING | {"serial": "/dev/ttyS0"}, "give either host or serial"),
        (SERIAL | {"serial": "COM1"}, "serial"),
        (SERIAL | {"port": 502}, "port: has no use with serial"),
        (SERIAL | {"framer": "rtu"}, "framer: has no use with serial"),
        (SERIAL | {"unit": 0}, r"unit: 0 is no device on a serial line \(1 to 247\)"),
        (SERIAL | {"unit": 248}, "unit: 248"),
        (SERIAL | {"parity": "mark"}, "parity"),
        (HOLDING | {"baud": 9600}, "baud: has no use with host"),
        (HOLDING | {"framer": "rtu", "unit": 0}, "unit: 0 means all devices"),
        (HOLDING | {"framer": "ascii"}, "framer"),
        (HOLDING | {"unit": 256}, "unit"),
        (HOLDING | {"host": "a b"}, "host"),
        (HOLDING | {"port": 0}, "port"),
        ({"host": "plc", "address": 0}, "register is missing"),
        ({"host": "plc", "register": "holding"}, "address"),
        (HOLDING | {"address": 40_001}, "address: 40001 looks like the notation of manuals"),
        (HOLDING | {"address": True}, "must be a number, or a text"),
        (HOLDING | {"address": 1.5}, "must be a number, or a text"),
        (HOLDING | {"address": 65_535, "type": "int32"}, "address: 2 registers from 65535 go beyond"),
        (HOLDING | {"watchdog": "30001"}, 'watchdog: "30001" is the notation of manuals for register = "input"'),
        (HOLDING | {"watchdog": 70_000}, "watchdog: 70000"),
        (COIL | {"type": "float32"}, 'type: a coil is one bit, "float32" needs registers'),
        (COIL | {"bit": 0}, "bit: has no use with a coil"),
        (COIL | {"register": "discrete", "scale": 2}, "scale: has no use with a discrete"),
        (COIL | {"byte_order": "CDAB"}, "byte_order: has no use with a coil"),
        (COIL | {"length": 2}, "length: has no use with a coil"),
        (HOLDING | {"type": "int32", "bit": 1}, 'bit: a bit is true or false, not "int32"'),
        (HOLDING | {"type": "bool"}, "bit is missing"),
        (HOLDING | {"bit": 16}, "bit"),
        (HOLDING | {"bit": 1, "offset": 1}, "offset: has no use with a bit"),
        (HOLDING | {"type": "string"}, "length is missing"),
        (HOLDING | {"type": "string", "length": 126}, "length"),
        (HOLDING | {"type": "string", "length": 2, "scale": 2}, "scale: has no use with a string"),
        (HOLDING | {"type": "string", "length": 2, "byte_order": "DCBA"}, 'byte_order: of a string "ABCD" or "BADC"'),
        (HOLDING | {"type": "int16", "length": 2}, "length: only has a use with"),
        (HOLDING | {"type": "float"}, "type"),
        (HOLDING | {"byte_order": "BACD"}, "byte_order"),
        (HOLDING | {"scale": 0}, "0 would make every value the same"),
        (HOLDING | {"scale": float("nan")}, "scale"),
        (HOLDING | {"adress": 0}, "adress"),
    ],
)
def test_is_refused(bad, problem):
    with pytest.raises(ValidationError, match=problem) as error:
        ModbusKeys(**bad)
    assert error.value.error_count() == 1
    assert "\n" not in error.value.errors()[0]["msg"]


def test_stands_beside_the_keys_of_every_monitor():
    names = {field.alias or name for name, field in ModbusKeys.model_fields.items()}
    assert not names & own_keys()
    model = monitor_model({"probe": "modbus"}, {"modbus": ModbusKeys})
    assert issubclass(model, MonitorEntry)
    entry = model.model_validate({"name": "T", "probe": "modbus", **HOLDING, "address": "40001", "hi": 5})
    kept = entry.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    assert ModbusKeys(**{key: value for key, value in kept.items() if key in names}).number == 0
