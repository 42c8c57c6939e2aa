"""The hot statements, compiled once, on SQLite's positions and on named parameters alike."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from addispatch.store import schema
from addispatch.store.sql import CASE_COLUMNS, DELIVERY_COLUMNS, Insert, Statement, Statements


@pytest.fixture
def connection():
    engine = sa.create_engine("sqlite://")
    schema.metadata.create_all(engine)
    with engine.connect() as connection:
        yield connection


@pytest.mark.parametrize("paramstyle", ["qmark", "named"])
def test_run_and_read(connection, paramstyle):
    dialect = sqlite.dialect(paramstyle=paramstyle)
    put = Statement(sa.text("INSERT INTO meta (name, value) VALUES (:name, :value)"), dialect)
    get = Statement(sa.text("SELECT value FROM meta WHERE name >= :name ORDER BY name"), dialect)
    assert put.names == ("name", "value")
    put.run(connection, [("a", "1"), ("b", "2")])
    assert get.read(connection, "a") == [("1",), ("2",)]
    assert get.read(connection, "b") == [("2",)]


@pytest.mark.parametrize("paramstyle", ["qmark", "named"])
@pytest.mark.parametrize("count", [0, 1, Insert.TOGETHER - 1, Insert.TOGETHER, Insert.TOGETHER + 1, 100])
def test_many_rows_are_inserted_whole_and_in_order(connection, paramstyle, count):
    insert = Insert(schema.meta, sqlite.dialect(paramstyle=paramstyle))
    rows = [(f"{number:03}", f"value {number}") for number in range(count)]
    insert.run(connection, rows)
    assert connection.execute(sa.text("SELECT name, value FROM meta ORDER BY rowid")).all() == rows


def test_rows_that_cannot_be_inserted_are_told(connection):
    rows = [(f"{number % 50:03}", "") for number in range(3 * Insert.TOGETHER)]
    with pytest.raises(connection.dialect.loaded_dbapi.IntegrityError):
        Insert(schema.meta, connection.dialect).run(connection, rows)


def test_inserts_name_every_column_in_the_order_of_the_table():
    statements = Statements(sqlite.dialect())
    assert statements.insert_case.names == CASE_COLUMNS
    assert statements.insert_delivery.names == tuple(c.name for c in schema.deliveries.columns)
    assert set(DELIVERY_COLUMNS) < set(statements.insert_delivery.names)


def test_all_statements_are_good_sql(connection):
    statements = Statements(connection.dialect)
    found = {name: one for name, one in vars(statements).items() if isinstance(one, Statement)}
    assert {"insert_case", "insert_delivery", "put_intake"} <= found.keys()
    for name, statement in found.items():
        try:
            connection.exec_driver_sql(f"EXPLAIN {statement.text}", tuple(None for _ in statement.names))
        except sa.exc.SQLAlchemyError as error:
            pytest.fail(f"{name}: {error}")


def test_they_compile_for_postgresql_too():
    statements = Statements(postgresql.dialect(paramstyle="pyformat"))
    assert "%(slot)s" in statements.put_intake.text


def test_what_is_due_and_when_the_next_is_are_looked_up_in_an_index(connection):
    statements = Statements(connection.dialect)
    for statement, values in ((statements.due, ("log", 1, 1, 10, 10)), (statements.heads, ("log",))):
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement.text}", values).all()
        steps = [row[3] for row in plan]
        assert any("deliveries_due" in step for step in steps), steps
        assert not any(step.startswith("SCAN d") for step in steps), steps
