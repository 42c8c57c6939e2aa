"""From any older version to this one, step by step; a newer one is refused."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from addispatch.domain.errors import StoreError
from addispatch.store import migrations, schema
from addispatch.store.migrations import migrate


@pytest.fixture
def engine(tmp_path):
    engine = sa.create_engine(f"sqlite:///{tmp_path}/ledger.db")
    yield engine
    engine.dispose()


def version(engine):
    with engine.connect() as connection:
        return connection.execute(sa.select(schema.meta.c.value).where(schema.meta.c.name == "version")).scalar()


def test_there_is_a_step_for_each_version():
    assert len(migrations.STEPS) == schema.VERSION - 1


def test_an_empty_file_gets_everything(engine):
    assert migrate(engine) == 0
    assert version(engine) == str(schema.VERSION)
    assert set(sa.inspect(engine).get_table_names()) == set(schema.metadata.tables)
    assert migrate(engine) == schema.VERSION, "and then there is nothing to do"


def test_a_ledger_of_version_1_gets_what_escalation_needs(engine):
    """Made with the statements of that version, as they were."""
    migrate(engine)
    with engine.begin() as connection:
        for index in ("cases_due", "deliveries_asked"):
            connection.exec_driver_sql(f"DROP INDEX {index}")
        connection.exec_driver_sql("ALTER TABLE cases DROP COLUMN next_at_ms")
        connection.exec_driver_sql("ALTER TABLE deliveries DROP COLUMN kind")
        connection.execute(sa.update(schema.meta).values(value="1"))
        connection.exec_driver_sql(
            "INSERT INTO deliveries VALUES (1, 1, 0, 0, 'a', 'A', 'sms', '+65', 'hot', '', 1, 1, 0, 0, 0, 0, 0, 5, NULL,"
            " 5, NULL, NULL, NULL, NULL, NULL)"
        )
    assert migrate(engine) == 1
    fresh = sa.create_engine("sqlite://")
    schema.metadata.create_all(fresh)
    for table in ("cases", "deliveries"):
        found, wanted = sa.inspect(engine), sa.inspect(fresh)
        assert {c["name"] for c in found.get_columns(table)} == {c["name"] for c in wanted.get_columns(table)}
        assert {i["name"] for i in found.get_indexes(table)} == {i["name"] for i in wanted.get_indexes(table)}
    with engine.connect() as connection:
        assert connection.execute(sa.select(schema.deliveries.c.kind)).scalar() == 0


def test_each_missing_step_is_applied_once_and_data_stays(engine, monkeypatch):
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(schema.marks).values(name="a", value=b"1"))
    done = []

    def step(name):
        def apply(connection):
            done.append(name)
            connection.exec_driver_sql(f"CREATE TABLE {name} (x INTEGER)")

        return apply

    monkeypatch.setattr(migrations, "STEPS", [*migrations.STEPS, step("two"), step("three")])
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 2)
    assert migrate(engine) == schema.VERSION - 2
    assert migrate(engine) == schema.VERSION
    assert done == ["two", "three"]
    with engine.connect() as connection:
        assert connection.execute(sa.select(schema.marks.c.value)).scalar() == b"1"


def test_a_step_that_fails_leaves_the_version_before_it(engine, monkeypatch):
    migrate(engine)

    def bad(_connection):
        raise ValueError("oops")

    monkeypatch.setattr(migrations, "STEPS", [*migrations.STEPS, bad])
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    with pytest.raises(ValueError, match="oops"):
        migrate(engine)
    assert version(engine) == str(schema.VERSION - 1)


def test_a_newer_ledger_is_refused(engine):
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(sa.update(schema.meta).values(value="999"))
    with pytest.raises(StoreError, match=r"version 999.*use a newer addispatch"):
        migrate(engine)
