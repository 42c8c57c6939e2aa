"""Brings a ledger of an older version up to date, step by step, each in one transaction. Called by ``Ledger.open``."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from addispatch.domain.errors import StoreError
from addispatch.store import schema

Step = Callable[[sa.Connection], None]

#: ``STEPS[n]`` changes a ledger of version n into one of version n + 1. Version 0 is an empty file.
STEPS: list[Step] = [schema.metadata.create_all]


def migrate(engine: sa.Engine) -> int:
    """Apply the missing steps and return the version found; a ledger newer than this program is refused."""
    with engine.begin() as connection:
        found = _version(connection)
    if found > schema.VERSION:
        raise StoreError(f"the ledger has version {found}, this program knows {schema.VERSION}: use a newer addispatch")
    for version in range(found, schema.VERSION):
        with engine.begin() as connection:
            STEPS[version](connection)
            connection.execute(sa.delete(schema.meta).where(schema.meta.c.name == "version"))
            connection.execute(sa.insert(schema.meta).values(name="version", value=str(version + 1)))
    return found


def _version(connection: sa.Connection) -> int:
    if not sa.inspect(connection).has_table("meta"):
        return 0
    value = connection.execute(sa.select(schema.meta.c.value).where(schema.meta.c.name == "version")).scalar()
    return int(value) if value is not None else 0
