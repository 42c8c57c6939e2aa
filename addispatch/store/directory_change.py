"""Works out what a change makes of the directory: all or nothing, every mistake at once. Pure; no disk.

Used by ``store.directory_book`` in its worker thread.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from addispatch.config.explain import did_you_mean, explain
from addispatch.config.paths import join
from addispatch.config.provided import Provided
from addispatch.domain.errors import ConfigError, ConfigErrors
from addispatch.domain.ids import entry_id
from addispatch.store.directory_fields import Checks, folded
from addispatch.store.directory_models import MAX_ENTRIES, MODELS, MONITOR, SETTINGS
from addispatch.store.directory_records import (
    Body,
    Record,
    Tables,
    describe,
    namespace,
    with_references,
    written_references,
)
from addispatch.store.monitor_model import monitor_model
from addispatch.store.monitor_parents import wrong_parents

#: Most errors reported at once, and how many of the unknown names get a "did you mean" (each costs milliseconds).
MAX_ERRORS, MAX_HINTS = 100, 20

_LATER = ("user", "department", "filter")


@dataclass(slots=True)
class Counts:
    """What a change did to one table."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0


@dataclass(slots=True)
class Report:
    """What a change did: counts per table named, and the entries that lost the mark of being provisioned."""

    tables: dict[str, Counts] = field(default_factory=dict)
    released: list[str] = field(default_factory=list)
    generation: int = 0


@dataclass(slots=True)
class _Draft:
    """``body`` is None if the entry has mistakes; ``raw`` is what was written."""

    table: str
    path: str
    id: str
    name: str | None
    body: Body | None
    raw: Any


