"""Moves the write-ahead log into the database and says when that fails. Used by the ledger's writer, after commits.

SQLite would do it by itself, but swallows what goes wrong there (``sqlite3WalDefaultHook``) and tries again with the
next commit. After an fsync that failed the next one may succeed with the pages lost, the log would be begun anew, and
rows committed long ago would be gone: measured with a failing fdatasync, no error came and the log was overwritten.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa

#: From so many pages in the log on it is moved: 16 MB of 4 KiB pages.
FRAMES = 4000
#: Sizes in bytes and where the salts are (https://www.sqlite.org/fileformat2.html#the_write_ahead_log).
_HEADER_BYTES, _FRAME_HEADER_BYTES, _SALTS_BYTES = 32, 24, 8
_PAGE_SIZE_AT, _SALTS_AT, _FRAME_SALTS_AT = 8, 16, 8


class Checkpoints:
    """The log of one SQLite database; does nothing for others. Call from the writer's thread."""

    def __init__(self, engine: sa.Engine, frames: int = FRAMES) -> None:
        path = engine.url.database if engine.dialect.name == "sqlite" else None
        self._path, self._frames = Path(f"{path}-wal") if path else None, frames
        self._log = -1

    def is_due(self) -> bool:
        """Whether the log has grown to ``frames`` pages.

        It is overwritten from the beginning each time, with new salts: the frame there counts if its salts are those
        of the header.
        """
        if self._path is None:
            return False
        try:
            if self._log < 0:
                self._log = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            header = os.pread(self._log, _HEADER_BYTES, 0)
            frame_bytes = _FRAME_HEADER_BYTES + int.from_bytes(header[_PAGE_SIZE_AT : _PAGE_SIZE_AT + 4])
            at = _HEADER_BYTES + (self._frames - 1) * frame_bytes + _FRAME_SALTS_AT
            salts = header[_SALTS_AT : _SALTS_AT + _SALTS_BYTES]
            return bool(salts) and os.pread(self._log, _SALTS_BYTES, at) == salts
        except OSError:
            return True  # rather too often than never: SQLite will say what is wrong

    def run(self, connection: sa.Connection) -> None:
        """Move what no reader needs any more; raises the driver's error."""
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        """Let go of the log."""
        if self._log >= 0:
            os.close(self._log)
            self._log = -1
