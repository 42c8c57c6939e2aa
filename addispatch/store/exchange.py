"""Directory documents as TOML and JSON text; CSV is in ``exchange_csv``. Used by provisioning and the command line.

A document is what ``directory.toml`` holds: lists of entries by table, and ``settings``. These functions know its
form only; what it says is checked by the directory when it is applied.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from addispatch.domain.errors import ConfigError, ConfigErrors

#: Largest file taken in, in bytes: ten thousand recipients need two million.
MAX_BYTES = 16 * 1024 * 1024

Document = dict[str, Any]


def from_toml(data: bytes, file: str = "directory.toml") -> Document:
    """Read TOML; raises ``ConfigErrors`` naming the file, the line and the reason."""
    try:
        return tomllib.loads(decoded(data, file))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ConfigErrors([ConfigError(file, f"is no valid TOML: {reason}")]) from None


def from_json(data: bytes, file: str = "directory.json") -> Document:
    """Read JSON (no NaN, no endless nesting); raises ``ConfigErrors`` naming the file, the line and the reason."""
    try:
        document = orjson.loads(decoded(data, file))
    except orjson.JSONDecodeError as error:
        raise ConfigErrors([ConfigError(file, f"is no valid JSON: {error}")]) from None
    if not isinstance(document, dict):
        raise ConfigErrors([ConfigError(file, "must be a JSON object with the tables as keys")])
    return document


def to_json(document: Document) -> str:
    """Write JSON, indented, one line at the end."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def to_toml(document: Document) -> str:
    """Write TOML as people do: ``[[recipient]]`` for each entry, so that more can be added at the end."""
    lines: list[str] = []
    for table, entries in document.items():
        if isinstance(entries, Mapping):
            lines += _table(f"[{table}]", table, entries)
        else:
            for entry in entries:
                lines += _table(f"[[{table}]]", table, entry)
    return "\n".join(lines).lstrip("\n") + "\n"


def decoded(data: bytes, file: str) -> str:
    """Return the text of a file: UTF-8, with or without byte order mark."""
    if len(data) > MAX_BYTES:
        raise ConfigErrors([ConfigError(file, f"is larger than {MAX_BYTES} bytes")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigErrors([ConfigError(file, f"is not UTF-8 (byte {error.start})", "save it as UTF-8")]) from None


def _table(head: str, path: str, entry: Mapping[str, Any]) -> Iterator[str]:
    inner = {key: value for key, value in entry.items() if _is_tables(value)}
    yield from ("", head)
    for key, value in entry.items():
        if key not in inner:
            yield f"{key} = {_value(value)}"
    for key, tables in inner.items():
        for table in tables:
            yield from _table(f"[[{path}.{key}]]", f"{path}.{key}", table)


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    # JSON's texts, numbers and truth values are TOML's, but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
