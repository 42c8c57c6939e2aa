"""Configuration of the modem plugin: ``[[plugin.modem.modem]]`` tables. Checked by the host."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from addispatch.sdk import PluginConfig, Priority, Switch
from addispatch_plugins.modem.prefixes import MAX_PREFIXES, Prefix

MAX_MODEMS = 8


def _form(pattern: str, problem: str) -> AfterValidator:
    """Return a validator for text that has a form; ``problem`` says what people are to write."""
    compiled = re.compile(pattern)

    def run(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(problem)
        return text

    return AfterValidator(run)


class ModemConfig(BaseModel):
    """One modem: a name for people, how to find it, and the PIN if the SIM asks for one."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, allow_inf_nan=False)

    name: Annotated[
        str,
        _form(
            r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}",
            "must be 1 to 32 letters, digits, - _ or . and begin with a letter or digit",
        ),
    ]
    port: str = Field(default="", max_length=255)
    imei: Annotated[str, _form(r"([0-9]{14,16})?", "must be 14 to 16 digits: 'addispatch modems --scan' shows it")] = ""
    """Found on whatever USB port it is plugged into; with ``port``, another device there is not used."""
    usb: Annotated[str, _form(r"[A-Za-z0-9._:-]{0,64}", "must be a USB path like 1-1.2, or a serial number")] = ""
    """Path of the USB device (``1-1.2``) or its serial number; not with ``port``."""
    usb_rebind: Switch = False
    """Whether to ask for its USB port to be bound anew when nothing else helps."""
    credit_ussd: Annotated[
        str, _form(r"([*#][*#0-9]{1,19})?", "must be a code of digits, * and #, for example *100#")
    ] = ""
    """USSD code that asks for the balance, for example ``*100#``."""
    credit_pattern: str = Field(default=r"-?\d+(?:[.,]\d+)?", max_length=100)
    """Regular expression that finds the balance in the answer: its first group, or all of it."""
    credit_least: float = Field(default=1.0, ge=0)
    pin: SecretStr | None = None
    poll_s: float = Field(default=10, ge=1, le=300)
    """How often the SIM is asked for messages that came in, in seconds."""
    delivery_reports: Switch = True
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
        if self.port and self.usb:
            raise ValueError("has port and usb: give the one by which it is to be found")
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
    flash: Switch = False
    """Whether alarms are shown at once and not kept by the phone (class 0, 3GPP TS 23.038)."""
    flash_priorities: tuple[Priority, ...] = ()
    """The same for alarms of these priorities."""

    @model_validator(mode="after")
    def _all_different(self) -> Self:
        if self.enabled and not self.modem:
            raise ValueError("has no modem: add [[plugin.modem.modem]] ('addispatch modems --scan' proposes it)")
        twice: list[str] = []
        for field in ("name", "port", "imei"):
            seen: set[str] = set()
            for modem in self.modem:
                value = str(getattr(modem, field)).casefold()
                if value and value in seen:
                    twice.append(f"two modems have the same {field}: {value}")
                seen.add(value)
        if twice:
            raise ValueError("; ".join(dict.fromkeys(twice)))
        return self
