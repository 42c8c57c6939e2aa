"""The keys that sign acknowledge links: made, rotated, and given to the snapshot. Used by ``store.directory_book``.

They are a table of the directory, so that they replicate with it and either node verifies what the other one signed.
Two are kept: the newest signs, the one before it still verifies the links that are out.
"""

from __future__ import annotations

import secrets
import uuid

from addispatch.store.directory_models import LINK_KEY
from addispatch.store.directory_records import Record, Tables

#: Length of a key, in bytes: that of the hash it is for (RFC 2104, section 3).
KEY_BYTES = 32
#: How many keys verify.
KEPT_COUNT = 2


def with_new_key(tables: Tables) -> Tables:
    """Return the tables with a new key that signs; of the older ones the newest is kept."""
    older = _newest_first(tables)[: KEPT_COUNT - 1]
    serial = older[0].body["serial"] + 1 if older else 1
    ident = uuid.uuid4().hex
    body = {"name": ident, "serial": serial, "secret": secrets.token_bytes(KEY_BYTES).hex()}
    return {**tables, LINK_KEY: {record.id: record for record in (Record(ident, body), *older)}}


def secrets_of(tables: Tables) -> tuple[bytes, ...]:
    """Return the keys, the one that signs first."""
    return tuple(bytes.fromhex(record.body["secret"]) for record in _newest_first(tables))


def _newest_first(tables: Tables) -> list[Record]:
    # By serial and id: two copies of the table that hold the same keys sign with the same one.
    return sorted(tables[LINK_KEY].values(), key=lambda record: (record.body["serial"], record.id), reverse=True)
