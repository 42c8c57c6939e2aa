"""Configuration table ``[plugin.deadman]``."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, SecretStr, field_validator

from addispatch.sdk import PluginConfig


class DeadmanConfig(PluginConfig):
    """Whom to tell, and how often."""

    # The address is the only credential such services have: it must not show up in error messages.
    model_config = ConfigDict(hide_input_in_errors=True)

    url: SecretStr
    """Asked by HTTP GET: ``https://hc-ping.com/<id>``."""
    every_s: Annotated[float, Field(ge=5, le=86_400)] = 60
    timeout_s: Annotated[float, Field(ge=0.1, le=60)] = 10
    """For the whole ping: name, connection, answer."""
    grace_s: Annotated[float, Field(ge=0, le=86_400)] = 300
    """How long pings may fail before there is a system alert."""

    @field_validator("url")
    @classmethod
    def _is_web_address(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if not (url.isascii() and url.isprintable()) or " " in url or len(url) > 1000:
            raise ValueError("must be one line of at most 1000 ASCII characters without blanks")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError("is no web address: write https://host/path") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
            raise ValueError("must begin with https:// or http:// and name a host")
        if "@" in parts.netloc:
            raise ValueError("user and password in the address are not supported: use a secret path")
        return value
