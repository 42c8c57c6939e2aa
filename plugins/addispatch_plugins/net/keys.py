"""The keys of monitors that belong to the probes of this plugin. Named by ``plugin``, checked by the directory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from addispatch.sdk import ProbeKeys, web_address

#: Longest text to send, to look for and to expect, in characters.
MAX_TEXT_CHARS = 500


def _host(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._:%-]{1,253}", value):
        raise ValueError("is neither a name nor an address: letters, digits, . - : only")
    return value


Host = Annotated[str, AfterValidator(_host)]
Text = Annotated[str, Field(max_length=MAX_TEXT_CHARS)]
Status = Annotated[int, Field(ge=100, le=599)]


class PingKeys(ProbeKeys):
    """An ICMP echo. ``count``: so many are sent, the quickest answer counts."""

    host: Host
    count: Annotated[int, Field(ge=1, le=10)] = 1
    value: Literal["latency_ms", "loss_percent"] | None = None


class TcpKeys(ProbeKeys):
    """A connection; ``send`` is sent then, and what comes must begin with ``expect``."""

    host: Host
    port: Annotated[int, Field(ge=1, le=65_535)]
    send: Text = ""
    expect: Text = ""
    value: Literal["latency_ms"] | None = None


class HttpKeys(ProbeKeys):
    """A request. ``status`` are the good ones (default 200 to 399), ``match`` stands in the body."""

    url: Annotated[str, Field(max_length=1000)]
    method: Literal["GET", "HEAD"] = "GET"
    status: Status | Annotated[tuple[Status, ...], Field(min_length=1, max_length=50)] | None = None
    match: Text = ""
    match_regex: Text = ""
    certificate_days: Annotated[float, Field(ge=0, le=3650)] | None = None
    verify: bool = True
    value: Literal["latency_ms", "status", "certificate_days"] | None = None

    @property
    def statuses(self) -> tuple[int, ...]:
        """The statuses named; empty for the default."""
        return self.status if isinstance(self.status, tuple) else () if self.status is None else (self.status,)

    def is_good(self, status: int) -> bool:
        """Whether an answer of that status is one that is wanted."""
        return status in self.statuses if self.statuses else 200 <= status < 400

    @field_validator("url")
    @classmethod
    def _is_web_address(cls, value: str) -> str:
        _host(web_address(value).hostname or "")
        return value

    @field_validator("match_regex")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"is no regular expression: {error}") from None
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.method == "HEAD" and (self.match or self.match_regex):
            raise ValueError("match and match_regex need a body: method HEAD has none")
        if not self.url.startswith("https:") and (
            self.certificate_days is not None or self.value == "certificate_days"
        ):
            raise ValueError("certificate_days needs a url that begins with https://")
        return self


class HeartbeatKeys(ProbeKeys):
    """Something that must report at least each ``max_silence_s``, by the monitor's name."""

    max_silence_s: Annotated[float, Field(ge=1, le=31 * 86_400)]
    _monitor: str = PrivateAttr("")

    @property
    def monitor(self) -> str:
        """The monitor's name; empty if these are the keys of none."""
        return self._monitor

    @model_validator(mode="after")
    def _named(self, info: ValidationInfo) -> Self:
        if isinstance(info.context, Mapping):
            self._monitor = info.context.get("monitor", "")
        return self
