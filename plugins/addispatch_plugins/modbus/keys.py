"""Keys of a ``[[monitor]]`` with ``probe = "modbus"``. Checked with the directory; read by the rest of the plugin."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import Annotated, NamedTuple, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from addispatch.sdk import ProbeKeys
from addispatch_plugins.modbus.address import MAX_ADDRESS, Place, Register, parse_address
from addispatch_plugins.modbus.values import Order, Type

DEFAULT_PORT, DEFAULT_BAUD = 502, 19_200
MAX_REGISTERS = 125


def _number_or_text(written: object) -> object:
    if isinstance(written, bool) or not isinstance(written, (int, str)):
        raise ValueError('must be a number, or a text such as "40001"')  # noqa: TRY004 - pydantic wants this one
    return written


Address = Annotated[int | str, BeforeValidator(_number_or_text)]


class Framer(StrEnum):
    """How requests are framed on a network: Modbus/TCP, or as on a serial line, for simple gateways."""

    TCP = "tcp"
    RTU = "rtu"


class Parity(StrEnum):
    """Of a serial line."""

    NONE = "none"
    EVEN = "even"
    ODD = "odd"


class LineKey(NamedTuple):
    """What a connection leads to: a host and port, or a serial port with its settings."""

    host: str
    port: int
    is_rtu: bool
    serial: str = ""
    baud: int = 0
    parity: str = ""
    stop_bits: int = 0

    def __str__(self) -> str:
        """For people: ``10.0.0.5:502`` or the path of the serial port."""
        return self.serial or (f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}")


class ModbusKeys(ProbeKeys):
    """Where a value is, and how to read it."""

    host: Annotated[str, Field(max_length=255, pattern=r"^[A-Za-z0-9._:%-]*$")] = ""
    port: Annotated[int, Field(ge=1, le=65_535)] = DEFAULT_PORT
    framer: Framer = Framer.TCP
    serial: Annotated[str, Field(max_length=255, pattern=r"^(/dev/[^\s]+)?$")] = ""
    baud: Annotated[int, Field(ge=300, le=4_000_000)] = DEFAULT_BAUD
    parity: Parity = Parity.EVEN
    stop_bits: Annotated[int, Field(ge=1, le=2)] = 1
    unit: Annotated[int, Field(ge=0, le=255)] = 1
    written_register: Annotated[Register | None, Field(alias="register")] = None
    """``register`` is a method of every class that may be subclassed by registering."""
    address: Address
    type: Type | None = None
    byte_order: Order = Order.ABCD
    length: Annotated[int, Field(ge=1, le=MAX_REGISTERS)] | None = None
    bit: Annotated[int, Field(ge=0, le=15)] | None = None
    scale: Annotated[float, Field(allow_inf_nan=False)] = 1
    offset: Annotated[float, Field(allow_inf_nan=False)] = 0
    watchdog: Address | None = None

    @field_validator("scale")
    @classmethod
    def _not_zero(cls, scale: float) -> float:
        if scale == 0:
            raise ValueError("0 would make every value the same")
        return scale

    @model_validator(mode="after")
    def _line_fits(self) -> Self:
        if bool(self.host) == bool(self.serial):
            raise ValueError('give either host or serial (a path such as "/dev/ttyUSB0")')
        given = self.model_fields_set
        if self.serial:
            if wrong := given & {"port", "framer"}:
                raise ValueError(f"{min(wrong)}: has no use with serial, which is always RTU")
            if not 1 <= self.unit <= 247:
                raise ValueError(f"unit: {self.unit} is no device on a serial line (1 to 247)")
        elif wrong := given & {"baud", "parity", "stop_bits"}:
            raise ValueError(f"{min(wrong)}: has no use with host, only with serial")
        elif self.framer is Framer.RTU and self.unit == 0:
            raise ValueError("unit: 0 means all devices of a line, which never answer (1 to 247)")
        return self

    @model_validator(mode="after")
    def _value_fits(self) -> Self:
        place = self._parsed("address", self.address, self.written_register)
        table = self.written_register or place.register
        if table is None:
            raise ValueError('register is missing: "coil", "discrete", "holding" or "input"')
        if table.is_bit:
            self._refuse_for_bits(table)
        else:
            self._refuse_for_registers()
        if place.number + self.count > MAX_ADDRESS + 1:
            raise ValueError(
                f"address: {self.count} registers from {place.number} go beyond the last one, {MAX_ADDRESS}"
            )
        if self.watchdog is not None:
            self._parsed("watchdog", self.watchdog, Register.HOLDING)
        return self

    @staticmethod
    def _parsed(name: str, written: int | str, register: Register | None) -> Place:
        try:
            return parse_address(written, register)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None

    def _refuse_for_bits(self, table: Register) -> None:
        if self.type not in (None, Type.BOOL):
            raise ValueError(f'type: a {table} is one bit, "{self.type}" needs registers (holding or input)')
        for name in ("bit", "byte_order", "length", "scale", "offset"):
            if name in self.model_fields_set and getattr(self, name) is not None:
                raise ValueError(f"{name}: has no use with a {table}, which is one bit already")

    def _refuse_for_registers(self) -> None:
        given = {name for name in self.model_fields_set if getattr(self, name) is not None}
        if self.bit is not None and self.type not in (None, Type.BOOL):
            raise ValueError(f'bit: a bit is true or false, not "{self.type}"; leave one of the two out')
        if self.bit is None and self.type is Type.BOOL:
            raise ValueError("bit is missing: which bit of the register is meant, 0 (lowest) to 15")
        if self.type is Type.STRING and self.length is None:
            raise ValueError("length is missing: how many registers the string takes, two characters each")
        if self.type is not Type.STRING and self.length is not None:
            raise ValueError('length: only has a use with type = "string"; the other types know theirs')
        if self.is_bit or self.type is Type.STRING:
            what = "a bit" if self.is_bit else "a string"
            if wrong := given & {"scale", "offset"}:
                raise ValueError(f"{min(wrong)}: has no use with {what}")
        if self.type is Type.STRING and self.byte_order.swaps_words:
            raise ValueError(f'byte_order: of a string "ABCD" or "BADC", not "{self.byte_order}"')

    @property
    def is_bit(self) -> bool:
        """Whether the value is true or false."""
        return self.bit is not None or self.table.is_bit

    @property
    def kind(self) -> Type:
        """The type, the usual one if none is given."""
        return self.type or (Type.BOOL if self.is_bit else Type.UINT16)

    @property
    def count(self) -> int:
        """How many registers or bits it takes."""
        return self.length or self.kind.register_count

    @cached_property
    def table(self) -> Register:
        """Where it is."""
        return self.written_register or parse_address(self.address, None).register or Register.HOLDING

    @cached_property
    def number(self) -> int:
        """Protocol address, from 0."""
        return parse_address(self.address, self.written_register).number

    @cached_property
    def watchdog_number(self) -> int | None:
        """Protocol address of the holding register that is written, if any."""
        return None if self.watchdog is None else parse_address(self.watchdog, Register.HOLDING).number

    @cached_property
    def line(self) -> LineKey:
        """What its connection leads to."""
        if self.serial:
            return LineKey("", 0, True, self.serial, self.baud, self.parity.value, self.stop_bits)  # noqa: FBT003
        return LineKey(self.host, self.port, self.framer is Framer.RTU)
