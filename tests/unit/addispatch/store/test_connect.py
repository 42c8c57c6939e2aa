"""Opening the database: good settings, a good reason when it cannot be opened, and nothing ever deleted."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess

import pytest
import sqlalchemy as sa

from addispatch.domain.errors import ConfigError, StoreError
from addispatch.store.connect import make_engine, open_checked, set_aside


def test_a_relative_file_is_in_the_folder_and_private(tmp_path):
    engine = make_engine("sqlite:///ledger.db", tmp_path)
    assert open_checked(engine) == []
    assert (tmp_path / "ledger.db").stat().st_mode & 0o777 == 0o600
    engine.dispose()


def test_an_absolute_file_is_where_it_says(tmp_path):
    engine = make_engine(f"sqlite:///{tmp_path}/elsewhere.db", tmp_path / "other")
    open_checked(engine)
    assert (tmp_path / "elsewhere.db").exists()
    engine.dispose()


def test_what_is_no_url_is_named():
    with pytest.raises(ConfigError, match=r"store.url: 'nonsense' is not a database URL"):
        make_engine("nonsense", None)


def test_every_connection_has_the_settings_that_durability_rests_on(tmp_path):
    engine = make_engine("sqlite:///ledger.db", tmp_path)
    open_checked(engine)
    with engine.connect() as one, engine.connect() as other:
        for connection in (one, other):
            settings = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "busy_timeout")
            }
            assert settings == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 10000}
    engine.dispose()


def test_a_writer_takes_its_lock_at_the_beginning(tmp_path):
    """Or two readers that both want to write would fail at the end of their transactions."""
    engine = make_engine("sqlite:///ledger.db", tmp_path)
    open_checked(engine)
    begun: list[str] = []
    with engine.connect().execution_options(writer=True) as connection:
        connection.connection.driver_connection.set_trace_callback(begun.append)
        with connection.begin():
            pass
        connection.connection.driver_connection.set_trace_callback(None)
    with engine.connect() as connection:
        connection.connection.driver_connection.set_trace_callback(begun.append)
        with connection.begin():
            connection.exec_driver_sql("SELECT 1")
    assert [text for text in begun if text.startswith("BEGIN")] == ["BEGIN IMMEDIATE", "BEGIN"]
    engine.dispose()


def test_a_file_that_is_no_database_is_set_aside(tmp_path):
    path = tmp_path / "ledger.db"
    path.write_bytes(b"rubbish" * 1000)
    engine = make_engine("sqlite:///ledger.db", tmp_path)
    (note,) = open_checked(engine)
    assert "is damaged (file is not a database)" in note
    (kept,) = tmp_path.glob("ledger.db.corrupt-*")
    assert kept.name in note
    assert kept.read_bytes() == b"rubbish" * 1000
    engine.dispose()


def test_an_empty_file_is_a_new_ledger(tmp_path):
    (tmp_path / "ledger.db").touch()
    engine = make_engine("sqlite:///ledger.db", tmp_path)
    assert open_checked(engine) == []
    engine.dispose()


def test_set_aside_takes_the_companions_along_and_overwrites_nothing(tmp_path):
    path = tmp_path / "ledger.db"
    kept = []
    for turn in range(3):
        for suffix in ("", "-wal", "-shm"):
            (tmp_path / f"ledger.db{suffix}").write_text(f"{turn}{suffix}")
        kept.append(set_aside(path))
    assert len(set(kept)) == 3
    for turn, found in enumerate(kept):
        assert [(found.parent / f"{found.name}{s}").read_text() for s in ("", "-wal", "-shm")] == [
            f"{turn}", f"{turn}-wal", f"{turn}-shm",
        ]  # fmt: skip
    assert not path.exists()


@pytest.mark.parametrize("obstacle", ["folder", "locked"])
def test_what_is_no_damage_is_not_taken_for_it(tmp_path, obstacle):
    path = tmp_path / "ledger.db"
    engine = make_engine("sqlite:///ledger.db", tmp_path)
    if obstacle == "folder":
        path.mkdir()
        with pytest.raises(StoreError, match="cannot be opened"):
            open_checked(engine)
    else:
        open_checked(engine)
        engine.dispose()
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        sa.event.listen(engine, "connect", lambda c, _r: c.execute("PRAGMA busy_timeout=10"))
        with pytest.raises(StoreError, match="locked"):
            open_checked(engine)
        other.close()
    assert list(tmp_path.glob("*.corrupt-*")) == []
    engine.dispose()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a tmpfs")
def test_a_ledger_on_a_full_disk_is_not_set_aside(tmp_path):
    """There is no room for SQLite's shared memory then, which it calls a disk I/O error."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", tmp_path], check=False)
    if mounted.returncode:
        pytest.skip("may not mount")
    engine = make_engine("sqlite:///ledger.db", tmp_path)
    try:
        open_checked(engine)
        engine.dispose()
        with (tmp_path / "others").open("wb", buffering=0) as others, contextlib.suppress(OSError):
            while others.write(bytes(4096)) == 4096:
                pass
        with pytest.raises(StoreError, match="cannot be opened"):
            open_checked(engine)
        assert list(tmp_path.glob("*.corrupt-*")) == []
        (tmp_path / "others").unlink()
        assert open_checked(engine) == []
    finally:
        engine.dispose()
        subprocess.run(["umount", "-l", tmp_path], check=True)
