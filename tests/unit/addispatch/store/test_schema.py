"""The tables can be made anywhere, and each partial index is one the queries use."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from addispatch.store import schema


def test_it_can_be_created_on_sqlite_and_written_for_postgresql():
    schema.metadata.create_all(sa.create_engine("sqlite://"))
    for table in schema.metadata.sorted_tables:
        assert str(sa.schema.CreateTable(table).compile(dialect=postgresql.dialect()))


def test_rows_are_numbered_by_us_so_that_a_number_is_never_used_again():
    for table in (schema.cases, schema.deliveries, schema.events, schema.received):
        assert table.c.seq.primary_key
        assert table.c.seq.autoincrement is False


def test_nothing_scans_a_table_of_a_million_rows():
    engine = sa.create_engine("sqlite://")
    schema.metadata.create_all(engine)
    questions = (
        "SELECT seq FROM cases WHERE key='k' AND source='s' AND state <> 'closed' AND key IS NOT NULL",
        "SELECT seq FROM cases WHERE code='A123' AND code IS NOT NULL LIMIT 1",
        "SELECT seq FROM cases WHERE close_at_ms <= 5 AND close_at_ms IS NOT NULL AND state <> 'closed'",
        "SELECT state, count(*) FROM cases WHERE state <> 'closed' GROUP BY state",
        "SELECT seq FROM deliveries WHERE case_seq=5",
        "SELECT seq FROM deliveries WHERE expires_at_ms <= 5 AND expires_at_ms IS NOT NULL AND fact = 0 AND phase = 0",
        "SELECT cases FROM alarms WHERE id=x'00'",
        "SELECT seq FROM received WHERE reference='r'",
        "SELECT value FROM marks WHERE name='a'",
    )
    with engine.connect() as connection:
        for question in questions:
            steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {question}")]
            scans = [s for s in steps if s.startswith("SCAN") and "USING" not in s]
            assert not scans, (question, steps)
