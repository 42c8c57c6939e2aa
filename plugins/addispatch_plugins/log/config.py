"""Configuration table ``[plugin.log]``."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from addispatch.sdk import PluginConfig, Switch


class LogConfig(PluginConfig):
    """Where deliveries are written: to ``path`` (empty: no file), to the log, or both."""

    path: str = "deliveries.log"
    """Appended to; relative to the plugin's data folder."""
    format: Literal["json", "text"] = "json"
    """Of the lines in the file."""
    to_log: Switch = False
    """Whether each delivery is a line in addispatch's own log too."""

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if not self.path and not self.to_log:
            raise ValueError("path is empty and to_log is false: deliveries would vanish; set one of them")
        return self
