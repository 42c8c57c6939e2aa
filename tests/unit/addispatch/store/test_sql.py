"""The hot statements, compiled once, on SQLite's positions and on named parameters alike."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from addispatch.store import schema
from addispatch.store.sql import CASE_COLUMNS, DELIVERY_COLUMNS, Change, Insert, Statement, Statements


@pytest.fixture
def connection():
    engine = sa.create_engine("sqlite://")
    schema.metadata.create_all(engine)
    with engine.connect() as connection:
        yield connection


@pytest.fixture
def cursor(connection):
    return connection.connection.cursor()


@pytest.mark.parametrize("paramstyle", ["qmark", "named"])
def test_run_and_read(connection, cursor, paramstyle):
    dialect = sqlite.dialect(paramstyle=paramstyle)
    put = Statement(sa.text("INSERT INTO meta (name, value) VALUES (:name, :value)"), dialect)
    get = Statement(sa.text("SELECT value FROM meta WHERE name >= :name ORDER BY name"), dialect)
    assert put.names == ("name", "value")
    put.run(cursor, [("a", "1"), ("b", "2")])
    assert get.read(cursor, "a") == [("1",), ("2",)]
    assert get.read(cursor, "b") == [("2",)]


@pytest.mark.parametrize("paramstyle", ["qmark", "named"])
@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 31, 32, 33, 100])
def test_many_rows_are_inserted_whole_and_in_order(connection, cursor, paramstyle, count):
    insert = Insert(sa.insert(schema.meta), sqlite.dialect(paramstyle=paramstyle))
    rows = [(f"{number:03}", f"value {number}") for number in range(count)]
    insert.run(cursor, rows)
    assert connection.execute(sa.text("SELECT name, value FROM meta ORDER BY rowid")).all() == rows


def test_rows_that_cannot_be_inserted_are_told(connection, cursor):
    rows = [(f"{number % 50:03}", "") for number in range(100)]
    with pytest.raises(connection.dialect.loaded_dbapi.IntegrityError):
        Insert(sa.insert(schema.meta), connection.dialect).run(cursor, rows)


@pytest.mark.parametrize("paramstyle", ["qmark", "named"])
def test_many_rows_of_a_ring_replace_what_was_there(connection, cursor, paramstyle):
    put = Statements(sqlite.dialect(paramstyle=paramstyle)).put_intake
    put.run(cursor, [(slot, 1, "old", b"") for slot in range(50)])
    put.run(cursor, [(slot % 40, slot, "new", b"") for slot in range(90)])
    table = schema.intake.c
    found = connection.execute(sa.select(table.slot, table.at_ms, table.path).order_by(table.slot)).all()
    assert found == [(slot, slot + 80 if slot < 10 else slot + 40, "new") for slot in range(40)] + [
        (slot, 1, "old") for slot in range(40, 50)
    ]


@pytest.mark.parametrize("paramstyle", ["qmark", "named"])
def test_changes_count_in_their_order_however_many_share_an_execution(connection, cursor, paramstyle):
    connection.exec_driver_sql("CREATE TABLE t (seq INTEGER PRIMARY KEY, at INTEGER, name TEXT)")
    Insert(sa.text("INSERT INTO t VALUES (:seq, 0, '')"), connection.dialect).run(cursor, [(n,) for n in range(60)])
    change = Change("UPDATE t SET at=:at, name=:name", sqlite.dialect(paramstyle=paramstyle))
    rows = [(1, "a", seq) for seq in range(37)] + [(2, "b", 3), (2, "b", 59), (3, "c", 3)]
    rows += [(4, "d", seq) for seq in range(20, 24)]
    change.run(cursor, rows)
    expected = dict.fromkeys(range(60), (0, "")) | {row[-1]: row[:-1] for row in rows}
    found = connection.exec_driver_sql("SELECT seq, at, name FROM t").all()
    assert {seq: tuple(values) for seq, *values in found} == expected


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
    for statement, values in (
        (statements.due, ("log", 1, 1, 10, 10)),
        (statements.next_head, ("log", -1, 0)),
    ):
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement.text}", values).all()
        steps = [row[3] for row in plan]
        assert any("deliveries_due" in step for step in steps), steps
        assert not any(step.startswith("SCAN d") for step in steps), steps
