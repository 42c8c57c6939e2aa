"""The write-ahead log is moved when it has grown, and an fsync that fails there is not swallowed."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
import sqlalchemy as sa
from ledgers import new_delivery, open_case, open_ledger

from addispatch.store.checkpoint import Checkpoints
from addispatch.store.connect import make_engine, open_checked


@pytest.fixture
def engine(tmp_path):
    engine = make_engine("sqlite:///ledger.db", tmp_path)
    open_checked(engine)
    yield engine
    engine.dispose()


def write(connection, pages):
    with connection.begin():
        connection.exec_driver_sql("INSERT INTO marks VALUES (hex(randomblob(8)), zeroblob(?))", (pages * 4096,))


def test_it_is_due_when_the_log_has_grown_and_again_when_it_has_grown_anew(engine, tmp_path):
    checkpoints = Checkpoints(engine, 50)
    with engine.connect() as connection:
        for _turn in range(3):
            write(connection, 10)
            assert not checkpoints.is_due()
            write(connection, 60)
            assert checkpoints.is_due()
            checkpoints.run(connection)
        size = (tmp_path / "ledger.db-wal").stat().st_size
        assert size < 200 * 4096  # overwritten, not appended to
    checkpoints.close()


def test_a_reader_holds_it_up_and_harms_nothing(engine):
    checkpoints = Checkpoints(engine, 20)
    with engine.connect() as connection, engine.connect() as reader, reader.begin():
        reader.exec_driver_sql("SELECT count(*) FROM marks").scalar()
        write(connection, 30)
        checkpoints.run(connection)
        write(connection, 30)
        assert checkpoints.is_due()
        checkpoints.run(connection)
        assert reader.exec_driver_sql("SELECT count(*) FROM marks").scalar() == 0
    checkpoints.close()


def test_a_log_that_cannot_be_read_is_left_to_sqlite(tmp_path):
    checkpoints = Checkpoints(sa.create_engine(f"sqlite:///{tmp_path}/none.db"))
    assert checkpoints.is_due()
    assert not Checkpoints(sa.create_engine("sqlite://")).is_due()


async def test_the_ledger_moves_its_log(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        ledger._checkpoints = Checkpoints(ledger.engine, 100)
        for number in range(200):
            await open_case(ledger, new_delivery(), number=number)
        assert (tmp_path / "ledger.db-wal").stat().st_size < 300 * 4096
        assert (tmp_path / "ledger.db").stat().st_size > 100_000


WRITER = """
import asyncio, os, sys
sys.path[:0] = {paths!r}
from pathlib import Path
from ledgers import new_delivery, open_case, open_ledger
from addispatch.store.checkpoint import Checkpoints

async def main():
    async with open_ledger(Path({folder!r})) as ledger:
        ledger._checkpoints = Checkpoints(ledger.engine, 30)
        ledger.on_broken = lambda problem: (print(problem, file=sys.stderr), os._exit(74))
        for number in range(100):
            case = await open_case(ledger, new_delivery(), number=number)
            print(case.id, flush=True)

asyncio.run(main())
"""


@pytest.mark.debian
def test_an_fsync_that_fails_there_ends_the_process(tmp_path):
    """SQLite's own checkpoints say nothing, try again and begin the log anew."""

    async def opened():
        async with open_ledger(tmp_path) as ledger:
            return await ledger.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM cases").scalar())

    assert asyncio.run(opened()) == 0
    code = WRITER.format(paths=sys.path, folder=str(tmp_path))
    result = subprocess.run(
        ["strace", "-f", "-o", "/dev/null", "-P", str(tmp_path / "ledger.db"), "-e", "trace=fsync,fdatasync",
         "-e", "inject=fsync,fdatasync:error=EIO", sys.executable, "-c", code],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 74, result.stderr
    assert "cannot be written: disk I/O error (SQLITE_IOERR_FSYNC)" in result.stderr
    answered = result.stdout.split()
    assert 2 < len(answered) < 100
    assert asyncio.run(opened()) in (len(answered), len(answered) + 1)
