"""Configuration table ``[plugin.net]``."""

from __future__ import annotations

from pydantic import FilePath

from addispatch.sdk import PluginConfig


class NetConfig(PluginConfig):
    """What all its monitors share; the rest is said by each monitor."""

    ca_file: FilePath | None = None
    """Whom ``http`` trusts beside the system's list: the certificate of a plant's own authority."""
