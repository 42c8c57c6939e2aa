"""Putting a backup in place: checked first, the old kept, and a kill at any moment leaves the old or the new."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from contextlib import closing

import pytest
from backups import ask, fill, queued, save_all, words
from ledgers import now_ms

from addispatch.domain.errors import StoreError
from addispatch.store import restore as module
from addispatch.store.restore import JOURNAL, Place, finish, restore


@pytest.fixture
async def saved(tmp_path):
    """A backup of the node a with the word "saved", and a data folder that went on to "lived"."""
    await queued(tmp_path / "data", ["hot"])
    fill(tmp_path / "data", "saved")
    save_all(tmp_path / "data", tmp_path / "b.tar.gz")
    await queued(tmp_path / "data", ["hot", "hotter"], first=2)
    fill(tmp_path / "data", "lived")
    (tmp_path / "data/ledger.db-wal").write_bytes(b"")
    return tmp_path / "b.tar.gz"


def place(folder, node="a"):
    return Place(folder / "data/ledger.db", folder / "data", node)


def state(data):
    """Old or new, of each part."""
    store = ask(data, "SELECT value FROM meta WHERE name = 'store_id'")[0][0]
    return {"old" if store == "first" else "new", *("old" if word == "lived" else "new" for word in words(data))}


def test_everything_is_replaced_and_what_was_there_is_kept(saved, tmp_path):
    done = restore(saved, place(tmp_path), now_ms(), force=True)
    data = tmp_path / "data"
    assert state(data) == {"new"}
    assert ask(data, "SELECT count(*) FROM cases") == [(1,)]
    kept = next(data.glob("ledger.db.before-restore-*Z"))
    with closing(sqlite3.connect(kept)) as old:
        assert old.execute("SELECT count(*) FROM cases").fetchone() == (3,)
    assert {name.partition(".before")[0] for name in done.aside} == {
        "ledger.db", "directory", "tokens.json", "tokens.json.bak", "cluster.json", "cluster.json.bak",
    }  # fmt: skip
    assert f"{kept.name}-wal" in done.aside  # where SQLite looks for it
    assert not [path for path in data.iterdir() if path.name.startswith((".restore", JOURNAL))]
    assert ask(data, "PRAGMA integrity_check") == [("ok",)]
    assert (data / "ledger.db").stat().st_mode & 0o777 == 0o600


def test_into_an_empty_place(saved, tmp_path):
    target = Place(tmp_path / "other/ledger/l.db", tmp_path / "other", "a")
    done = restore(saved, target, now_ms())
    assert done.aside == []
    assert words(tmp_path / "other") == {"saved"}
    assert target.ledger.exists()
    assert not list((tmp_path / "other").rglob(".restore*"))


def test_a_kill_at_any_moment_leaves_the_old_or_the_new(saved, tmp_path):
    """The process dies at its n-th look at the disk, for every n; then the daemon starts."""
    data, pristine = tmp_path / "data", tmp_path / "pristine"
    data.rename(pristine)
    seen, step, done = [], 1, False
    while not done:
        os.system(f"cp -a {pristine} {data}")
        done = _killed_at(step, saved, tmp_path)
        finish(data)
        found = state(data)
        assert len(found) == 1, f"half and half after step {step}"
        seen.append(found.pop())
        assert not (data / JOURNAL).exists()
        os.system(f"rm -rf {data}")
        step += 1
    assert seen == sorted(seen, reverse=True)  # first the old, from some step on the new
    assert seen.count("old") > 10
    assert seen.count("new") > 10


def _killed_at(step, file, folder):
    """Restore in a child that kills itself before its n-th change of the disk; whether it came to the end."""
    child = os.fork()
    if child == 0:
        left = step

        def watch(event, arguments):
            nonlocal left
            changes = event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree")
            if changes or (event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        try:
            restore(file, place(folder), now_ms(), force=True)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def test_a_restore_that_was_killed_early_is_begun_anew(saved, tmp_path):
    (tmp_path / "data/.restore-old/directory").mkdir(parents=True)
    restore(saved, place(tmp_path), now_ms(), force=True)
    assert state(tmp_path / "data") == {"new"}
    assert not (tmp_path / "data/.restore-old").exists()


def test_refusals_touch_nothing(saved, tmp_path):
    (tmp_path / "data/ledger.db-wal").unlink()
    before = sorted(path.name for path in (tmp_path / "data").rglob("*"))
    with pytest.raises(
        StoreError,
        match=r"backup of the node a, the configuration names b: --force restores it; not on the other node of",
    ):
        restore(saved, place(tmp_path, "b"), now_ms())
    with pytest.raises(StoreError, match=r"has 2 open case.* from after this backup: --force"):
        restore(saved, place(tmp_path), now_ms())
    with pytest.raises(StoreError, match=r"none is no file"):
        restore(tmp_path / "none", place(tmp_path), now_ms())
    assert state(tmp_path / "data") == {"old"}
    assert sorted(path.name for path in (tmp_path / "data").rglob("*")) == before


def test_a_newer_ledger_is_refused(saved, tmp_path, monkeypatch):
    monkeypatch.setattr(module.schema, "VERSION", 2)
    with pytest.raises(StoreError, match=r"ledger of version 3, this program knows 2: use a newer"):
        restore(saved, place(tmp_path), now_ms(), force=True)
    assert state(tmp_path / "data") == {"old"}


async def test_a_ledger_that_is_damaged_inside(tmp_path):
    await queued(tmp_path / "data", [str(number) * 500 for number in range(200)])
    with (tmp_path / "data/ledger.db").open("r+b") as file:
        file.seek(40_000)
        file.write(b"\xff" * 40_000)
    fill(tmp_path / "data", "lived")
    save_all(tmp_path / "data", tmp_path / "b.tar.gz")
    with pytest.raises(StoreError, match=r"ledger in the backup (is damaged|cannot be used)"):
        restore(tmp_path / "b.tar.gz", place(tmp_path), now_ms(), force=True)
    assert words(tmp_path / "data") == {"lived"}


def test_a_journal_that_cannot_be_finished_says_so(saved, tmp_path):
    data = tmp_path / "data"
    (data / "x").touch()
    (data / JOURNAL).write_text(f'{{"moves": [["{data}/x", "{data}/none/y", "{data}/none/z"]], "staging": []}}')
    with pytest.raises(StoreError, match=r"was interrupted and cannot be finished"):
        finish(data)
    assert (data / JOURNAL).exists()


def test_a_journal_that_is_none(tmp_path):
    (tmp_path / JOURNAL).write_text("{")
    with pytest.raises(StoreError, match=r"a restore that was interrupted, cannot be read"):
        finish(tmp_path)


def test_nothing_to_finish(tmp_path):
    assert finish(tmp_path) is False
