"""Migrations: an empty file becomes a ledger of this version; every older version has a way up."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from addispatch.domain.errors import StoreError
from addispatch.store import migrations, schema
from addispatch.store.migrations import STEPS, migrate


@pytest.fixture
def engine():
    made = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    yield made
    made.dispose()


def version(engine):
    with engine.connect() as connection:
        return connection.execute(sa.select(schema.meta.c.value).where(schema.meta.c.name == "version")).scalar()


def test_there_is_a_step_from_every_version():
    assert len(STEPS) == schema.VERSION


def test_an_empty_database_gets_all_tables(engine):
    assert migrate(engine) == 0
    assert set(sa.inspect(engine).get_table_names()) == set(schema.metadata.tables)
    assert version(engine) == str(schema.VERSION)


def test_migrating_again_changes_nothing(engine):
    migrate(engine)
    assert migrate(engine) == schema.VERSION


def test_steps_run_in_order_from_the_version_found(engine, monkeypatch):
    migrate(engine)
    done = []
    later = [lambda _c: done.append("a"), lambda _c: done.append("b")]
    monkeypatch.setattr(migrations, "STEPS", [*STEPS, *later])
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 2)
    assert migrate(engine) == schema.VERSION - 2
    assert done == ["a", "b"]
    assert version(engine) == str(schema.VERSION)


def test_a_step_that_fails_leaves_the_version_before_it(engine, monkeypatch):
    migrate(engine)

    def broken(connection):
        connection.execute(sa.text("CREATE TABLE half (x INTEGER)"))
        raise RuntimeError("power cut")

    monkeypatch.setattr(migrations, "STEPS", [*STEPS, broken])
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    with pytest.raises(RuntimeError):
        migrate(engine)
    assert version(engine) == str(schema.VERSION - 1)


def test_a_newer_ledger_is_refused(engine, monkeypatch):
    migrate(engine)
    monkeypatch.setattr(schema, "VERSION", 0)
    with pytest.raises(StoreError, match="use a newer addispatch"):
        migrate(engine)
