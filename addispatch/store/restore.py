"""Puts a backup in place of what is there. Called by ``addispatch restore``, with the daemon kept off the data folder.

Everything is unpacked and prepared beside its place. Then a journal is written: that is the commit. The renames it
lists are done here, or after a kill in the middle by the next start of the daemon (``finish``), so that there is the
old or the new, never half of each. What was there is kept under a name with a time stamp. Every call blocks.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from addispatch.domain.errors import StoreError
from addispatch.store import archive, held, schema
from addispatch.store.archive import LEDGER, Manifest
from addispatch.store.connect import make_engine
from addispatch.store.migrations import migrate
from addispatch.store.safe_storage import sync_folder

#: The list of renames that are to be done, in the data folder.
JOURNAL = "restore.json"
#: How the folders begin in which a restore prepares.
STAGING = ".restore-"
#: Parts that are set aside even if the backup has none: what is there would not go with the rest.
_PLACES = ("directory", "tokens.json", "tokens.json.bak", "cluster.json", "cluster.json.bak")


class Place(NamedTuple):
    """Where a backup is restored to: the ledger, the data folder, the configured node's name (empty: not known)."""

    ledger: Path
    data_dir: Path
    node: str = ""


class Restored(NamedTuple):
    """What was done: the backup's manifest, the counting mark of what is held, the names of what was set aside."""

    manifest: Manifest
    held: dict[str, Any]
    aside: list[str]


def restore(file: Path, place: Place, now_ms: int, *, force: bool = False) -> Restored:
    """Replace ledger, directory, tokens and cluster file by those of a backup. Raises ``StoreError``.

    Without ``force`` a backup of another node is refused, and one that is older than open cases that are there.
    """
    if not file.is_file():
        raise StoreError(f"{file} is no file: name the backup")
    manifest = archive.read(file)
    if not force:
        _check_wanted(manifest, place)
    if manifest.ledger_version > schema.VERSION:
        raise StoreError(
            f"{file} has a ledger of version {manifest.ledger_version}, this program knows {schema.VERSION}:"
            " use a newer addispatch"
        )
    try:
        place.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        finish(place.data_dir)
        stamp = _stamp(place)
        staged = _stage(file, place, stamp)
        counted = _prepare(staged[LEDGER], manifest, now_ms)
        _settle(staged.values(), place.data_dir)
        moves = _moves(staged, place, stamp)
        _commit(place.data_dir, moves, staged.values())
        finish(place.data_dir)
    except OSError as error:
        raise StoreError(f"not restored: {error.filename or place.data_dir}: {error.strerror or error}") from None
    return Restored(manifest, counted, [Path(aside).name for _, _, aside in moves if Path(aside).exists()])


def finish(data_dir: Path) -> bool:
    """Do what a committed restore has left to do; whether there was anything. Called at the start of the daemon."""
    journal = data_dir / JOURNAL
    try:
        doc = json.loads(journal.read_text())
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as error:
        raise StoreError(f"{journal}, a restore that was interrupted, cannot be read: {error}") from None
    try:
        for new, to, aside in doc["moves"]:
            _move(Path(new) if new else None, Path(to), Path(aside))
        journal.unlink()
        sync_folder(data_dir)
        for folder in doc["staging"]:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        named = error.filename or data_dir
        raise StoreError(f"a restore was interrupted and cannot be finished: {named}: {error.strerror}") from None
    return True


def _move(new: Path | None, to: Path, aside: Path) -> None:
    """One rename of the journal, from wherever an earlier try of it ended."""
    if new is not None and not new.exists():
        return
    if to.exists():
        to.rename(aside)
        sync_folder(to.parent)
    if new is not None:
        new.rename(to)
        sync_folder(to.parent)


def _check_wanted(manifest: Manifest, place: Place) -> None:
    if place.node and manifest.node != place.node:
        raise StoreError(
            f"this is a backup of the node {manifest.node}, the configuration names {place.node}: --force restores "
            "it; not on the other node of a running pair, which would be a second one of that role (it needs an empty "
            "data folder instead)"
        )
    count = _open_since(place.ledger, manifest.at_ms)
    if count:
        raise StoreError(
            f"{place.ledger} has {count} open case(s) from after this backup: --force replaces it all the same"
            " (it is kept under another name)"
        )


