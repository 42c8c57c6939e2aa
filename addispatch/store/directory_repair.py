"""Makes records of what was read from the disk, and mends what an older generation of a file left unfitting.

Used by ``store.directory_book`` at start. Nothing is mended silently: each mend is a line for the event log.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from pydantic import ValidationError

from addispatch.store.directory_fields import folded
from addispatch.store.directory_models import SETTINGS, STORED
from addispatch.store.directory_records import (
    Record,
    Tables,
    describe,
    empty_tables,
    namespace,
    with_references,
)

Row = dict[str, Any]


def to_row(record: Record) -> Row:
    """Return a record as it is stored."""
    return {"id": record.id, "provisioned": record.provisioned, "body": record.body}


def read_rows(rows: Mapping[str, list[Row]]) -> tuple[Tables, list[str], set[str]]:
    """Return the tables, what had to be mended (one line each) and the names of the tables that were."""
    tables, notes, mended = empty_tables(), list[str](), set[str]()
    for table in STORED:
        for row in rows.get(table, ()):
            if record := _record(table, row, notes):
                tables[table][record.id] = record
            else:
                mended.add(table)
    for table in STORED:
        if _mend_references(tables, table, notes):
            mended.add(table)
    mended |= _rename_twins(tables, notes)
    return tables, notes, mended


def _record(table: str, row: Any, notes: list[str]) -> Record | None:
    """Check the form only: what was stored once stays valid, whatever a later version thinks of it."""
    name = SETTINGS
    try:
        ident, provisioned, body = str(row["id"]), bool(row["provisioned"]), row["body"]
        name = body.get("name", SETTINGS)
        checked = STORED[table].model_validate(body)
    except (ValidationError, LookupError, TypeError, AttributeError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "damaged"
        notes.append(f"{table} {name!r} cannot be used and is left out: {reason}")
        return None
    return Record(ident, checked.model_dump(mode="json", by_alias=True, exclude_defaults=True), provisioned)


def _mend_references(tables: dict[str, dict[str, Record]], table: str, notes: list[str]) -> bool:
    """Take out references to records that are not there; return whether there were any."""
    lost: list[str] = []

    def keep(ident: str, kinds: tuple[str, ...], path: str) -> str | None:
        if any(ident in tables[kind] for kind in kinds):
            return ident
        lost.append(f"{path} names a lost {' or '.join(kinds)}")
        return None

    before = len(notes)
    for record in list(tables[table].values()):
        lost.clear()
        body = with_references(table, record.body, keep)
        notes += [f"{describe(table, record)}: {what}: taken out" for what in lost]
        if table == "route" and not body["to"]:
            # It would take alarms and tell nobody.
            notes.append(f"{describe(table, record)}: nobody is left to tell: taken out")
            del tables[table][record.id]
        elif lost:
            tables[table][record.id] = Record(record.id, body, record.provisioned)
    return len(notes) > before


def _rename_twins(tables: dict[str, dict[str, Record]], notes: list[str]) -> set[str]:
    """Give records of the same name different ones; return the tables where that was necessary."""
    mended, taken = set(), {(namespace(t), folded(r.name)) for t, records in tables.items() for r in records.values()}
    seen: set[tuple[tuple[str, ...], str]] = set()
    for table, records in tables.items():
        for record in list(records.values()):
            space, name = namespace(table), record.name
            if (space, folded(name)) in seen:
                new = next(n for i in count(2) if (space, folded(n := f"{name} ({i})")) not in taken)
                notes.append(f"{describe(table, record)}: another one has this name: called {new!r} now")
                records[record.id] = Record(record.id, {**record.body, "name": new}, record.provisioned)
                taken.add((space, folded(new)))
                mended.add(table)
            seen.add((space, folded(name)))
    return mended
