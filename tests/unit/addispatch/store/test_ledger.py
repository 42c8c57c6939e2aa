"""The ledger: durable before the future resolves, one unit's failure is its own, nothing lost at a crash."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading

import pytest
import sqlalchemy as sa
from ledgers import new_case, new_delivery, now_ms, open_case, open_ledger
from pipelines import until

from addispatch.domain.errors import Refused, StoreError
from addispatch.domain.events import Said
from addispatch.store import ledger as ledger_module
from addispatch.store import schema
from addispatch.store.ledger import Turn


def rows(folder, sql):
    with sqlite3.connect(folder / "ledger.db") as connection:
        return connection.execute(sql).fetchall()


async def test_a_resolved_future_is_on_disk(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, new_delivery())
        assert rows(tmp_path, "SELECT text, state FROM cases") == [("hot", "open")]


async def test_units_that_wait_together_are_committed_together(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        commits = []
        ledger.on_commit = lambda _s, units, _sources: commits.append(units)
        cases = [new_case([new_delivery()], number) for number in range(500)]
        await asyncio.gather(*(ledger.submit(lambda tx, c=c: tx.open_case(c, None, [], now_ms())) for c in cases))
        await until(lambda: sum(commits) == 500)
        assert len(commits) < 20
        assert rows(tmp_path, "SELECT count(*) FROM cases") == [(500,)]


async def test_a_failing_unit_does_not_undo_its_neighbours(tmp_path):
    def bad(tx):
        tx.event(now_ms(), Said("must not stay"))
        raise Refused("x", "is bad")

    async with open_ledger(tmp_path) as ledger:
        futures = [ledger.submit(lambda tx, n=n: tx.event(now_ms(), Said(f"event {n}"))) for n in range(3)]
        failing = ledger.submit(bad)
        await asyncio.gather(*futures)
        with pytest.raises(Refused, match="x: is bad"):
            await failing
        assert [text for (text,) in rows(tmp_path, "SELECT text FROM events")] == ["event 0", "event 1", "event 2"]


async def test_events_are_told_after_the_commit_with_their_case(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        told = []
        ledger.on_events = told.extend
        case = new_case([new_delivery()])
        await ledger.submit(lambda tx: tx.event(now_ms(), Said("opened"), tx.open_case(case, None, [], now_ms())))
        await until(lambda: told)
        assert [(event[4], event[5]) for event in told] == [("opened", case.id)]


async def test_claims_hear_first_then_the_others_in_their_order_then_everybody_else(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        heard = []
        ledger.on_events = lambda told: heard.append(told[0][4])
        gate = threading.Event()
        ledger.submit(lambda tx: gate.wait(10))  # meanwhile the others gather for one transaction
        futures = {name: ledger.submit(lambda tx: None, turn) for name, turn in (
            ("one", Turn.INTAKE), ("claim", Turn.LAST), ("outcome", Turn.FIRST), ("two", Turn.INTAKE),
        )}  # fmt: skip
        for name, future in futures.items():
            future.add_done_callback(lambda _done, name=name: heard.append(name))
        ledger.submit(lambda tx: tx.event(now_ms(), Said("told")))
        gate.set()
        await until(lambda: len(heard) == 5)
        assert heard == ["claim", "outcome", "one", "two", "told"]


async def test_a_ledger_opened_again_goes_on_counting(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, new_delivery(), number=1)
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, new_delivery(), number=2)
        assert rows(tmp_path, "SELECT seq FROM cases ORDER BY seq") == [(1,), (2,)]


async def test_marks_are_there_after_a_restart(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await ledger.submit(lambda tx: tx.marks.update({"retained:a": b"1"}))
        await ledger.submit(lambda tx: tx.marks.update({"retained:a": b"2"}))
        assert ledger.marks == {"retained:a": b"2"}
    async with open_ledger(tmp_path) as ledger:
        assert ledger.marks == {"retained:a": b"2"}


async def test_too_much_waiting_is_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger_module, "MAX_WAITING", 0)
    async with open_ledger(tmp_path) as ledger:
        with pytest.raises(StoreError, match="too slow"):
            await ledger.submit(lambda _tx: None)


def fill_up(tx):
    """Let the database grow no more, as on a full disk; returns what lifts that, to be called in the writer's thread."""
    driver = tx.connection.connection.driver_connection
    (pages,) = driver.execute("PRAGMA page_count").fetchone()
    driver.execute(f"PRAGMA max_page_count={pages}")
    return lambda: driver.execute("PRAGMA max_page_count=100000").fetchone() is not None


def big(name):
    return lambda tx: tx.marks.update({name: bytes(20_000)})


