"""Configuration table ``[plugin.broker]``."""

from __future__ import annotations

from pydantic import Field

from addispatch.sdk import PluginConfig


class BrokerConfig(PluginConfig):
    """Where it listens. It knows no passwords, so the default is this machine only."""

    port: int = Field(default=1883, ge=1, le=65535)
    listen: str = "127.0.0.1"
    """Address to listen on; ``0.0.0.0`` lets everybody in the network publish alarms."""
