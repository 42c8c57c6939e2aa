"""``addispatch backup`` and ``restore`` as a user runs them, without a daemon; with one: ``tests/story/test_restore.py``."""

from __future__ import annotations

import pytest
from backups import ask, fill, queued, words


@pytest.fixture
async def folder(tmp_path):
    """A configuration whose ledger has another name, and its data."""
    (tmp_path / "addispatch.toml").write_text(
        '[node]\nname = "plant-a"\ndata_dir = "data"\n[store]\nurl = "sqlite:///ledger.db"\n'
    )
    await queued(tmp_path / "data")
    fill(tmp_path / "data", "saved")
    return tmp_path


async def test_there_and_back(folder, alone):
    config = ("--config", folder / "addispatch.toml")
    made = await alone("backup", folder / "b.tar.gz", *config, "--json")
    assert (made.code, made.doc["node"]) == (0, "plant-a")
    assert made.doc["parts"]["ledger.db"]["size_bytes"] > 1000
    fill(folder / "data", "lived")
    done = await alone("restore", folder / "b.tar.gz", *config)
    assert done.code == 0, done.err
    assert "1 case(s) with 2 message(s) are held." in done.out
    assert "ledger.db.before-restore-" in done.out
    assert words(folder / "data") == {"saved"}
    assert ask(folder / "data", "SELECT count(*) FROM deliveries WHERE due_at_ms IS NOT NULL") == [(0,)]
    assert not (folder / "data/addispatch.sock").exists()
    assert "It is the backup of" not in done.out


async def test_the_backup_of_another_node_says_what_comes_of_it(folder, alone):
    config = ("--config", folder / "addispatch.toml")
    await alone("backup", folder / "b.tar.gz", *config)
    (folder / "addispatch.toml").write_text(
        (folder / "addispatch.toml").read_text().replace("plant-a", "plant-b"),
    )
    done = await alone("restore", folder / "b.tar.gz", "--force", *config)
    assert done.code == 0, done.err
    assert "It is the backup of plant-a. If that node runs" in " ".join(done.out.split())
    assert "both claim one role now" in " ".join(done.out.split())


async def test_what_cannot_be_is_one_line(folder, alone):
    config = ("--config", folder / "addispatch.toml")
    (folder / "no").write_text("no backup")
    done = await alone("restore", folder / "no", *config)
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert "no is no backup" in done.err
    assert words(folder / "data") == {"saved"}
    done = await alone("backup", folder / "none/b", *config)
    assert (done.code, done.err.count("\n")) == (1, 1)
