"""Configuration table ``[plugin.deadman]``."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, SecretStr, field_validator

from addispatch.sdk import PluginConfig, web_address


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
        if len(url) > 1000:
            raise ValueError("must have at most 1000 characters")
        web_address(url, instead="use a secret path")
        return value
