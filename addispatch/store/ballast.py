"""A file that keeps room on the disk and is given up when there is no other, so that sending can go on.

Kept by ``engine.disk``; the ledger's writer gives it up when a write fails, the app when the start does.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NAME = "ballast"
#: About 10,000 outcomes and acknowledgements with their events, or SQLite's whole write-ahead log between checkpoints.
BALLAST_BYTES = 16 * 1024 * 1024


class Ballast:
    """The file ``ballast`` in a folder. Every call blocks on the disk, for microseconds; use it from any thread."""

    def __init__(self, folder: Path, size_bytes: int = BALLAST_BYTES) -> None:
        self.path, self.size_bytes = folder / NAME, size_bytes

    @property
    def is_there(self) -> bool:
        """Whether the room is kept: the whole file, allocated."""
        try:
            found = self.path.lstat()
        except OSError:
            return False
        return found.st_size == self.size_bytes and found.st_blocks * 512 >= self.size_bytes

    def make(self) -> None:
        """Keep the room; raises ``OSError``, and then keeps none."""
        if self.is_there:
            return
        self.path.unlink(missing_ok=True)
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(handle, 0, self.size_bytes)
        except OSError:
            with suppress(OSError):
                self.path.unlink()
            raise
        finally:
            os.close(handle)

    def release(self) -> bool:
        """Give the room up; False if there was none to give, or it cannot be given."""
        try:
            self.path.unlink()
        except OSError:
            return False
        return True
