"""What the directory keeps: records with stable ids, and the references between them.

At the edge entries refer to each other by name, here by id, so that a rename touches one record. Used by the other
``directory_*`` modules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from addispatch.config.paths import join
from addispatch.store.directory_models import LINK_KEY, MODELS, SETTINGS, STORED

Body = dict[str, Any]
Document = dict[str, Any]

_EACH = "*"
_AUDIENCE = ("recipient", "group")
#: Where references stand (``*``: in each element of a list), and which tables they may name.
REFERENCES: dict[str, dict[tuple[str, ...], tuple[str, ...]]] = {
    "recipient": {("policy",): ("policy",)},
    "group": {("members", _EACH): ("recipient",), ("policy",): ("policy",)},
    "policy": {("level", _EACH, "to", _EACH): _AUDIENCE, ("level", _EACH, "call", _EACH): _AUDIENCE},
    "template": {},
    "route": {("to", _EACH): _AUDIENCE, ("template",): ("template",)},
    "settings": {("system_alert_to", _EACH): _AUDIENCE},
    LINK_KEY: {},
}


@dataclass(frozen=True, slots=True)
class Record:
    """One stored entry. ``body`` holds what differs from the defaults, with ids as references.

    ``provisioned``: it comes from ``directory.toml`` and can be changed only there.
    """

    id: str
    body: Body
    provisioned: bool = False

    @property
    def name(self) -> str:
        """The entry's name; the settings have a fixed one."""
        return str(self.body.get("name", SETTINGS))


#: All records: table, id, record; in the order users see.
Tables = Mapping[str, Mapping[str, Record]]


def empty_tables() -> dict[str, dict[str, Record]]:
    """Return all tables, without records."""
    return {table: {} for table in STORED}


def namespace(table: str) -> tuple[str, ...]:
    """Return the tables whose names must differ from those of ``table``: recipients and groups share theirs."""
    return _AUDIENCE if table in _AUDIENCE else (table,)


#: Called with a reference, the tables it may name and its path; returns what to put there, or None to take it out.
Replace = Callable[[str, tuple[str, ...], str], str | None]


def with_references(table: str, body: Body, replace: Replace, path: str = "") -> Body:
    """Return the body with each reference replaced."""
    for steps, kinds in REFERENCES[table].items():
        body = _rewrite(body, steps, kinds, replace, path)
    return body


def _rewrite(value: Any, steps: tuple[str, ...], kinds: tuple[str, ...], replace: Replace, path: str) -> Any:
    if not steps:
        return replace(value, kinds, path)
    step, rest = steps[0], steps[1:]
    if step == _EACH:
        items = [_rewrite(item, rest, kinds, replace, join(path, index)) for index, item in enumerate(value)]
        return [item for item in items if item is not None]
    if step not in value:
        return value
    new = _rewrite(value[step], rest, kinds, replace, join(path, step))
    return {key: new if key == step else old for key, old in value.items() if key != step or new is not None}


def written_references(table: str, entry: Any, path: str) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Yield name, tables and path of each reference in an entry as it was written, whatever else is in it."""
    for steps, kinds in REFERENCES[table].items():
        for name, where in _written(entry, steps, path):
            yield name, kinds, where


def _written(value: Any, steps: tuple[str, ...], path: str) -> Iterator[tuple[str, str]]:
    if not steps:
        if isinstance(value, str) and value:
            yield value, path
    elif steps[0] == _EACH:
        for index, item in enumerate(value if isinstance(value, list) else ()):
            yield from _written(item, steps[1:], join(path, index))
    elif isinstance(value, Mapping) and steps[0] in value:
        yield from _written(value[steps[0]], steps[1:], join(path, steps[0]))


def references(table: str, body: Body) -> set[str]:
    """Return all references in a body."""
    found: set[str] = set()

    def note(reference: str, _kinds: tuple[str, ...], _path: str) -> str:
        found.add(reference)
        return reference

    with_references(table, body, note)
    return found


def to_names(tables: Tables, table: str, body: Body) -> Body:
    """Return the body with names as references, as users see it."""
    return with_references(table, body, lambda ident, kinds, _: _find(tables, ident, kinds).name)


def _find(tables: Tables, ident: str, kinds: tuple[str, ...]) -> Record:
    return next(tables[kind][ident] for kind in kinds if ident in tables[kind])


def users_of(tables: Tables, ident: str) -> Iterator[str]:
    """Yield the entries that refer to a record, as ``group 'Night shift'``."""
    for table, records in tables.items():
        for record in records.values():
            if ident in references(table, record.body):
                yield describe(table, record)


def describe(table: str, record: Record) -> str:
    """Name a record in a message."""
    return "the settings" if table == SETTINGS else f"{table} {record.name!r}"


def to_document(tables: Tables) -> Document:
    """Return everything in the shape of ``directory.toml``, without what equals the defaults."""
    document: Document = {}
    for table in MODELS:
        records = tables[table]
        entries = [to_names(tables, table, record.body) for record in records.values()]
        if table != SETTINGS and entries:
            document[table] = entries
        elif entries and entries[0]:
            document[table] = entries[0]
    return document
