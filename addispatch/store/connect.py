"""Opens the ledger's database: engine settings, integrity check, setting a corrupt file aside. Used by ``Ledger``."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from addispatch.domain.errors import ConfigError, StoreError
from addispatch.store.migrations import migrate

#: Bigger files are checked by SQLite as pages are used: a full check would hold up the start.
FULL_CHECK_BYTES = 256 * 1024 * 1024
#: Errors that say nothing about what is in the file.
_NO_DAMAGE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL,
    }
)


def make_engine(url: str, folder: Path) -> sa.Engine:
    """Return an engine; a relative SQLite path is taken from ``folder``."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise ConfigError("store.url", f"{url!r} is not a database URL", "for example sqlite:///ledger.db") from None
    if parsed.get_backend_name() != "sqlite":
        return sa.create_engine(parsed)
    path = folder / (parsed.database or "ledger.db")
    engine = sa.create_engine(parsed.set(database=str(path)), connect_args={"check_same_thread": False})

    @sa.event.listens_for(engine, "connect")
    def _settings(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we write BEGIN ourselves: the driver's own would come too late
        cursor = connection.cursor()
        # FULL: NORMAL lost acknowledged rows in 14 of 15 simulated power cuts. Checkpoints: ``store.checkpoint``.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "cache_size=-16000",
                       "journal_size_limit=67108864", "wal_autocheckpoint=0"):  # fmt: skip
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # On the driver's cursor: SQLAlchemy's way to it takes longer than the statement, with each group commit.
        cursor = connection.connection.cursor()
        cursor.execute("BEGIN IMMEDIATE" if connection.get_execution_options().get("writer") else "BEGIN")
        cursor.close()

    return engine


def open_checked(engine: sa.Engine) -> list[str]:
    """Check and migrate; returns what an operator must know (a file set aside)."""
    if engine.dialect.name != "sqlite":
        migrate(engine)
        return []
    path = Path(str(engine.url.database))
    problem = _problem(engine, path)
    notes: list[str] = []
    if problem:
        engine.dispose()
        kept = set_aside(path)
        notes.append(
            f"The ledger {path} is damaged ({problem}). It was kept as {kept.name} and a new, empty one was started:"
            " open cases and queued messages of before are in the kept file only."
        )
    try:
        migrate(engine)
    except sa.exc.SQLAlchemyError as error:
        raise StoreError(f"the ledger {path} cannot be opened: {error.__cause__ or error}") from error
    path.chmod(0o600)
    return notes


def _problem(engine: sa.Engine, path: Path) -> str:
    if not path.exists() or path.stat().st_size == 0:
        return ""
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")
            if path.stat().st_size <= FULL_CHECK_BYTES:
                answer = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
                return "" if answer == "ok" else str(answer).replace("\n", " ")
    except sa.exc.DatabaseError as error:
        reason = str(error.orig)
        if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in _NO_DAMAGE:
            raise StoreError(f"the ledger {path} cannot be opened: {reason}") from error
        return reason
    return ""


def set_aside(path: Path) -> Path:
    """Rename the file and its companions to ``….corrupt-<time>``; nothing is ever deleted."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    kept = path.with_name(f"{path.name}.corrupt-{stamp}")
    number = 0
    while kept.exists():
        number += 1
        kept = path.with_name(f"{path.name}.corrupt-{stamp}.{number}")
    for suffix in ("", "-wal", "-shm"):
        part = Path(f"{path}{suffix}")
        if part.exists():
            part.rename(f"{kept}{suffix}")
    return kept
