"""Makes a backup: a consistent copy of the ledger, the directory's tables, the tokens and the cluster's file.

Called by ``engine.backup`` in the running daemon, and by ``addispatch backup`` where none runs. Every call blocks.
Nothing of ``addispatch.toml`` is in it, and so none of its passwords; people's numbers and the keys of links are.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from addispatch import __version__
from addispatch.domain.errors import StoreError
from addispatch.store import archive
from addispatch.store.archive import Manifest
from addispatch.store.restore import JOURNAL
from addispatch.store.safe_storage import sync_folder

#: Pages copied at once, and the pause after them, in seconds: others have the disk in between.
PIECE_PAGES, PAUSE_S = 512, 0.002
#: Tables that change while they are copied are copied anew so often.
_TRIES = 10
#: How the folder begins in which the copy is made.
SCRATCH = ".backup-"
#: Left free on the disk whatever happens, in bytes.
SPARE_BYTES = 64 * 1024 * 1024


class Sources(NamedTuple):
    """What is backed up: where the ledger is, the data folder, and the node's name."""

    ledger: Path
    data_dir: Path
    node: str


def save(sources: Sources, file: Path, now_ms: int) -> Manifest:
    """Make a backup in ``file``: whole or not at all, mode 0600. Raises ``StoreError``."""
    scratch = new_scratch(file.parent)
    try:
        manifest = make(sources, scratch, now_ms)
        put(scratch / archive_name(scratch), file)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return manifest


def new_scratch(folder: Path) -> Path:
    """Make a folder of one's own in ``folder``."""
    scratch = folder / f"{SCRATCH}{secrets.token_hex(6)}"
    try:
        scratch.mkdir(mode=0o700)
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror}") from None
    return scratch


def archive_name(scratch: Path) -> str:
    """The archive's name in the scratch folder."""
    return f"{scratch.name.removeprefix('.')}.tar.gz"


def make(sources: Sources, scratch: Path, now_ms: int) -> Manifest:
    """Make the archive in ``scratch``. Raises ``StoreError``."""
    if (sources.data_dir / JOURNAL).exists():
        raise StoreError(f"a restore into {sources.data_dir} was interrupted: start addispatch, which finishes it")
    try:
        _check_room(sources.ledger, scratch)
        ledger = scratch / archive.LEDGER
        version, store = copy_ledger(sources.ledger, ledger)
        files = [(archive.LEDGER, ledger), *_copy_files(sources.data_dir, scratch)]
        manifest = Manifest(__version__, version, sources.node, store, now_ms, {})
        with (scratch / archive_name(scratch)).open("xb") as out:
            os.fchmod(out.fileno(), 0o600)
            made = archive.write(out, manifest, files)
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        raise StoreError(f"no backup could be made: {error.filename or scratch}: {error.strerror or error}") from None
    except sqlite3.Error as error:
        raise StoreError(f"no backup could be made: the ledger {sources.ledger} cannot be copied: {error}") from None
    ledger.unlink()
    return made


def put(made: Path, file: Path) -> None:
    """Give a finished archive on the same disk its name, in place of an older one of that name."""
    try:
        made.replace(file)
        sync_folder(file.parent)
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror}") from None


def _check_room(ledger: Path, scratch: Path) -> None:
    if not ledger.is_file():
        raise StoreError(f"there is no ledger {ledger}: nothing to back up")
    wal = Path(f"{ledger}-wal")
    needed = 2 * ledger.stat().st_size + (wal.stat().st_size if wal.exists() else 0) + SPARE_BYTES
    free = shutil.disk_usage(scratch).free
    if free < needed:
        raise StoreError(
            f"a backup needs {needed >> 20} MiB free on the disk of {scratch.parent}, there are {free >> 20}"
        )


def copy_ledger(ledger: Path, to: Path) -> tuple[int, str]:
    """Copy a ledger as it is at one moment, in pieces; returns its version and store id.

    An open read transaction keeps the moment. Without it each commit of the daemon in between would make SQLite begin
    anew (https://www.sqlite.org/backup.html), and in a storm the copy would never end. In WAL mode it holds up nobody.
    """
    uri = f"file:{quote(str(ledger))}?mode=rw"
    with (
        closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10)) as source,
        closing(sqlite3.connect(to, isolation_level=None)) as copy,
    ):
        to.chmod(0o600)
        source.execute("BEGIN")
        found = dict(source.execute("SELECT name, value FROM meta WHERE name IN ('version', 'store_id')"))
        source.backup(copy, pages=PIECE_PAGES, progress=lambda *_: time.sleep(PAUSE_S))
        copy.execute("PRAGMA journal_mode=DELETE")  # one file
    return int(found.get("version", 0)), str(found.get("store_id", ""))


def _copy_files(data_dir: Path, scratch: Path) -> list[tuple[str, Path]]:
    """Copy the small files; a change of several tables that comes in between makes it begin anew."""
    for _ in range(_TRIES):
        before = _state(data_dir)
        for name in before:
            to = scratch / name
            to.parent.mkdir(mode=0o700, exist_ok=True)
            with suppress(FileNotFoundError):  # then the state is another one, too
                shutil.copyfile(data_dir / name, to)
        if _state(data_dir) == before:
            return [(name, scratch / name) for name in before]
        time.sleep(0.1)
    raise StoreError("the directory changes all the time: try again when the import is over")


def _state(data_dir: Path) -> dict[str, tuple[int, int, int]]:
    """The files that are parts, each with what changes when it is replaced."""
    found: dict[str, tuple[int, int, int]] = {}
    for path in sorted([*data_dir.glob("*.json*"), *data_dir.glob("directory/*.json*")]):
        name = path.relative_to(data_dir).as_posix()
        if archive.NAMES.fullmatch(name) and path.is_file():
            with suppress(FileNotFoundError):
                stat = path.stat()
                found[name] = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
    return found
