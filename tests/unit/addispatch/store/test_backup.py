"""Making a backup: of one moment while the ledger is written, whole or not at all, private."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing

import pytest
from backups import fill, queued, save_all
from ledgers import now_ms, open_ledger

from addispatch.domain.errors import StoreError
from addispatch.domain.events import Said
from addispatch.store import archive, backup
from addispatch.store.restore import JOURNAL


async def test_all_parts_are_in_it_and_nobody_else_may_read_it(tmp_path):
    await queued(tmp_path)
    fill(tmp_path, "one")
    (tmp_path / "alive").touch()
    (tmp_path / "directory/recipient.json.corrupt-1").touch()
    manifest = save_all(tmp_path, tmp_path / "b.tar.gz")
    assert archive.read(tmp_path / "b.tar.gz") == manifest
    expected = {"ledger.db", "directory/recipient.json", "directory/group.json", "tokens.json", "cluster.json"}
    assert set(manifest.parts) == expected
    assert (manifest.node, manifest.store, manifest.ledger_version) == ("a", "first", 3)
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o777 == 0o600
    assert not [*tmp_path.glob(".*")]


async def test_the_copy_is_of_one_moment_and_ends_while_others_write(tmp_path, monkeypatch):
    """Events come in pairs, one unit each. A copy that began anew at each commit would never be done."""
    monkeypatch.setattr(backup, "PIECE_PAGES", 8)
    monkeypatch.setattr(backup, "PAUSE_S", 0.002)
    async with open_ledger(tmp_path) as ledger:

        def pair(tx):
            tx.event(now_ms(), Said("left" * 200))
            tx.event(now_ms(), Said("right" * 200))

        await asyncio.gather(*(ledger.submit(pair) for _ in range(2000)))
        copying = asyncio.get_running_loop().run_in_executor(
            None, backup.copy_ledger, tmp_path / "ledger.db", tmp_path / "copy.db"
        )
        count, slowest_s = 0, 0.0
        while not copying.done():
            began_s = asyncio.get_running_loop().time()
            await ledger.submit(pair)
            slowest_s = max(slowest_s, asyncio.get_running_loop().time() - began_s)
            count += 1
        await copying
    assert count > 5
    assert slowest_s < 2  # never held up for the whole of it
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (found,) = copy.execute("SELECT count(*) FROM events").fetchone()
        assert 4000 <= found < 4000 + 2 * count
        assert found % 2 == 0
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)


async def test_an_older_backup_stays_when_the_new_one_fails(tmp_path, monkeypatch):
    await queued(tmp_path)
    file = tmp_path / "b.tar.gz"
    file.write_text("older")
    monkeypatch.setattr(backup, "SPARE_BYTES", 2**60)
    with pytest.raises(StoreError, match=r"MiB free on the disk"):
        save_all(tmp_path, file)
    monkeypatch.undo()
    (tmp_path / JOURNAL).touch()
    with pytest.raises(StoreError, match=r"a restore into .* was interrupted"):
        save_all(tmp_path, file)
    assert file.read_text() == "older"
    assert not [*tmp_path.glob(".*")]


def test_there_is_nothing(tmp_path):
    with pytest.raises(StoreError, match=r"there is no ledger .*ledger.db: nothing to back up"):
        save_all(tmp_path, tmp_path / "b.tar.gz")
    (tmp_path / "ledger.db").write_text("no database at all")
    with pytest.raises(StoreError, match=r"ledger.db cannot be copied: file is not a database"):
        save_all(tmp_path, tmp_path / "b.tar.gz")
    with pytest.raises(StoreError, match=r"none cannot be written"):
        save_all(tmp_path, tmp_path / "none/b.tar.gz")


async def test_tables_that_change_meanwhile_are_copied_anew(tmp_path, monkeypatch):
    await queued(tmp_path)
    fill(tmp_path, "one")
    copy, copied = shutil.copyfile, []

    def copyfile(source, to):
        copied.append(source.name)
        if len(copied) == 2:  # a change of several tables comes in between
            fill(tmp_path, "two")
        return copy(source, to)

    monkeypatch.setattr(backup.shutil, "copyfile", copyfile)
    save_all(tmp_path, tmp_path / "b.tar.gz")
    archive.read(tmp_path / "b.tar.gz", lambda name: tmp_path / "out" / name)
    found = [path.read_text() for path in (tmp_path / "out").rglob("*.json")]
    assert len(found) == 4
    assert all("two" in text for text in found)