def _open_since(ledger: Path, at_ms: int) -> int:
    """How many open cases are there that no backup of that time can have; 0 if it cannot be read."""
    if not ledger.is_file():
        return 0
    query = "SELECT count(*) FROM cases WHERE state <> 'closed' AND opened_at_ms > ?"
    try:
        with closing(sqlite3.connect(ledger)) as connection:
            return int(connection.execute(query, (at_ms,)).fetchone()[0])
    except sqlite3.Error:
        return 0


def _stamp(place: Place) -> str:
    """A time stamp nothing has that is there."""
    while True:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        if not place.ledger.with_name(_aside(place.ledger.name, stamp)).exists():
            return stamp


def _aside(name: str, stamp: str) -> str:
    return f"{name}.before-restore-{stamp}"


def _stage(file: Path, place: Place, stamp: str) -> dict[str, Path]:
    """Unpack beside the places; returns where each part is. What an earlier, uncommitted try left is removed."""
    for folder in {place.data_dir, place.ledger.parent}:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in folder.glob(f"{STAGING}*"):
            shutil.rmtree(old)
    staging, ledgers = place.data_dir / f"{STAGING}{stamp}", place.ledger.parent / f"{STAGING}{stamp}"
    for folder in {staging, ledgers}:
        folder.mkdir(mode=0o700)
    staged: dict[str, Path] = {}

    def target(name: str) -> Path:
        staged[name] = (ledgers if name == LEDGER else staging) / name
        return staged[name]

    archive.read(file, target)
    return staged


def _prepare(ledger: Path, manifest: Manifest, now_ms: int) -> dict[str, Any]:
    """Check the unpacked ledger, bring it up to date, give it a new id and hold its open queue."""
    engine = make_engine(f"sqlite:///{ledger}", ledger.parent)
    try:
        with engine.connect() as connection:
            answer = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
            if answer != "ok":
                raise StoreError(f"the ledger in the backup is damaged: {answer}")
        migrate(engine)
        with engine.begin() as connection:
            counted = held.hold(connection, manifest, now_ms)
    except sa.exc.SQLAlchemyError as error:
        raise StoreError(f"the ledger in the backup cannot be used: {error.__cause__ or error}") from None
    finally:
        engine.dispose()
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")  # one file, whole: nothing of it stays in a log beside it
    return counted


def _settle(files: Iterable[Path], data_dir: Path) -> None:
    """Make the unpacked files durable; if root does this, they belong to whoever has the data folder."""
    owner = data_dir.stat()
    folders = set()
    for file in files:
        with file.open("rb") as content:
            os.fsync(content.fileno())
        folders |= {file.parent, file.parent.parent}
        if os.geteuid() == 0:
            os.chown(file, owner.st_uid, owner.st_gid)
            if file.parent != data_dir:
                os.chown(file.parent, owner.st_uid, owner.st_gid)
    for folder in folders:
        sync_folder(folder)


def _moves(staged: dict[str, Path], place: Place, stamp: str) -> list[tuple[str, str, str]]:
    """The renames: new (empty: nothing comes), its place, the name of what was there."""
    kept = place.ledger.with_name(_aside(place.ledger.name, stamp))
    # The logs go with their database, and before the new one comes: SQLite would take them for its own.
    moves = [("", f"{place.ledger}{suffix}", f"{kept}{suffix}") for suffix in ("-wal", "-shm")]
    moves.append((str(staged[LEDGER]), str(place.ledger), str(kept)))
    staging = next((path.parent for name, path in staged.items() if "/" in name), None)
    for name in _PLACES:
        new = str(staged.get(name, "")) if name != "directory" else str(staging or "")
        moves.append((new, str(place.data_dir / name), str(place.data_dir / _aside(name, stamp))))
    return moves


def _commit(data_dir: Path, moves: list[tuple[str, str, str]], files: Iterable[Path]) -> None:
    folders = {next(str(up) for up in file.parents if up.name.startswith(STAGING)) for file in files}
    journal = data_dir / f"{JOURNAL}.tmp"
    with suppress(FileNotFoundError):
        journal.unlink()
    with journal.open("x") as out:
        os.fchmod(out.fileno(), 0o600)
        json.dump({"moves": moves, "staging": sorted(folders)}, out, indent=1)
        out.flush()
        os.fsync(out.fileno())
    journal.replace(data_dir / JOURNAL)
    sync_folder(data_dir)
