"""A TinyDB storage that survives kill -9, power cuts, full disks and flipped bits. Used by ``store.directory_files``.

The stock ``JSONStorage`` writes in place, so that a kill in the middle leaves half a file. Here a file is only ever
replaced as a whole: temporary file, fsync, keep the old one as ``.bak`` (a hard link), rename, fsync of the folder.
The first line carries a checksum, so a damaged file is noticed and the generation before it is read.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tinydb.storages import Storage

from addispatch.domain.errors import StoreError

#: First word of every file; the number grows when the form of the file changes.
MAGIC = b"addispatch-table-1"

Data = dict[str, dict[str, Any]]


class _Damaged(Exception):
    """A file is not what was written."""


class SafeStorage(Storage):
    """One JSON document in one file of mode 0600. Every call blocks on the disk: use it from a worker thread."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__()
        self.path = Path(path)
        self.backup = _beside(self.path, ".bak")
        self.recovered = ""
        """After ``read``: what happened if the backup had to be used, one line for the event log; else empty."""

    def read(self) -> Data | None:
        """Return the document, or None if there is none yet.

        A damaged file is set aside as ``.corrupt-<time>`` and its backup is read; raises ``StoreError`` if that is
        damaged, too: both files then stay where they are, and nobody starts with an empty address book by accident.
        """
        self.recovered = ""
        try:
            data = _load(self.path)
        except _Damaged as damage:
            return self._fall_back(str(damage))
        if data is None and self.backup.exists():
            return self._fall_back("it is missing")
        return data

    def _fall_back(self, why: str) -> Data:
        try:
            data, reason = _load(self.backup), "it is missing"
        except _Damaged as damage:
            data, reason = None, str(damage)
        if data is None:
            raise StoreError(
                f"{self.path} cannot be read ({why}), nor can {self.backup} ({reason}): "
                "restore one of them, or move both away to start empty"
            )
        aside = set_aside(self.path, "corrupt")
        kept = f"; the damaged file is kept as {aside.name}" if aside else ""
        self.recovered = f"{self.path} cannot be read ({why}): the generation before it is used{kept}"
        return data

    def write(self, data: Data) -> None:
        """Replace the document; when this returns it is on the disk.

        Raises ``StoreError``: the old document then stays (only if the very last step, the folder's fsync, failed may
        the new one be found after a restart).
        """
        temporary = _beside(self.path, ".tmp")
        try:
            _write_out(temporary, _encode(data))
            self._keep_generation()
            temporary.replace(self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise StoreError(f"{self.path} cannot be written: {error.strerror or error}") from error

    def _keep_generation(self) -> None:
        link = _beside(self.path, ".bak.tmp")
        link.unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            os.link(self.path, link)
            link.replace(self.backup)
            # Renaming one name of a file to another name of the same file does nothing and leaves both.
            link.unlink(missing_ok=True)


def write_durably(path: Path, content: bytes) -> None:
    """Write or replace a file of mode 0600 as a whole, without checksum and backup. Raises ``StoreError``."""
    temporary = _beside(path, ".tmp")
    try:
        _write_out(temporary, content)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise StoreError(f"{path} cannot be written: {error.strerror or error}") from error


def set_aside(path: Path, label: str) -> Path | None:
    """Rename a file to ``<name>.<label>-<time>``; None if it does not exist or cannot be moved."""
    aside = _dated(path, label)
    try:
        path.rename(aside)
    except OSError:
        return None
    return aside


def keep_copy(path: Path, label: str) -> Path | None:
    """Link a file to ``<name>.<label>-<time>``, so that replacing it keeps it; None if there is none."""
    copy = _dated(path, label)
    try:
        os.link(path, copy)
    except OSError:
        return None
    return copy


def sync_folder(folder: Path) -> None:
    """Make renames and removals in the folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _dated(path: Path, label: str) -> Path:
    return _beside(path, f".{label}-{datetime.now(UTC).strftime('%Y%m%dT%H%M%S.%fZ')}")


def _encode(data: Data) -> bytes:
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    return b"%s %s\n%s" % (MAGIC, hashlib.sha256(body).hexdigest().encode(), body)


def _load(path: Path) -> Data | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except PermissionError as error:
        # Not damaged, only out of reach: the generation before it would be the wrong answer.
        raise StoreError(f"{path} cannot be read: {error.strerror}") from None
    except OSError as error:
        raise _Damaged(error.strerror or str(error)) from None
    head, _, body = content.partition(b"\n")
    if head != b"%s %s" % (MAGIC, hashlib.sha256(body).hexdigest().encode()):
        raise _Damaged("empty file" if not content else "wrong checksum")
    data: Data = json.loads(body)
    return data


def _write_out(path: Path, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as out:
        os.fchmod(out.fileno(), 0o600)
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
