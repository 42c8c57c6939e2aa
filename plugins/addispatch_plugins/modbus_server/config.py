"""Configuration table ``[plugin.modbus_server]``. Everything that can be wrong is found here."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, field_validator, model_validator

from addispatch.sdk import MAX_NAME_CHARS, MAX_TO_COUNT, PluginConfig, Priority

#: Coils below this are commands of our own.
FIRST_ALARM_COIL, LAST_ALARM_COIL = 16, 1023
MAX_COILS = 500


def _network(value: Any) -> str:
    try:
        return str(ip_network(value if isinstance(value, str) else ""))
    except ValueError:
        raise ValueError('must be an address or a network such as "10.0.0.0/8", without host bits') from None


Network = Annotated[str, PlainValidator(_network)]
Word = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Coil(BaseModel):
    """Table ``[[plugin.modbus_server.coil]]``: 1 raises this alarm, 0 clears it."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    address: Annotated[int, Field(ge=FIRST_ALARM_COIL, le=LAST_ALARM_COIL, strict=True)]
    """0-based: 16 is coil 00017."""
    text: Annotated[str, Field(min_length=1, max_length=1000)]
    key: Word | None = None
    """Default: ``coil <address>``."""
    to: Annotated[tuple[Word, ...], Field(max_length=MAX_TO_COUNT)] = ()
    priority: Priority = Priority.HIGH

    @property
    def condition(self) -> str:
        """The key of its alarm."""
        return self.key or f"coil {self.address}"


class ModbusServerConfig(PluginConfig):
    """Where to listen, who may ask, which coils are alarms."""

    listen: str = "127.0.0.1:1502"
    allow: Annotated[tuple[Network, ...], Field(min_length=1, max_length=100)] = ("127.0.0.0/8", "::1/128")
    """Who may connect."""
    unit: Annotated[int, Field(ge=1, le=247)] = 1
    """0 and 255 are answered, too, as Modbus/TCP has it for a device that is no gateway."""
    max_connections: Annotated[int, Field(ge=1, le=500)] = 32
    idle_s: Annotated[float, Field(ge=1, le=86_400)] = 120
    """A connection without a request for so long is closed."""
    read_only: bool = False
    """Refuse all writes."""
    acknowledge_all: bool = False
    """Whether coil 1 acknowledges everything."""
    coil: Annotated[tuple[Coil, ...], Field(max_length=MAX_COILS)] = ()

    @field_validator("listen")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
            raise ValueError('must be an address and a port, for example "127.0.0.1:1502" or "[::]:502"')
        return value

    @property
    def place(self) -> tuple[str, int]:
        """Host and port of ``listen``."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @model_validator(mode="after")
    def _each_coil_once(self) -> Self:
        for what in ("address", "condition"):
            seen: set[object] = set()
            for coil in self.coil:
                value = getattr(coil, what)
                if value in seen:
                    name = "key" if what == "condition" else what
                    raise ValueError(f"coil.{name}: {value!r} is there twice")
                seen.add(value)
        return self
