"""What the plugins that are there provide, on or off: for checking what the directory names.

Made by ``host.prepare``, read by ``store.directory_fields``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import BaseModel


class Provided(NamedTuple):
    """Channels, and probes with the keys their monitors have; None if a plugin does not load, so nobody can tell."""

    channels: frozenset[str] | None = None
    probes: Mapping[str, type[BaseModel]] | None = None
