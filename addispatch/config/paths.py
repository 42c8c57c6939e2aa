"""Names of places in a configuration: ``plugin.mqtt.subscribe[0].topic``. Used by the other modules of this package."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any


def join(path: str, part: str | int) -> str:
    """Extend a path by a key or an index; keys TOML would quote are quoted."""
    if isinstance(part, int):
        return f"{path}[{part}]"
    key = part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else '"' + part.replace('"', '\\"') + '"'
    return f"{path}.{key}" if path else key


def walk(value: Any, change: Callable[[str, str, Any], Any], path: str = "", key: str = "") -> Any:
    """Return a copy with every single value ``v`` replaced by ``change(path, nearest key, v)``."""
    if isinstance(value, dict):
        return {name: walk(item, change, join(path, name), name) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [walk(item, change, join(path, index), key) for index, item in enumerate(value)]
    return change(path, key, value)


def parents(path: str) -> Iterator[str]:
    """Yield the path itself, then what contains it, outwards: ``a.b[0].c``, ``a.b[0]``, ``a.b``, ``a``."""
    while path:
        yield path
        path = re.sub(r'(\.?("(?:\\"|[^"])*"|[^."\[\]]+)|\[[0-9]+\])$', "", path)
