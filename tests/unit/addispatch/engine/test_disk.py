"""The disk's tick: alarms are taken while the ballast is there, and refused, told and taken again by themselves."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
from ledgers import open_ledger
from limits import largest_file

from addispatch.config.models import LimitsConfig
from addispatch.domain.errors import StoreError
from addispatch.domain.events import INFO, SEVERE, WARNING
from addispatch.engine import disk as disk_module
from addispatch.engine.disk import MIB, Disk
from addispatch.store.ledger import Turn


class Room:
    """A disk whose free space the test sets, before what the ballast takes; files are real."""

    def __init__(self, ledger, monkeypatch):
        self.free_mib, self.told, self.conditions, self.free_bytes = 1000, [], [], 0
        self.ledger = ledger
        monkeypatch.setattr(disk_module.os, "statvfs", self._statvfs)
        self.disk = Disk(ledger, LimitsConfig(), self.told.append, self._report, self._on_free)

    def _statvfs(self, _folder):
        taken = 16 if self.disk.ballast.is_there else 0
        return SimpleNamespace(f_bavail=self.free_mib - taken, f_frsize=MIB)

    def _report(self, name, problem, *, grace_s):
        assert (name, grace_s) == ("disk", 0)
        self.conditions.append(problem)

    def _on_free(self, size_bytes):
        self.free_bytes = size_bytes

    async def look(self, free_mib):
        self.free_mib = free_mib
        await self.disk.look()

    async def takes_alarms(self):
        try:
            await self.ledger.submit(lambda tx: tx.marks.update({"alarm": b"1"}), Turn.INTAKE)
        except StoreError:
            return False
        return True


@pytest.fixture
async def room(tmp_path, monkeypatch):
    async with open_ledger(tmp_path) as ledger:
        found = Room(ledger, monkeypatch)
        await found.disk.begin()
        yield found


async def test_with_room_there_is_ballast_and_nothing_to_tell(room):
    assert room.disk.ballast.is_there
    await room.look(1000)
    assert (room.told, room.conditions, room.disk.warning) == ([], [""], "")
    assert room.free_bytes == 984 * MIB
    assert await room.takes_alarms()


async def test_below_the_floor_alarms_are_refused_until_there_is_room_for_the_ballast(room):
    await room.look(64 + 16 - 1)
    assert not room.disk.ballast.is_there
    assert not await room.takes_alarms()
    await room.ledger.submit(lambda tx: tx.marks.update({"answer": b"1"}))
    problem = f"only 63 MiB are free on the disk of {room.ledger.folder}: new alarms are refused until 80 MiB are"
    assert (room.ledger.intake_problem, room.conditions[-1]) == (problem, problem)
    await room.look(79)  # what the ballast gave back does not open it again
    assert not await room.takes_alarms()
    await room.look(80)
    assert room.disk.ballast.is_there
    assert await room.takes_alarms()
    assert room.conditions[-1] == ""
    assert [(event.severity, event.kind) for event in room.told] == [
        (SEVERE, "DiskShort"), (INFO, "DiskShort"), (WARNING, "DiskLow"),
    ]  # fmt: skip


async def test_a_restart_finds_it_as_it_was(room, tmp_path, monkeypatch):
    await room.look(70)
    again = Room(room.ledger, monkeypatch)
    again.free_mib = 79
    await again.disk.begin()
    assert not await again.takes_alarms()


async def test_a_disk_without_room_for_ballast_from_the_beginning(tmp_path, monkeypatch):
    async with open_ledger(tmp_path) as ledger:
        room = Room(ledger, monkeypatch)
        room.free_mib = 70
        await room.disk.begin()
        assert not await room.takes_alarms()


async def test_somebody_who_removes_the_ballast_gets_no_more_than_its_room(room):
    room.disk.ballast.path.unlink()
    await room.look(1000)
    assert room.disk.ballast.is_there
    room.disk.ballast.path.unlink()
    await room.look(75)
    assert not await room.takes_alarms()


async def test_a_write_that_failed_and_worked_again_between_two_looks_is_told(room):
    room.disk.ballast.release()
    room.ledger.intake_problem = "the disk of x cannot be written (y)"  # as the writer does
    await room.look(1000)
    assert await room.takes_alarms()
    assert [event.line for event in room.told] == [
        "The disk of x cannot be written (y). Sending and acknowledging go on.",
        "The disk has room again: new alarms are taken",
    ]


async def test_room_that_may_not_be_used_is_none(room):
    """Over a quota, or a limit on files: much is free, and the ballast cannot be made."""
    room.disk.ballast.release()
    with largest_file(1_000_000):
        await room.look(1000)
        assert "File too large" in room.ledger.intake_problem
    await room.look(1000)
    assert await room.takes_alarms()


async def test_a_ledger_that_cannot_be_written_keeps_it_shut(room):
    def shut(tx):
        driver = tx.connection.connection.driver_connection
        driver.execute("PRAGMA query_only=1")
        return driver

    driver = await room.ledger.submit(shut)
    assert not await room.takes_alarms()
    await room.look(1000)
    assert not await room.takes_alarms()
    assert room.conditions[-1]
    await room.ledger.submit(lambda _tx: driver.execute("PRAGMA query_only=0").fetchall())
    await room.look(1000)
    assert await room.takes_alarms()


async def test_another_trouble_of_the_ledger_is_over_when_it_can_be_written(room):
    room.ledger.problem = "the ledger cannot be written: database is locked"
    await room.look(1000)
    assert room.ledger.problem == ""
    assert room.told == []


async def test_low_is_a_warning_with_an_end_of_its_own(room):
    for free_mib, is_low in ((512 + 16, False), (511 + 16, True), (560 + 16, True), (564 + 16, False)):
        await room.look(free_mib)
        assert bool(room.disk.warning) is is_low
    assert len(room.told) == 1
    assert room.told[0].line.startswith("Only 511 MiB are free on the disk of ")
    assert await room.takes_alarms()


async def test_a_ballast_that_cannot_be_made_for_another_reason_refuses_nothing(tmp_path, monkeypatch, caplog):
    (tmp_path / "ballast").mkdir()
    async with open_ledger(tmp_path) as ledger:
        room = Room(ledger, monkeypatch)
        for _ in range(3):
            await room.look(1000)
        assert await room.takes_alarms()
    lines = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len([line for line in lines if "ballast cannot be made" in line]) == 1
