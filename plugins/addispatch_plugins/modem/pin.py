"""Keeps a wrong PIN from being tried again: three tries block a SIM. Used by the actor.

The note is written before the PIN is entered and survives restarts: a daemon that systemd restarts every few seconds
must not use up the tries.
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import SecretStr


class PinGuard:
    """Remembers in a file whether this PIN was entered and never accepted."""

    def __init__(self, file: Path, pin: SecretStr | None) -> None:
        self.file = file
        self.pin = pin
        # Only to notice a changed PIN: the file is private, and what it can reveal is a PIN that was refused.
        secret = pin.get_secret_value() if pin else ""
        self._fingerprint = hashlib.sha256(f"{file.name}:{secret}".encode()).hexdigest()

    def refused(self) -> bool:
        """Whether the PIN was entered before and not accepted."""
        try:
            return self.file.read_text() == self._fingerprint
        except FileNotFoundError:
            return False

    def entering(self) -> None:
        """Call before entering the PIN."""
        self.file.touch(mode=0o600)
        self.file.write_text(self._fingerprint)

    def accepted(self) -> None:
        """Call when the SIM no longer asks for a PIN."""
        with contextlib.suppress(OSError):  # a disk that cannot be written must not keep the modem from working
            self.file.unlink(missing_ok=True)
