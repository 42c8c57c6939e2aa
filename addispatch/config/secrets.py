"""Secrets: taken in by ``${ENV:NAME}`` and ``${FILE:path}``, kept out of everything that is shown.

Called by ``config.loading``; ``dump_masked`` by the CLI and whoever shows a configuration.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from addispatch.config.paths import walk
from addispatch.domain.errors import ConfigError

if TYPE_CHECKING:
    from addispatch.config.loading import Loaded

#: Largest file a ``${FILE:…}`` may name: certificates and keys are far smaller.
MAX_SECRET_BYTES = 64 * 1024
MASK = "********"

_REFERENCE = re.compile(r"\$\{([A-Za-z]+):([^}]*)\}")
_SECRET_KEY = re.compile(
    r"(^|_)(password|passphrase|passwd|pin|puk|secret|token|api_?key|private_?key)s?$", re.IGNORECASE
)
_URL_PASSWORD = re.compile(r"(?<=://)([^/\s:@]*):[^/\s]*(?=@)")


class Unresolved(str):
    """A text as it was written, because a reference in it cannot be followed; ``error`` says why."""

    __slots__ = ("error",)
    error: ConfigError


def replace_references(data: dict[str, Any], folder: Path) -> tuple[dict[str, Any], set[str]]:
    """Replace the references in all texts; return the copy and the paths that had one.

    A relative ``${FILE:…}`` is looked up in ``folder``. What a reference brings in is not searched again. Texts with a
    reference that leads nowhere become ``Unresolved``: whoever checks their table asks ``unresolved`` for them.
    """
    found: set[str] = set()

    def change(path: str, _key: str, value: Any) -> Any:
        if not isinstance(value, str) or not _REFERENCE.search(value):
            return value
        found.add(path)
        try:
            return _REFERENCE.sub(lambda match: _resolve(match[1], match[2].strip(), folder), value)
        except _NotFound as error:
            kept = Unresolved(value)
            kept.error = ConfigError(path, *error.args)
            return kept

    return walk(data, change), found


def unresolved(table: Any) -> list[ConfigError]:
    """Return what is wrong with the references in a table."""
    errors: list[ConfigError] = []

    def look(_path: str, _key: str, value: Any) -> None:
        if isinstance(value, Unresolved):
            errors.append(value.error)

    walk(table, look)
    return errors


class _NotFound(Exception):
    """Problem and hint of a reference that cannot be followed."""


def _resolve(kind: str, name: str, folder: Path) -> str:
    if kind == "ENV":
        if name not in os.environ:
            raise _NotFound(f"the environment variable {name!r} is not set", "set it where addispatch is started")
        return os.environ[name]
    if kind == "FILE":
        try:
            return _read_secret(folder / name)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise _NotFound(f"cannot read {folder / name}: {reason}", "check the path and who may read it") from None
    raise _NotFound(f"{kind!r} is not a kind of reference", "write ${ENV:NAME} or ${FILE:path}")


def _read_secret(path: Path) -> str:
    # Not blocking: a named pipe in place of the file must not hold up the start.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("not a regular file")
        raw = file.read(MAX_SECRET_BYTES + 1)
    if len(raw) > MAX_SECRET_BYTES:
        raise ValueError(f"larger than {MAX_SECRET_BYTES // 1024} KiB")
    try:
        return raw.decode().strip()
    except UnicodeDecodeError:
        raise ValueError("not UTF-8 text") from None


def is_secret(path: str, key: str, references: frozenset[str]) -> bool:
    """Tell whether the value at ``path`` must not be shown: it came by a reference, or its key says so."""
    return path in references or _SECRET_KEY.search(key) is not None


def dump_masked(loaded: Loaded) -> dict[str, Any]:
    """Return the configuration in force, defaults included, as plain values with every secret masked."""

    def mask(path: str, key: str, value: Any) -> Any:
        if value not in ("", None) and is_secret(path, key, loaded.references):
            return MASK
        return _URL_PASSWORD.sub(rf"\1:{MASK}", value) if isinstance(value, str) else value

    shown: dict[str, Any] = walk(loaded.config.model_dump(mode="json"), mask)
    return shown
