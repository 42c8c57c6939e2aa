"""The directory's one state and its changes, synchronous. Lives in the worker thread of ``store.directory``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from addispatch.config.explain import did_you_mean
from addispatch.config.provided import Provided
from addispatch.domain.addressbook import Directory
from addispatch.domain.errors import ConfigError, ConfigErrors, Refused, StoreError
from addispatch.store.directory_change import Change, Report
from addispatch.store.directory_fields import folded
from addispatch.store.directory_files import TableFiles
from addispatch.store.directory_kept import Installed, Offered, ReplacedFiles
from addispatch.store.directory_keys import with_new_key
from addispatch.store.directory_models import LINK_KEY, MODELS, MONITOR, SETTINGS, STORED
from addispatch.store.directory_pack import Packed, differences, pack, unpack
from addispatch.store.directory_records import (
    Body,
    Document,
    Record,
    Tables,
    describe,
    empty_tables,
    to_document,
    to_names,
    users_of,
)
from addispatch.store.directory_repair import read_rows, to_row
from addispatch.store.directory_snapshot import build
from addispatch.store.exchange import from_toml
from addispatch.store.monitor_parents import doubtful_parents

#: Keys of an entry as it is shown that nobody sets; ignored, so that what was read can be written back.
_SHOWN_ONLY = ("id", "provisioned")
#: Most users of an entry named when its removal is refused.
_MAX_USERS = 5


class Book:
    """All records and their files. ``publish`` is called with the new snapshot after each change."""

    def __init__(
        self,
        folder: Path,
        region: str,
        publish: Callable[[Directory], None],
        provided: Callable[[], Provided] = Provided,
    ) -> None:
        self.notes: list[str] = []
        self.is_mended = False
        self.refuse: Callable[[], str] = str
        #: Whether another node gets a copy of each state, so that it may not be too large for that.
        self.is_shared = False
        self._packed: Packed | None = None
        self._replaced = ReplacedFiles(folder)
        self._region = region
        self._publish = publish
        self._provided = provided
        self._files = TableFiles(folder)
        self._tables: Tables = empty_tables()
        self._generation = 0
        self._source = "directory.toml"

    def load(self) -> None:
        """Read all tables, mend what must be mended; ``notes`` says what. Raises ``StoreError``."""
        rows, notes, recovered = self._files.load()
        self._tables, mends, mended = read_rows(rows)
        self._packed = None
        self.is_mended = bool(recovered or mended or self._files.is_change_lost)
        if mended:
            copies = self._files.keep_copies(mended)
            mends.append(f"the files before mending are kept as {', '.join(copies)}")
        if not self._tables[LINK_KEY]:
            self._tables = with_new_key(self._tables)
            mended = mended | {LINK_KEY}
        try:
            if again := recovered | mended:
                self._files.write(_rows(self._tables, again))
        except StoreError as error:
            mends.append(str(error))
        self.notes += [*notes, *mends, *doubtful_parents(self._tables[MONITOR])]
        self._next_generation()

    def apply(self, document: Any) -> Report:
        """Add or change the entries of a document; raises ``ConfigErrors`` with every mistake, or ``StoreError``."""
        self._check_editable()
        change = self._change()
        change.add_document(document)
        return self._commit(*change.result())

    def provision(self, path: Path) -> Report:
        """Apply a file whose entries become read-only; those that left it lose the mark. No file: an empty one."""
        self._check_editable()
        return self._commit(*self._provisioned(path))

    def unlike(self, path: Path) -> list[str]:
        """Say how the directory differs from what ``provision`` would make of it, a line per entry.

        No file: not at all. Raises ``ConfigErrors``.
        """
        if not path.exists():
            return []
        tables, _ = self._provisioned(path)
        return differences(to_document(self._tables), to_document(tables))

    def packed(self) -> Packed:
        """Return everything as one value."""
        if self._packed is None:
            self._packed = pack(self._tables)
        return self._packed

    def install(self, blob: bytes, sha: str, *, keep: bool) -> Installed:
        """Replace everything by what another node packed, all or nothing; ``keep``: the replaced one as a file.

        Raises ``StoreError``: it is not what ``sha`` says, this version cannot read it, or the disk fails.
        """
        tables, kept, lines = unpack(blob, sha), "", list[str]()
        try:
            build(tables, self._generation)
        except (LookupError, TypeError, ValueError) as error:
            raise StoreError(f"this version cannot use it: {type(error).__name__}: {error}") from error
        if keep and (before := to_document(self._tables)) and (lines := differences(before, to_document(tables))):
            kept = self._replaced.keep(before)
        self._commit(tables, Report(), is_copy=True)
        return Installed(self.packed(), kept, lines)

    def offered(self) -> Offered | None:
        """Return the newest directory that was replaced and how it differs from the present one; None: there is none.

        ``here`` in the lines is the present one.
        """
        return self._replaced.newest(to_document(self._tables))

    def put(self, table: str, entry: Any) -> Body:
        """Add or replace one entry, found by its ``id`` (so that it can be renamed), else by its name."""
        self._check_editable()
        records = self._records(table)
        if not isinstance(entry, dict):
            raise Refused(table, "must be a table of keys and values")
        old = self._find(table, SETTINGS if table == SETTINGS else str(entry.get("name", "")))
        if ident := entry.get("id"):
            old = records.get(ident) if isinstance(ident, str) else None
            if old is None:
                raise Refused("id", f"there is no {table} with the id {ident!r}")
        self._check_writable(table, old)
        not_set = (*_SHOWN_ONLY, "name") if table == SETTINGS else _SHOWN_ONLY
        change = self._change()
        change.add(table, {k: v for k, v in entry.items() if k not in not_set}, "", old.id if old else "")
        before = set(records)
        self._commit(*change.result())
        ident = old.id if old else next(iter(set(self._tables[table]) - before))
        return self._shown(table, self._tables[table][ident])

    def delete(self, table: str, name: str) -> None:
        """Remove one entry; raises ``Refused`` if there is none, it is provisioned or another refers to it."""
        self._check_editable()
        record = self._find(table, name)
        if record is None:
            hint = did_you_mean(name, [r.name for r in self._records(table).values()])
            raise Refused("name", f"there is no {table} {name!r}" + (f" ({hint})" if hint else ""))
        self._check_writable(table, record)
        kept = {ident: other for ident, other in self._tables[table].items() if ident != record.id}
        tables = {**self._tables, table: kept}
        if users := list(users_of(tables, record.id)):
            more = f" and {len(users) - _MAX_USERS} more" if len(users) > _MAX_USERS else ""
            raise Refused("name", f"{describe(table, record)} is used by {', '.join(users[:_MAX_USERS])}{more}")
        self._commit(tables, Report())

    def rotate_link_keys(self) -> int:
        """Sign with a new key; the one before it stays valid. Return how many there are now. Raises ``StoreError``."""
        self._check_editable()
        self._commit(with_new_key(self._tables), Report())
        return len(self._tables[LINK_KEY])

    def export(self) -> Document:
        """Return everything in the shape of ``directory.toml``."""
        return to_document(self._tables)

    def entries(self, table: str) -> list[Body]:
        """Return one table, each entry with all its keys, its ``id`` and whether it is ``provisioned``."""
        return [self._shown(table, record) for record in self._records(table).values()]

    def _check_editable(self) -> None:
        if reason := self.refuse():
            raise Refused("directory", reason)

    def _provisioned(self, path: Path) -> tuple[Tables, Report]:
        self._source = str(path)
        try:
            document = from_toml(path.read_bytes(), str(path))
        except FileNotFoundError:
            document = {}
        except OSError as error:
            raise ConfigErrors([ConfigError(str(path), f"cannot be read: {error.strerror or error}")]) from None
        change = self._change(provisioning=True)
        change.add_document(document)
        return change.result()

    def _change(self, *, provisioning: bool = False) -> Change:
        return Change(
            self._tables, self._region, source=self._source, provisioning=provisioning, provided=self._provided
        )  # fmt: skip

    def _commit(self, tables: Tables, report: Report, *, is_copy: bool = False) -> Report:
        changed = {table for table in STORED if list(tables[table].items()) != list(self._tables[table].items())}
        if changed:
            packed = self._fitting(tables) if self.is_shared and not is_copy else None
            self._files.write(_rows(tables, changed))
            self._tables, self._packed = tables, packed
            self._next_generation()
        report.generation = self._generation
        return report

    def _fitting(self, tables: Tables) -> Packed:
        """Pack what is to be; raises ``ConfigErrors`` if that is too large. One that is so already may be changed."""
        packed = pack(tables)
        if packed.problem and not self.packed().problem:
            raise ConfigErrors([ConfigError("directory", f"would be {packed.problem}")])
        return packed

    def _next_generation(self) -> None:
        self._generation += 1
        self._publish(build(self._tables, self._generation))

    def _records(self, table: str) -> dict[str, Record]:
        if table not in MODELS:
            raise Refused("table", f"{table!r} is no table of the directory ({did_you_mean(table, MODELS)})")
        return dict(self._tables[table])

    def _find(self, table: str, name: str) -> Record | None:
        return next((r for r in self._records(table).values() if folded(r.name) == folded(name)), None)

    def _check_writable(self, table: str, record: Record | None) -> None:
        if record and record.provisioned:
            raise Refused("name", f"{describe(table, record)} is managed in {self._source}; change it there")

    def _shown(self, table: str, record: Record) -> Body:
        full = (
            MODELS[table]
            .model_validate(to_names(self._tables, table, record.body))
            .model_dump(mode="json", by_alias=True)
        )
        return {"id": record.id, "name": record.name, **full, "provisioned": record.provisioned}


def _rows(tables: Tables, names: set[str]) -> dict[str, list[dict[str, Any]]]:
    return {table: [to_row(record) for record in tables[table].values()] for table in STORED if table in names}