async def test_without_room_alarms_alone_are_refused(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        lift, made = await ledger.submit(fill_up), []
        ledger.make_room = lambda: made.append(1) is None and lift()
        alarm, answer = ledger.submit(big("alarm"), Turn.INTAKE), ledger.submit(big("answer"))
        await answer
        with pytest.raises(StoreError, match=rf"the disk of {tmp_path} cannot be written \(database or disk is full\)"):
            await alarm
        with pytest.raises(StoreError, match="new alarms are refused until it can"):
            await ledger.submit(big("next alarm"), Turn.INTAKE)
        await ledger.submit(big("outcome"), Turn.FIRST)
        assert (made, ledger.problem, set(ledger.marks)) == ([1], "", {"answer", "outcome"})
        ledger.intake_problem = ""
        await ledger.submit(big("next alarm"), Turn.INTAKE)


async def test_alarms_that_waited_when_the_room_ended_are_refused_too(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        lift = await ledger.submit(fill_up)
        ledger.make_room = lift
        futures = [ledger.submit(big(f"{n}"), Turn.INTAKE) for n in range(ledger_module.MAX_BATCH * 2 + 1)]
        results = await asyncio.wait_for(asyncio.gather(*futures, return_exceptions=True), 10)
        assert {type(result) for result in results} == {StoreError}
        assert ledger.marks == {}


async def test_without_any_room_the_others_fail_and_come_again(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        lift = await ledger.submit(fill_up)
        ledger.make_room = lambda: False
        with pytest.raises(StoreError, match="the ledger cannot be written: database or disk is full"):
            await ledger.submit(big("answer"))
        assert ledger.problem
        await ledger.submit(lambda _tx: None)
        assert ledger.problem, "what only looks says nothing about the disk"
        await ledger.submit(lambda _tx: lift())
        await ledger.submit(big("answer"))
        assert ledger.problem == ""


async def test_nobody_to_open_the_intake_again_means_it_is_not_shut(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        lift = await ledger.submit(fill_up)
        with pytest.raises(StoreError):
            await ledger.submit(big("alarm"), Turn.INTAKE)
        assert ledger.intake_problem == ""
        await ledger.submit(lambda _tx: lift())
        await ledger.submit(big("alarm"), Turn.INTAKE)


async def test_a_failed_fsync_is_told_at_once_and_not_repeated(tmp_path):
    tried = []

    def failing(_tx):
        tried.append(1)
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_IOERR_FSYNC, "SQLITE_IOERR_FSYNC"
        raise error

    async with open_ledger(tmp_path) as ledger:
        told = []
        ledger.on_broken = told.append
        with pytest.raises(StoreError):
            await ledger.submit(failing)
        assert told == ["the ledger cannot be written: disk I/O error (SQLITE_IOERR_FSYNC)"]
        assert tried == [1]


@pytest.mark.parametrize("damage", ["header", "page", "truncated"])
async def test_a_corrupt_file_is_set_aside_and_never_deleted(tmp_path, damage):
    async with open_ledger(tmp_path) as ledger:
        for number in range(60):
            await open_case(ledger, new_delivery(), number=number)
    path = tmp_path / "ledger.db"
    content = bytearray(path.read_bytes())
    if damage == "header":
        content[:16] = b"not a database!!"
    elif damage == "page":
        content[4096 * 2 : 4096 * 12] = os.urandom(4096 * 10)
    else:
        del content[len(content) // 2 :]
    path.write_bytes(content)
    async with open_ledger(tmp_path) as ledger:
        assert len(ledger.notes) == 1
        assert "damaged" in ledger.notes[0]
        await open_case(ledger, new_delivery())
    kept = [p for p in tmp_path.iterdir() if ".corrupt-" in p.name and not p.name.endswith(("-wal", "-shm"))]
    assert [p.read_bytes() for p in kept] == [bytes(content)]


async def test_a_ledger_of_a_newer_version_is_refused(tmp_path):
    async with open_ledger(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute("UPDATE meta SET value='999' WHERE name='version'")
    with pytest.raises(StoreError, match="version 999"):
        async with open_ledger(tmp_path):
            pass


async def test_the_settings_that_durability_rests_on(tmp_path):
    async with open_ledger(tmp_path) as ledger:

        def settings(connection: sa.Connection) -> tuple:
            return tuple(
                connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
            )

        assert await ledger.read(settings) == ("wal", 2)  # 2 = FULL


WRITER = """
import asyncio, sys
sys.path[:0] = {paths!r}
from pathlib import Path
from ledgers import new_delivery, open_case, open_ledger

async def main():
    async with open_ledger(Path({folder!r})) as ledger:
        number = {start}
        while True:
            cases = await asyncio.gather(*(open_case(ledger, new_delivery(), number=number + n) for n in range(5)))
            for case in cases:
                print(case.id, flush=True)
            number += 5

asyncio.run(main())
"""


async def test_what_was_answered_is_there_after_kill_9(tmp_path):
    told: set[str] = set()
    for turn in range(3):
        code = textwrap.dedent(WRITER.format(paths=sys.path, folder=str(tmp_path), start=turn * 1_000_000))
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as writer:
            for _ in range(40):
                told.add(writer.stdout.readline().strip())
            writer.send_signal(signal.SIGKILL)
            rest = writer.stdout.read().split("\n")
            told.update(line for line in rest[:-1] if line)
    async with open_ledger(tmp_path) as ledger:
        assert ledger.notes == []
        ids = await ledger.read(lambda c: {bytes(i).hex() for i in c.execute(sa.select(schema.cases.c.id)).scalars()})
    assert {case_id.replace("-", "") for case_id in told} <= ids
    assert len(told) >= 120


async def test_the_cursor_of_a_transaction_ends_in_the_writer(tmp_path):
    """The loop holds the transaction last: a cursor that ended there would reset what the writer runs by then."""
    async with open_ledger(tmp_path) as ledger:
        transaction = await ledger.submit(lambda tx: tx)
        with pytest.raises(sqlite3.ProgrammingError, match="closed cursor"):
            transaction._cursor.execute("SELECT 1")
