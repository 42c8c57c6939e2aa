"""What a failed write to the database means: no room for it, a broken disk, or neither. Used by the ledger's writer.

SQLite calls nearly everything but ENOSPC a "disk I/O error" and keeps the system's reason to itself, so the folder is
asked: what fails there for lack of room will work again by itself; anything else must not be tried again.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: Reasons that go away without harm: full, over quota, no file may grow, read-only.
NO_ROOM_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
#: After these nobody knows what is on the disk: the kernel may have dropped the pages and call the next fsync good.
_BROKEN_CODES = frozenset(
    {
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_FSYNC,
        sqlite3.SQLITE_IOERR_DIR_FSYNC,
        sqlite3.SQLITE_IOERR_TRUNCATE,
    }
)
_FSYNC_CODES = frozenset({sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC})
#: Enough to meet a limit on the size of files that stops a ledger.
_PROBE_BYTES = 65536


class Trouble(Enum):
    """What to do about it: refuse alarms until there is room, end the process, or only fail what was asked."""

    NO_ROOM = "no room"
    BROKEN = "broken"
    OTHER = "other"


def trouble_of(error: BaseException, folder: Path, *, is_short: bool = False) -> tuple[Trouble, str]:
    """Tell what an error of the database driver means for a database in ``folder``, and the reason in a few words.

    ``is_short``: there was no room a moment ago. A write that failed before there was some again, and a probe that
    succeeds just after, is no broken disk; a failed fsync always is.
    """
    code = getattr(error, "sqlite_errorcode", None)
    if not isinstance(code, int):
        return Trouble.OTHER, str(error)
    kind = code & 0xFF  # the rest is the extended code (https://www.sqlite.org/rescode.html)
    if kind in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY):
        return Trouble.NO_ROOM, str(error)
    if kind != sqlite3.SQLITE_IOERR:
        return Trouble.OTHER, str(error)
    if code not in _FSYNC_CODES and (reason := probe(folder)) in NO_ROOM_ERRNOS:
        return Trouble.NO_ROOM, os.strerror(reason)
    if is_short and code in _BROKEN_CODES - _FSYNC_CODES:
        return Trouble.NO_ROOM, str(error)
    name = getattr(error, "sqlite_errorname", "")
    return Trouble.BROKEN if code in _BROKEN_CODES else Trouble.OTHER, f"{error} ({name})"


def probe(folder: Path) -> int:
    """Write a small file without a name into the folder; returns 0 or the errno of what failed."""
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            written = 0
            while written < _PROBE_BYTES:
                written += os.pwrite(file.fileno(), bytes(_PROBE_BYTES - written), written)
            os.fsync(file.fileno())
    except OSError as error:
        return error.errno or errno.EIO
    return 0