class Change:
    """Collects entries, then says what becomes of the tables. Use once: ``add…``, then ``result``."""

    def __init__(
        self,
        tables: Tables,
        region: str,
        *,
        source: str,
        provisioning: bool = False,
        provided: Callable[[], Provided] = Provided,
    ) -> None:
        """``source`` names the file of provisioned entries; only ``provisioning`` may change those.

        ``provided``: see ``Checks``.
        """
        self._tables = tables
        self._source = source
        self._provisioning = provisioning
        self._errors: list[ConfigError] = []
        self._wrong: set[str] = set()
        self._drafts: dict[tuple[str, str], _Draft] = {}
        self._ids = {(t, folded(r.name)): r.id for t, records in tables.items() for r in records.values()}
        self._checks = Checks(region, _short_codes(tables), provided)

    def add_document(self, document: Any) -> None:
        """Take all entries of a document in the shape of ``directory.toml``."""
        if not isinstance(document, Mapping):
            self._errors.append(ConfigError("directory", "must be a table"))
            return
        for table in document:
            if table not in MODELS:
                hint = "not in this version" if table in _LATER else did_you_mean(str(table), MODELS)
                self._errors.append(ConfigError(str(table), "is no table of the directory", hint))
        for table in MODELS:
            entries = document.get(table, {} if table == SETTINGS else [])
            if table == SETTINGS and table in document:
                self.add(table, entries, table)
            elif table != SETTINGS and not isinstance(entries, list):
                self._errors.append(ConfigError(table, "must be a list of tables", f"[[{table}]]"))
            elif table != SETTINGS:
                for index, entry in enumerate(entries):
                    self.add(table, entry, join(table, index))

    def add(self, table: str, entry: Any, path: str, ident: str = "") -> None:
        """Take one entry; ``ident`` is the id of the one it replaces, else that is found by its name."""
        name = entry.get("name") if isinstance(entry, Mapping) else None
        name = SETTINGS if table == SETTINGS else name if isinstance(name, str) else None
        body = self._validated(table, entry, path)
        key = folded(name) if name is not None else path
        draft = _Draft(table, path, ident or self._ids.get((table, key)) or self._new_id(table, key), name, body, entry)
        if first := self._drafts.get((table, key)):
            self._errors.append(ConfigError(join(path, "name"), f"{name!r} is already the name of {first.path}"))
        else:
            self._drafts[table, key] = draft

    def result(self) -> tuple[Tables, Report]:
        """Return the new tables and what changed; raises ``ConfigErrors``. Unchanged records stay the same objects."""
        names = self._names()
        self._wrong = {error.path for error in self._errors}
        records = [(draft, record) for draft in self._drafts.values() for record in self._resolved(draft, names)]
        self._check_short_codes()
        report, tables = Report(), {table: dict(records) for table, records in self._tables.items()}
        for draft, record in records:
            self._place(tables[draft.table], report.tables.setdefault(draft.table, Counts()), draft, record)
        self._check_parents(tables)
        for table, most in MAX_ENTRIES.items():
            if len(tables[table]) > most:
                self._errors.append(ConfigError(table, f"{len(tables[table])} entries are more than {most}"))
        if self._errors:
            raise ConfigErrors(_first(self._errors))
        for table in report.tables:
            order = _in_order(self._tables[table], [draft.id for draft, _ in records if draft.table == table])
            tables[table] = {ident: tables[table][ident] for ident in order}
        if self._provisioning:
            report.released = list(_release(tables, {draft.id for draft, _ in records}))
        return tables, report

    def _new_id(self, table: str, key: str) -> str:
        """A node that lost its disk and reads its file again must name them as the other node does: cases carry it."""
        if table == SETTINGS:
            return SETTINGS
        ident = entry_id(table, key)
        is_taken = ident in self._tables[table]  # by one that has another name since
        return ident if self._provisioning and not is_taken else uuid.uuid4().hex

    def _validated(self, table: str, entry: Any, path: str) -> Body | None:
        model = MODELS[table]
        try:
            if table == MONITOR:
                model = monitor_model(entry, self._checks.provided().probes)
            body = model.model_validate(entry, context=self._checks).model_dump(
                mode="json", by_alias=True, exclude_defaults=True
            )
        except ValidationError as error:
            self._errors.extend(self._mistakes(error, model, entry if isinstance(entry, Mapping) else {}, path))
            return None
        except ValueError as error:
            self._errors.append(ConfigError(join(path, "probe"), str(error)))
            return None
        if table == SETTINGS:
            self._checks = dataclasses.replace(self._checks, short_codes=frozenset(body.get("short_codes", ())))
        return body

    def _mistakes(
        self, error: ValidationError, model: type[BaseModel], entry: Mapping[str, Any], path: str
    ) -> list[ConfigError]:
        """Say what is wrong; without the keys that are none, also what can only be seen when the rest is right."""
        found = explain(error, model, entry, path)
        unknown = {item["loc"][0] for item in error.errors() if item["type"] == "extra_forbidden"}
        if unknown:
            known = {key: value for key, value in entry.items() if key not in unknown}
            try:
                model.model_validate(known, context=self._checks)
            except ValidationError as rest:
                paths = {one.path for one in found}
                found += [one for one in explain(rest, model, known, path) if one.path not in paths]
        return found

    def _names(self) -> dict[tuple[str, str], str]:
        """Return the ids by table and folded name as they will be; the names of entries with mistakes count."""
        drafts = {draft.id: draft for draft in self._drafts.values()}
        names = {key: ident for key, ident in self._ids.items() if ident not in drafts}
        for draft in drafts.values():
            if draft.name is None:
                continue
            for table in namespace(draft.table):
                other = names.get((table, folded(draft.name)))
                if other is not None and draft.body is not None:
                    where = drafts[other].path if other in drafts else f"a {table}"
                    problem = f"{draft.name!r} is already the name of {where}"
                    self._errors.append(ConfigError(join(draft.path, "name"), problem))
            names[draft.table, folded(draft.name)] = draft.id
        return names

    def _resolved(self, draft: _Draft, names: Mapping[tuple[str, str], str]) -> Iterator[Record]:
        """Yield the draft's record, if it is free of mistakes so far."""

        def to_id(name: str, kinds: tuple[str, ...], path: str) -> str | None:
            for kind in kinds:
                if ident := names.get((kind, folded(name))):
                    return ident
            self._errors.append(ConfigError(path, *self._unknown(name, kinds, names)))
            return None

        if draft.body is None:
            # All mistakes at once: whom an entry names is looked at even if something else in it is wrong.
            for name, kinds, path in written_references(draft.table, draft.raw, draft.path):
                if path not in self._wrong:
                    to_id(name, kinds, path)
        else:
            body = with_references(draft.table, draft.body, to_id, draft.path)
            old = self._tables[draft.table].get(draft.id)
            if old and old.provisioned and old.body != body and not self._provisioning:
                problem = f"{describe(draft.table, old)} is managed in {self._source}; change it there"
                self._errors.append(ConfigError(draft.path or draft.table, problem))
            yield Record(draft.id, body, self._provisioning or bool(old and old.provisioned))

    def _unknown(self, name: str, kinds: tuple[str, ...], names: Mapping[tuple[str, str], str]) -> tuple[str, str]:
        problem = f"unknown {' or '.join(kinds)} {name!r}"
        if other := next((table for table in MODELS if (table, folded(name)) in names), None):
            return problem, f"{name!r} is a {other}"
        if len(self._errors) >= MAX_HINTS:
            return problem, ""
        shown = {r.id: r.name for kind in kinds for r in self._tables[kind].values()}
        shown |= {d.id: d.name for d in self._drafts.values() if d.table in kinds and d.name is not None}
        return problem, did_you_mean(name, shown.values())

    def _check_short_codes(self) -> None:
        """A short code that leaves the list may not be anybody's number any more."""
        gone = _short_codes(self._tables) - self._checks.short_codes
        replaced = {draft.id for draft in self._drafts.values()}
        for record in self._tables["recipient"].values() if gone else ():
            for number in {record.body.get("sms"), record.body.get("phone")} & gone:
                if record.id not in replaced:
                    problem = f"{number!r} is a number of {describe('recipient', record)}"
                    self._errors.append(ConfigError("settings.short_codes", problem))

    def _check_parents(self, tables: Tables) -> None:
        paths = {draft.id: draft.path for draft in self._drafts.values() if draft.table == MONITOR}
        for ident, problem in wrong_parents(tables[MONITOR], paths) if paths else ():
            self._errors.append(ConfigError(join(paths[ident], "parent"), problem))

    @staticmethod
    def _place(records: dict[str, Record], counts: Counts, draft: _Draft, record: Record) -> None:
        old = records.get(draft.id)
        if old is None:
            counts.added += 1
        elif old.body != record.body:
            counts.changed += 1
        else:
            counts.unchanged += 1
        if old != record:
            records[draft.id] = record


