"""The keys two nodes share: how they are written in the configuration, and which one seals. Pure.

Called by ``config.models`` (to check what the file says), ``cluster.envelope`` and ``addispatch cluster key``.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field

from addispatch.domain.errors import ConfigError

#: Most keys at once: two are needed while keys change, more are a mistake.
MAX_KEYS_COUNT = 4
#: Size of a key of ChaCha20-Poly1305 (RFC 8439), in bytes.
KEY_BYTES = 32

_PATH = "cluster.key"
_HINT = "`addispatch cluster key` makes one"
_KID = re.compile(r"[A-Za-z0-9_-]{1,16}")
_DIGITS = re.compile(rf"[0-9A-Fa-f]{{{2 * KEY_BYTES}}}")


@dataclass(frozen=True, slots=True)
class Keyring:
    """Keys by their names (kid), in the order of the file: the first one seals, all of them open."""

    keys: dict[str, bytes] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Keyring:
        """Read ``kid:64 hex digits``, separated by commas or lines; lines that begin with # are notes.

        Raises ``ConfigError``, which shows nothing of the keys.
        """
        lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        entries = [entry.strip() for entry in ",".join(lines).split(",") if entry.strip()]
        if not entries:
            raise ConfigError(_PATH, "is empty", _HINT)
        if len(entries) > MAX_KEYS_COUNT:
            raise ConfigError(_PATH, f"has {len(entries)} keys, {MAX_KEYS_COUNT} are allowed", "remove the oldest")
        keys: dict[str, bytes] = {}
        for number, entry in enumerate(entries, 1):
            kid, key = _read(entry, number)
            if kid in keys:
                raise ConfigError(_PATH, f"key {number} has the name of an earlier one", "give each a name of its own")
            if key in keys.values():
                raise ConfigError(_PATH, f"key {number} is an earlier one by another name", _HINT)
            keys[kid] = key
        return cls(keys)

    @property
    def kid(self) -> str:
        """The name of the key to seal with."""
        return next(iter(self.keys))


def _read(entry: str, number: int) -> tuple[str, bytes]:
    kid, colon, digits = entry.partition(":")
    # Nothing of the entry is shown: a missing colon would make all of it look like a name.
    if not colon or not _KID.fullmatch(kid.strip()):
        raise ConfigError(_PATH, f"key {number} must be a name, a colon and {2 * KEY_BYTES} hex digits", _HINT)
    if not _DIGITS.fullmatch(digits.strip()):
        raise ConfigError(_PATH, f"key {number} needs {2 * KEY_BYTES} hex digits after the colon", _HINT)
    key = bytes.fromhex(digits.strip())
    if len(set(key)) < 8:
        raise ConfigError(_PATH, f"key {number} is no random number: anybody could guess it", _HINT)
    return kid.strip(), key


def generate(kid: str) -> str:
    """Return a new key as it stands in the configuration; raises ``ConfigError`` for a name that is none."""
    if not _KID.fullmatch(kid):
        raise ConfigError("kid", "must be 1 to 16 letters, digits, - or _", "for example k1")
    return f"{kid}:{secrets.token_hex(KEY_BYTES)}"
