"""API tokens: stored as hashes, shown once. Used by ``engine.operations`` and by the HTTP gate.

A token is 256 random bits, so a plain SHA-256 is enough; there is nothing to guess from.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from addispatch.domain.errors import Refused
from addispatch.sdk.operations import Actor, Role
from addispatch.store.safe_storage import SafeStorage

#: Most tokens, and longest name.
MAX_COUNT, MAX_NAME_CHARS = 100, 64

Row = dict[str, Any]


class Tokens:
    """The tokens in one file. Blocking: call ``load``, ``add`` and ``remove`` off the loop; ``actor`` anywhere."""

    def __init__(self, path: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._storage, self._now = SafeStorage(path), now
        self._rows: dict[str, Row] = {}
        self._actors: dict[bytes, Actor] = {}

    def load(self) -> None:
        """Read the file; raises ``StoreError`` if it and its backup are damaged."""
        data = self._storage.read() or {}
        self._use({str(row["name"]): dict(row) for row in data.get("tokens", {}).values()})

    def actor(self, token: str) -> Actor | None:
        """Return whose token it is."""
        # The look-up is by hash: its timing tells nothing about any token.
        return self._actors.get(_hash(token))

    def names(self) -> list[Row]:
        """Return the tokens without their hashes."""
        return [{key: row[key] for key in ("name", "role", "created_at")} for row in self._rows.values()]

    def add(self, name: str, role: str) -> str:
        """Make a token; returns its secret, which is kept nowhere."""
        if not name or len(name) > MAX_NAME_CHARS or not name.isprintable():
            raise Refused("name", f"must be 1 to {MAX_NAME_CHARS} visible characters")
        if name in self._rows:
            raise Refused("name", f"there is a token {name!r} already; remove it first")
        if role not in tuple(Role):
            raise Refused("role", f"must be one of {', '.join(Role)}")
        if len(self._rows) >= MAX_COUNT:
            raise Refused("name", f"there are {MAX_COUNT} tokens; remove one first")
        secret = f"adt_{secrets.token_urlsafe(32)}"
        row = {
            "name": name,
            "role": role,
            "created_at": self._now().isoformat(timespec="seconds"),
            "hash": _hash(secret).hex(),
        }
        self._write({**self._rows, name: row})
        return secret

    def remove(self, name: str) -> None:
        """Remove a token."""
        if name not in self._rows:
            raise Refused("name", f"there is no token {name!r}")
        self._write({known: row for known, row in self._rows.items() if known != name})

    def _write(self, rows: dict[str, Row]) -> None:
        self._storage.write({"tokens": {str(number): row for number, row in enumerate(rows.values(), 1)}})
        self._use(rows)

    def _use(self, rows: dict[str, Row]) -> None:
        self._rows = rows
        self._actors = {
            bytes.fromhex(row["hash"]): Actor(row["name"], Role(row["role"]), "token") for row in rows.values()
        }


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