def _short_codes(tables: Tables) -> frozenset[str]:
    return frozenset(code for record in tables[SETTINGS].values() for code in record.body.get("short_codes", ()))


def _first(errors: list[ConfigError]) -> list[ConfigError]:
    if len(errors) <= MAX_ERRORS:
        return errors
    return [*errors[:MAX_ERRORS], ConfigError("directory", f"and {len(errors) - MAX_ERRORS} more mistakes")]


def _in_order(old: Collection[str], named: list[str]) -> list[str]:
    """Return the ids of a table after a change that named some: these stand among themselves as named.

    New ones follow the one named before them. So a document that lists all routes decides the order in which they are
    tried, and one that names a new route between two known ones puts it there.
    """
    known = [ident for ident in named if ident in old]
    followers: dict[str, list[str]] = {}
    anchor = ""
    for ident in named:
        if ident in old:
            anchor = ident
        else:
            followers.setdefault(anchor, []).append(ident)
    leading, order, slots, moved = followers.pop("", []), [], iter(known), set(known)
    for slot in old:
        ident = next(slots) if slot in moved else slot
        order += [*(leading if known and ident == known[0] else ()), ident, *followers.get(ident, ())]
    return order if known else order + leading


def _release(tables: dict[str, dict[str, Record]], named: set[str]) -> Iterator[str]:
    """Take the mark from the provisioned records that are not in the file any more; yield what they are."""
    for table, records in tables.items():
        for ident, record in records.items():
            if record.provisioned and ident not in named:
                records[ident] = Record(ident, record.body)
                yield describe(table, record)
