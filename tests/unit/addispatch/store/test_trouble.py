"""Errors of SQLite as it really raises them: no room, a broken disk, or something else."""

from __future__ import annotations

import errno
import sqlite3

import pytest
from limits import largest_file

from addispatch.store.trouble import Trouble, probe, trouble_of


@pytest.fixture
def database(tmp_path):
    connection = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t (x)")
    yield connection
    connection.close()


def failing(database, text="INSERT INTO t VALUES (zeroblob(100000))"):
    with pytest.raises(sqlite3.Error) as failed:
        database.execute(text)
    return failed.value


def test_a_full_disk(database, tmp_path):
    database.execute("PRAGMA max_page_count=3")
    assert trouble_of(failing(database), tmp_path) == (Trouble.NO_ROOM, "database or disk is full")


def test_a_limit_that_sqlite_calls_an_io_error(database, tmp_path):
    with largest_file(20_000):
        error = failing(database)
        assert str(error) == "disk I/O error"
        assert trouble_of(error, tmp_path) == (Trouble.NO_ROOM, "File too large")
    # The same error without that reason: the disk itself.
    assert trouble_of(error, tmp_path) == (Trouble.BROKEN, "disk I/O error (SQLITE_IOERR_WRITE)")
    # Room came back between the write and the probe.
    assert trouble_of(error, tmp_path, is_short=True) == (Trouble.NO_ROOM, "disk I/O error")


def test_a_file_that_may_not_be_written(database, tmp_path):
    database.execute("PRAGMA query_only=1")
    assert trouble_of(failing(database), tmp_path)[0] is Trouble.NO_ROOM


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SQLITE_IOERR_FSYNC", Trouble.BROKEN),
        ("SQLITE_IOERR_DIR_FSYNC", Trouble.BROKEN),
        ("SQLITE_IOERR_READ", Trouble.OTHER),
        ("SQLITE_BUSY", Trouble.OTHER),
        ("SQLITE_CORRUPT", Trouble.OTHER),
    ],
)
def test_other_errors(tmp_path, name, expected):
    error = sqlite3.OperationalError("x")
    error.sqlite_errorcode, error.sqlite_errorname = getattr(sqlite3, name), name
    assert trouble_of(error, tmp_path)[0] is expected


def test_a_failed_fsync_is_never_taken_for_a_full_disk(tmp_path):
    """It says "no space" too where space is given late (NFS, thin volumes), and leaves as little behind."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    with largest_file(100):
        assert trouble_of(error, tmp_path)[0] is Trouble.BROKEN
    assert trouble_of(error, tmp_path, is_short=True)[0] is Trouble.BROKEN


def test_an_error_without_a_code(tmp_path):
    assert trouble_of(sqlite3.OperationalError("odd"), tmp_path) == (Trouble.OTHER, "odd")


def test_the_probe_leaves_nothing(tmp_path):
    assert probe(tmp_path) == 0
    assert probe(tmp_path / "gone") == errno.ENOENT
    with largest_file(10_000):
        assert probe(tmp_path) == errno.EFBIG
    assert list(tmp_path.iterdir()) == []
