"""Configuration table ``[plugin.net]``."""

from __future__ import annotations

from pathlib import Path

from addispatch.sdk import PluginConfig


class NetConfig(PluginConfig):
    """What all its monitors share; the rest is said by each monitor."""

    ca_file: Path | None = None
    """Whom ``http`` trusts beside the system's list: the certificate of a plant's own authority."""
