"""What is at an address, read in every way, so that a user finds type and order by looking. Called by ``probe``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch_plugins.modbus.address import MAX_ADDRESS
from addispatch_plugins.modbus.deadline import Deadline
from addispatch_plugins.modbus.plan import Span
from addispatch_plugins.modbus.problems import Asked, RefusedError
from addispatch_plugins.modbus.reader import cut, decoder
from addispatch_plugins.modbus.values import Order, Type, Value, decode

if TYPE_CHECKING:
    from addispatch_plugins.modbus.keys import ModbusKeys
    from addispatch_plugins.modbus.line import Line

Rows = list[tuple[str, str]]
_SHORT = (Type.INT16, Type.UINT16)
_LONG = (Type.INT32, Type.UINT32, Type.FLOAT32, Type.INT64, Type.UINT64, Type.FLOAT64)


async def look(line: Line, keys: ModbusKeys, timeout_s: float) -> Rows:
    """Read a monitor's value and what follows it, and return lines of names and texts; raises ``ModbusError``."""
    deadline = Deadline.within(timeout_s)
    wanted = 16 if keys.table.is_bit else max(4, keys.count)
    sizes = sorted({wanted, keys.count, *(size for size in (8, 4, 2) if keys.count < size < wanted)}, reverse=True)
    sizes = [size for size in sizes if keys.number + size <= MAX_ADDRESS + 1]
    for size in sizes:
        asked = Asked(keys.unit, keys.table, keys.number, size)
        try:
            data = await line.ask(asked, deadline, insists=True)
        except RefusedError as error:
            # The device may have nothing behind the value: then less will do.
            if not error.is_about_address or size == sizes[-1]:
                raise
            continue
        whole = Span(keys.table, keys.number, size)
        value = decoder(keys)(cut(data, whole, whole._replace(size=keys.count)))
        return [
            ("value", said(value)),
            ("read", str(asked)),
            *(bits(data, size) if keys.table.is_bit else registers(data)),
        ]
    raise AssertionError("no size was tried")


def bits(data: bytes, count: int) -> Rows:
    """Coils or discrete inputs in the order of their addresses."""
    return [("bits", " ".join(str(data[at >> 3] >> (at & 7) & 1) for at in range(count)))]


def registers(data: bytes) -> Rows:
    """Registers in every type and order that fits into them."""
    words = [data[at : at + 2] for at in range(0, len(data), 2)]
    rows = [("raw", " ".join(f"0x{word.hex().upper()}" for word in words))]
    first = int.from_bytes(words[0])
    rows.append(("bits 15…0", " ".join(f"{first:016b}"[at : at + 4] for at in range(0, 16, 4))))
    for kind in _SHORT:
        rows += [(kind.value, said(decode(words[0], kind, Order.ABCD)))]
        rows += [(f"{kind.value} BADC", said(decode(words[0], kind, Order.BADC)))]
    for kind in _LONG:
        part = data[: 2 * kind.register_count]
        if len(part) == 2 * kind.register_count:
            rows += [(f"{kind.value} {order.value}", said(decode(part, kind, order))) for order in Order]
    rows += [(f"string {order.value}", said(decode(data, Type.STRING, order))) for order in (Order.ABCD, Order.BADC)]
    return rows


def said(value: Value) -> str:
    """A value for people: floats of few digits as they were meant."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.7g}"
    return f'"{value}"' if isinstance(value, str) else str(value)
