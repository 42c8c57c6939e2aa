"""The base of every plugin's configuration model. Subclassed by plugins, checked by ``addispatch.host``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Strict


def _as_written(value: Any) -> Any:
    """Take the words for themselves: ``${ENV:…}`` and ``${FILE:…}`` bring in text."""
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


#: ``true`` or ``false`` and nothing that might mean one of them, such as ``"yes"`` or 1.
Switch = Annotated[bool, Strict(), BeforeValidator(_as_written)]


class PluginConfig(BaseModel):
    """Configuration table ``[plugin.<name>]``: immutable, unknown keys are errors.

    ``enabled`` is common to all plugins: a table is there and ``enabled`` is not false = the plugin is on.
    Give options that are on or off the type ``Switch`` and passwords ``pydantic.SecretStr``. ``${ENV:…}`` and
    ``${FILE:…}`` are already replaced; no number is ``nan`` or ``inf``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    enabled: Switch = True
