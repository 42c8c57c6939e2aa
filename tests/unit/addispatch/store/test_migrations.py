"""From any older version to this one, step by step; a newer one is refused."""

from __future__ import annotations

import sqlite3

import pytest
import sqlalchemy as sa
from ledgers import open_ledger

from addispatch.domain.case import Case, Note
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
        for index in ("cases_due", "deliveries_asked", "cases_unmirrored", "deliveries_due"):
            connection.exec_driver_sql(f"DROP INDEX {index}")
        connection.exec_driver_sql("ALTER TABLE cases DROP COLUMN next_at_ms")
        connection.exec_driver_sql("ALTER TABLE deliveries DROP COLUMN kind")
        connection.exec_driver_sql("DROP TABLE aliases")
        for table, column in (("cases", "mine"), ("cases", "unmirrored"), ("deliveries", "mine")):
            connection.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN {column}")
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


#: A ledger as version 1 made it, with an alarm in the middle of being sent.
VERSION_1 = """
CREATE TABLE meta (name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name));
CREATE TABLE cases (seq INTEGER NOT NULL, id BLOB NOT NULL, alarm_id BLOB NOT NULL, audience_id TEXT NOT NULL,
 audience TEXT NOT NULL, source TEXT NOT NULL, topic TEXT NOT NULL, "key" TEXT, priority SMALLINT NOT NULL,
 text TEXT NOT NULL, opened_at_ms BIGINT NOT NULL, options TEXT NOT NULL, code TEXT, extra TEXT, state TEXT NOT NULL,
 reason TEXT, closed_at_ms BIGINT, close_at_ms BIGINT, PRIMARY KEY (seq));
CREATE TABLE deliveries (seq INTEGER NOT NULL, case_seq BIGINT NOT NULL, cycle SMALLINT NOT NULL,
 level INTEGER NOT NULL, recipient_id TEXT NOT NULL, recipient TEXT NOT NULL, channel TEXT NOT NULL,
 address TEXT NOT NULL, text TEXT NOT NULL, subject TEXT NOT NULL, class SMALLINT NOT NULL, turn SMALLINT NOT NULL,
 rung SMALLINT NOT NULL, fact SMALLINT NOT NULL, attempt SMALLINT NOT NULL, phase SMALLINT NOT NULL,
 repeat SMALLINT NOT NULL, due_at_ms BIGINT, expires_at_ms BIGINT, queued_at_ms BIGINT NOT NULL, sent_at_ms BIGINT,
 delivered_at_ms BIGINT, reference TEXT, carrier TEXT, error TEXT, PRIMARY KEY (seq));
CREATE TABLE alarms (id BLOB NOT NULL, at_ms BIGINT NOT NULL, cases TEXT NOT NULL, PRIMARY KEY (id)) WITHOUT ROWID;
CREATE TABLE events (seq INTEGER NOT NULL, at_ms BIGINT NOT NULL, severity SMALLINT NOT NULL, kind TEXT NOT NULL,
 text TEXT NOT NULL, case_seq BIGINT, data TEXT, PRIMARY KEY (seq));
CREATE TABLE received (seq INTEGER NOT NULL, reference TEXT NOT NULL, channel TEXT NOT NULL, sender TEXT NOT NULL,
 text TEXT NOT NULL, received_at_ms BIGINT NOT NULL, carrier TEXT NOT NULL, PRIMARY KEY (seq), UNIQUE (reference));
CREATE TABLE intake (slot INTEGER NOT NULL, at_ms BIGINT NOT NULL, path TEXT NOT NULL, fingerprint BLOB NOT NULL,
 PRIMARY KEY (slot));
CREATE TABLE marks (name TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (name)) WITHOUT ROWID;
INSERT INTO meta VALUES ('version', '1');
INSERT INTO cases VALUES (1, x'0190b0f2111152228333444455556666', x'0190b0f2111172228333444455556666', 'ops', 'Ops',
 'mqtt', '', NULL, 1, 'hot', 1000, '{"policy":"{}","ack_required":false}', 'A123', '{"codes":["A123"]}', 'open', NULL,
 NULL, 99000);
INSERT INTO deliveries VALUES (1, 1, 0, 0, 'adam', 'Adam', 'log', 'Adam', 'hot', '', 1, 1, 0, 0, 0, 0, 0, 1000, NULL,
 1000, NULL, NULL, NULL, NULL, NULL);
"""


async def test_the_cases_of_an_older_version_live_on(tmp_path):
    """Opened, claimed, acknowledged by this version, as far as it has columns for it."""
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.executescript(VERSION_1)
    connection.close()
    async with open_ledger(tmp_path) as ledger:
        entry = await ledger.submit(lambda tx: tx.entry(1))
        assert (entry.code, entry.next_at_ms, entry.state[0]) == ("A123", None, "open")
        assert entry.case.head.needs_ack
        (claim,) = await ledger.submit(lambda tx: tx.claim_due("log", 9, 2000))
        assert (claim.text, claim.kind, claim.queued_at_ms) == ("hot", 0, 1000)
        ack = Case(id=entry.case.id, acks=frozenset({Note(5, "adam", "sms", "on my way", "Adam")}))
        assert await ledger.submit(lambda tx: tx.join(tx.entry(1), ack, 2000))


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
