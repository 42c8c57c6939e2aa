"""Configuration of the modem plugin: ``[[plugin.modem.modem]]`` tables. Checked by the host."""

from __future__ import annotations

import re
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from addispatch.sdk import PluginConfig, Priority
from addispatch_plugins.modem.prefixes import MAX_PREFIXES, Prefix

MAX_MODEMS = 8


class ModemConfig(BaseModel):
    """One modem: a name for people, how to find it, and the PIN if the SIM asks for one."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")
    port: str = Field(default="", max_length=255)
    imei: str = Field(default="", pattern=r"^([0-9]{14,16})?$")
    """Found on whatever USB port it is plugged into; with ``port``, another device there is not used."""
    usb: str = Field(default="", pattern=r"^[A-Za-z0-9._:-]{0,64}$")
    """Path of the USB device (``1-1.2``) or its serial number."""
    usb_rebind: bool = False
    """Whether to ask for its USB port to be bound anew when nothing else helps."""
    credit_ussd: str = Field(default="", pattern=r"^([*#][*#0-9]{1,19})?$")
    """USSD code that asks for the balance, for example ``*100#``."""
    credit_pattern: str = Field(default=r"-?\d+(?:[.,]\d+)?", max_length=100)
    """Regular expression that finds the balance in the answer: its first group, or all of it."""
    credit_least: float = Field(default=1.0, ge=0)
    pin: SecretStr | None = None
    poll_s: float = Field(default=10, ge=1, le=300)
    """How often the SIM is asked for messages that came in, in seconds."""
    delivery_reports: bool = True
    ring_s: float = Field(default=25, ge=5, le=120)
    """How long a call rings, in seconds; the time to put it through is not counted where the modem tells it."""
    ring_repeat: int = Field(default=1, ge=1, le=5)
    """How often it rings for one call."""
    prefixes: tuple[Prefix, ...] = Field(default=(), max_length=MAX_PREFIXES)
    """Beginnings of the numbers this modem is for; empty: all that no other modem is for."""
    rate_per_minute: float = Field(default=10, ge=0, le=600, allow_inf_nan=False)
    """How many parts the SIM may send a minute, in the long run; 0: no limit."""
    burst: int = Field(default=5, ge=1, le=100)
    """How many parts at once; as many more are kept for emergencies."""
    daily_cap: int = Field(default=0, ge=0, le=1_000_000)
    """How many parts a day, in the node's time zone; 0: no limit."""
    monthly_cap: int = Field(default=0, ge=0, le=10_000_000)
    """How many parts a month; 0: no limit."""

    @field_validator("port")
    @classmethod
    def _is_device_path(cls, port: str) -> str:
        # The port is written into a configuration file of gammu's: nothing but a plain path may get there.
        if port and not re.fullmatch(r"/[A-Za-z0-9_./:+=@,-]+", port):
            raise ValueError("must be the path of a serial port, for example /dev/serial/by-id/…")
        return port

    @field_validator("credit_pattern")
    @classmethod
    def _is_pattern(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from None
        return pattern

    @model_validator(mode="after")
    def _can_be_found(self) -> Self:
        if not (self.port or self.imei or self.usb):
            raise ValueError("port is missing; or give imei or usb, by which the port is found")
        return self

    @field_validator("pin")
    @classmethod
    def _is_pin(cls, pin: SecretStr | None) -> SecretStr | None:
        if pin is not None and not re.fullmatch(r"[0-9]{4,8}", pin.get_secret_value()):
            raise ValueError("must be 4 to 8 digits")
        return pin


class ModemPluginConfig(PluginConfig):
    """Table ``[plugin.modem]``: up to eight modems with names and ports of their own."""

    # A refused PIN must not show up in the error message.
    model_config = ConfigDict(hide_input_in_errors=True)

    modem: tuple[ModemConfig, ...] = Field(default=(), max_length=MAX_MODEMS)
    allowed_prefixes: tuple[Prefix, ...] = Field(default=(), max_length=MAX_PREFIXES)
    """Beginnings of the numbers that may be texted and called; empty: all. Against toll fraud."""
    flash: bool = False
    """Whether alarms are shown at once and not kept by the phone (class 0, 3GPP TS 23.038)."""
    flash_priorities: tuple[Priority, ...] = ()
    """The same for alarms of these priorities."""

    @model_validator(mode="after")
    def _all_different(self) -> Self:
        for field in ("name", "port", "imei"):
            seen: set[str] = set()
            for modem in self.modem:
                value = str(getattr(modem, field)).casefold()
                if value and value in seen:
                    raise ValueError(f"two modems have the same {field}: {value}")
                seen.add(value)
        return self
