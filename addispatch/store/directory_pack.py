"""The whole directory as one packed value, for the other node of a pair. Pure; used by ``store.directory_book``.

Its hash is taken over a canonical form, so that equal content has an equal hash on both nodes: the order of rows counts
for routes alone, which are tried in it. The packing itself keeps the order users see.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from addispatch.domain.errors import StoreError
from addispatch.store.directory_fields import folded
from addispatch.store.directory_models import LINK_KEY, MODELS, SETTINGS, STORED
from addispatch.store.directory_records import Body, Document, Tables
from addispatch.store.directory_repair import read_rows, to_row

#: Of the packing; another one is refused.
FORMAT = 1
#: Largest size packed, and unpacked.
MAX_BYTES, MAX_PLAIN_BYTES = 16 * 1024 * 1024, 128 * 1024 * 1024
#: Most differences shown.
MAX_LINES = 200

#: The tables whose rows have an order that means something.
_ORDERED = frozenset({"route"})


@dataclass(frozen=True, slots=True)
class Packed:
    """``sha``: SHA-256 of the canonical form, hexadecimal. ``is_empty``: there is no entry anybody made.

    ``problem``: why the other node cannot have it, for it is too large; ``blob`` is empty then.
    """

    sha: str
    blob: bytes = field(repr=False)
    is_empty: bool
    problem: str = ""


def pack(tables: Tables) -> Packed:
    """Pack all stored tables: ids, marks and link keys included."""
    rows = {table: [_encoded(to_row(record)) for record in tables[table].values()] for table in STORED}
    content = b",".join(b'"%s":[%s]' % (table.encode(), b",".join(each)) for table, each in rows.items())
    plain = b'{"format":%d,"tables":{%s}}' % (FORMAT, content)
    blob, problem = zlib.compress(plain), ""
    for size, most, how in ((len(plain), MAX_PLAIN_BYTES, "unpacked"), (len(blob), MAX_BYTES, "packed")):
        if size > most:
            blob, problem = b"", f"too large for two nodes: {size} bytes {how}, at most {most} are copied"
    return Packed(_sha(rows), blob, not any(rows[table] for table in MODELS), problem)


def unpack(blob: bytes, sha: str) -> Tables:
    """Return the tables. Raises ``StoreError`` if it is not what ``sha`` says, or not for this version to read."""
    plain = _inflated(blob)
    try:
        # As it was written: orjson reads a number beyond 64 bits as another one.
        document = json.loads(plain)
    except (ValueError, RecursionError):
        raise StoreError("it is damaged: no JSON") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else None
        raise StoreError(f"it has the format {str(found)[:20]}, this version reads {FORMAT}: bring both to one version")
    rows = document.get("tables")
    if not isinstance(rows, dict) or not all(isinstance(each, list) for each in rows.values()):
        raise StoreError("it is damaged: no tables")
    try:
        found = _sha({table: [_encoded(row) for row in each] for table, each in rows.items()})
    except UnicodeEncodeError:
        raise StoreError("it is damaged: no text") from None
    if found != sha:
        raise StoreError(f"its content is not what was announced: hash {found[:12]}, announced {sha[:12]}")
    if unknown := sorted(rows.keys() - STORED.keys()):
        raise StoreError(f"this version knows no table {unknown[0][:40]!r}: bring both nodes to one version")
    tables, notes, _ = read_rows(rows)
    if notes:
        raise StoreError(f"{notes[0]}: bring both nodes to one version")
    if not tables[LINK_KEY]:
        raise StoreError("it is damaged: no key that signs acknowledge links")
    return tables


def differences(here: Document, there: Document) -> list[str]:
    """Say for people how two directories differ, a line per entry: ``group 'Night': only here``.

    Both in the shape of ``directory.toml``; entries are found by name. At most ``MAX_LINES``, then how many more.
    """
    lines = [line for table in MODELS for line in _differing(table, _by_name(here, table), _by_name(there, table))]
    routes, others = list(_by_name(here, "route")), list(_by_name(there, "route"))
    if [n for n in routes if n in set(others)] != [n for n in others if n in set(routes)]:
        lines.append("routes: tried in another order")
    return [*lines[:MAX_LINES], f"and {len(lines) - MAX_LINES} more"] if len(lines) > MAX_LINES else lines


def _by_name(document: Document, table: str) -> dict[str, tuple[str, Body]]:
    entries = document.get(table, [])
    if table == SETTINGS:
        return {SETTINGS: (SETTINGS, entries)} if entries else {}
    return {folded(entry["name"]): (entry["name"], entry) for entry in entries}


def _differing(
    table: str, here: Mapping[str, tuple[str, Body]], there: Mapping[str, tuple[str, Body]]
) -> Iterator[str]:
    for key in dict.fromkeys([*here, *there]):
        name, _ = here.get(key) or there[key]
        what = "the settings" if table == SETTINGS else f"{table} {name!r}"
        if key not in there:
            yield f"{what}: only here"
        elif key not in here:
            yield f"{what}: only there"
        elif here[key] != there[key]:
            yield f"{what}: differs"


def _sha(rows: Mapping[str, list[bytes]]) -> str:
    """Hash what is there; an empty table is as good as none, which an older version may not have."""
    hashed = hashlib.sha256()
    for table in sorted(table for table in rows if rows[table]):
        hashed.update(_encoded(table))
        for row in rows[table] if table in _ORDERED else sorted(rows[table]):
            hashed.update(b"\n" + row)
    return hashed.hexdigest()


def _encoded(value: Any) -> bytes:
    # Not orjson: how it writes numbers may change, and with it the hash. Row by row: one call would stop the loop, too.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _inflated(blob: bytes) -> bytes:
    if len(blob) > MAX_BYTES:
        raise StoreError(f"it is larger than {MAX_BYTES} bytes")
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(blob, MAX_PLAIN_BYTES)
    except zlib.error:
        raise StoreError("it is damaged: cannot be unpacked") from None
    if inflater.unconsumed_tail:
        raise StoreError(f"it is larger than {MAX_PLAIN_BYTES} bytes unpacked")
    if not inflater.eof:
        raise StoreError("it is damaged: cut off")
    return plain
