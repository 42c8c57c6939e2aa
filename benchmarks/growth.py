"""Fills a ledger with finished cases by copying the few that are in it. Used by ``pipeline``."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: Columns that hold a row's own number or a case's, moved on with each copy; and ids, drawn anew.
NUMBERS, IDS = {"seq": "{table}", "case_seq": "cases"}, {"id", "alarm_id"}


def multiply(ledger: Path, cases_count: int) -> int:
    """Copy cases, deliveries and events until there are about ``cases_count`` cases; returns how many there are."""
    database = sqlite3.connect(ledger)
    database.execute("PRAGMA synchronous=OFF")
    tables = ("cases", "deliveries", "events")
    with database:
        while (found := _count(database, "cases")) < cases_count:
            step = {table: _count(database, table, "max(seq)") for table in tables}
            most = cases_count - found
            for table in tables:
                names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
                values = [_value(name, table, step) for name in names]
                limit = f"WHERE {'seq' if table == 'cases' else 'case_seq'} <= {most}"
                quoted = ", ".join(f'"{name}"' for name in names)
                database.execute(f"INSERT INTO {table} ({quoted}) SELECT {', '.join(values)} FROM {table} {limit}")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return found


def _value(name: str, table: str, step: dict[str, int]) -> str:
    if name in NUMBERS:
        return f'"{name}" + {step[NUMBERS[name].format(table=table)]}'
    return "randomblob(16)" if name in IDS else f'"{name}"'


def _count(database: sqlite3.Connection, table: str, what: str = "count(*)") -> int:
    return int(database.execute(f"SELECT coalesce({what}, 0) FROM {table}").fetchone()[0])
