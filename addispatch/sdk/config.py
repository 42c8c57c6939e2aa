"""The base of every plugin's configuration model. Subclassed by plugins, checked by ``addispatch.host``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class PluginConfig(BaseModel):
    """Configuration table ``[plugin.<name>]``: immutable, unknown keys are errors.

    ``enabled`` is common to all plugins: a table is there and ``enabled`` is not false = the plugin is on.
    Give passwords the type ``pydantic.SecretStr``; ``${ENV:…}`` and ``${FILE:…}`` are already replaced.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
