"""The directory on the disk: one TinyDB file per table on the safe storage. Used by ``store.directory_book``.

A change of several tables is first written as a whole to ``change.json``: that is its commit. Then the tables are
written and the file is removed. After a crash in between, ``load`` finishes the change, so references between tables
are never half there.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinydb import TinyDB

from addispatch.domain.errors import StoreError
from addispatch.store.directory_models import LINK_KEY, STORED
from addispatch.store.safe_storage import SafeStorage, keep_copy, set_aside, sync_folder

log = logging.getLogger(__name__)

Row = dict[str, Any]
Rows = Mapping[str, list[Row]]

_CHANGE = "change"


class TableFiles:
    """Reads and writes tables as lists of rows. Every call blocks on the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._unspread: Rows = {}
        self.is_change_lost = False
        """After ``load``: whether a change that had been committed could not be read."""

    def load(self) -> tuple[Rows, list[str], set[str]]:
        """Return all rows, what happened on the way, and the tables whose file should be written anew.

        Raises ``StoreError`` if a table and its backup cannot be read; the link keys are then set aside instead.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        notes, recovered = self._finish_interrupted(), set[str]()
        rows: dict[str, list[Row]] = {}
        for table in STORED:
            storage = SafeStorage(self._path(table))
            try:
                rows[table] = list((storage.read() or {}).get(table, {}).values())
            except StoreError as error:
                if table != LINK_KEY:
                    raise
                # Links that were sent are lost, which only causes more alerts; not starting would cause none.
                log.warning("%s", error)
                notes.append(_given_up(storage))
            if storage.recovered:
                notes.append(storage.recovered)
                recovered.add(table)
        return {**rows, **self._unspread}, notes, recovered

    def write(self, rows: Rows) -> None:
        """Replace the given tables, all or none; raises ``StoreError``. One table costs one file write."""
        self._spread()
        if len(rows) == 1:
            self._write_tables(rows)
            return
        self._write_file(_CHANGE, rows)
        self._unspread = rows
        try:
            self._spread()
        except StoreError as error:
            # The change is committed: the tables follow with the next one, or at the next start.
            log.warning("the directory's tables will be written later: %s", error)

    def keep_copies(self, tables: set[str]) -> list[str]:
        """Keep the present files of tables that were mended; return what the copies are called."""
        copies = [keep_copy(self._path(table), "before-repair") for table in sorted(tables)]
        return [copy.name for copy in copies if copy]

    def _finish_interrupted(self) -> list[str]:
        path = self._path(_CHANGE)
        try:
            change = SafeStorage(path).read()
        except StoreError as error:
            aside, self.is_change_lost = set_aside(path, "corrupt"), True
            return [f"an interrupted change is lost: {error}" + (f"; kept as {aside.name}" if aside else "")]
        if change is None:
            return []
        self._unspread = {table: list(rows.values()) for table, rows in change.items()}
        try:
            self._spread()
        except StoreError as error:
            return [f"an interrupted change of {', '.join(change)} is in force, but could not be written: {error}"]
        return [f"an interrupted change of {', '.join(change)} was finished"]

    def _spread(self) -> None:
        """Bring a committed change into the files of its tables."""
        if not self._unspread:
            return
        self._write_tables(self._unspread)
        path = self._path(_CHANGE)
        try:
            path.unlink(missing_ok=True)
            sync_folder(self._folder)
        except OSError as error:
            raise StoreError(f"{path} cannot be removed: {error.strerror or error}") from error
        self._unspread = {}

    def _write_tables(self, rows: Rows) -> None:
        for table in rows:
            self._write_file(table, {table: rows[table]})

    def _write_file(self, name: str, rows: Rows) -> None:
        with TinyDB(self._path(name), storage=SafeStorage) as database:
            # Table.insert would write once per row; the storage takes the whole file at once.
            database.storage.write(
                {table: {str(number): row for number, row in enumerate(content, 1)} for table, content in rows.items()}
            )

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def _given_up(storage: SafeStorage) -> str:
    kept = [aside.name for path in (storage.path, storage.backup) if (aside := set_aside(path, "corrupt"))]
    files = f" (kept as {', '.join(kept)})" if kept else ""
    return f"{storage.path} cannot be read{files}: acknowledge links sent so far are not valid any more"
