"""Brings a ledger of an older version up to date, step by step, each in one transaction. Called by ``Ledger.open``."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from addispatch.domain.errors import StoreError
from addispatch.store import schema

Step = Callable[[sa.Connection], None]


def _escalation(connection: sa.Connection) -> None:
    """Version 2: when a case escalates next, and what a delivery is for."""
    connection.exec_driver_sql("ALTER TABLE cases ADD COLUMN next_at_ms BIGINT")
    connection.exec_driver_sql("ALTER TABLE deliveries ADD COLUMN kind SMALLINT DEFAULT 0 NOT NULL")
    # ``cases_due`` is made by the next step, on a column that is not there yet.
    next(index for index in schema.deliveries.indexes if index.name == "deliveries_asked").create(connection)


def _cluster(connection: sa.Connection) -> None:
    """Version 3: which of two nodes sends, and what the other one may lack."""
    connection.exec_driver_sql("ALTER TABLE cases ADD COLUMN mine SMALLINT DEFAULT 1 NOT NULL")
    connection.exec_driver_sql("ALTER TABLE cases ADD COLUMN unmirrored SMALLINT DEFAULT 0 NOT NULL")
    connection.exec_driver_sql("ALTER TABLE deliveries ADD COLUMN mine SMALLINT DEFAULT 1 NOT NULL")
    schema.aliases.create(connection)
    for table, name in (
        (schema.cases, "cases_due"),
        (schema.cases, "cases_unmirrored"),
        (schema.deliveries, "deliveries_due"),
    ):
        connection.exec_driver_sql(f"DROP INDEX IF EXISTS {name}")
        next(index for index in table.indexes if index.name == name).create(connection)


#: ``STEPS[n]`` changes a ledger of version n + 1 into one of version n + 2. An empty file gets everything at once.
STEPS: list[Step] = [_escalation, _cluster]


def migrate(engine: sa.Engine) -> int:
    """Apply the missing steps and return the version found; a ledger newer than this program is refused."""
    with engine.begin() as connection:
        found = _version(connection)
    if found > schema.VERSION:
        raise StoreError(f"the ledger has version {found}, this program knows {schema.VERSION}: use a newer addispatch")
    if found == 0:
        with engine.begin() as connection:
            schema.metadata.create_all(connection)
            _note(connection, schema.VERSION)
    for version in range(found or schema.VERSION, schema.VERSION):
        with engine.begin() as connection:
            STEPS[version - 1](connection)
            _note(connection, version + 1)
    return found


def _note(connection: sa.Connection, version: int) -> None:
    connection.execute(sa.delete(schema.meta).where(schema.meta.c.name == "version"))
    connection.execute(sa.insert(schema.meta).values(name="version", value=str(version)))


def _version(connection: sa.Connection) -> int:
    if not sa.inspect(connection).has_table("meta"):
        return 0
    value = connection.execute(sa.select(schema.meta.c.value).where(schema.meta.c.name == "version")).scalar()
    return int(value) if value is not None else 0
