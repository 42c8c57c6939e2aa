"""A change of several tables is there as a whole or not at all, whatever fails in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from addispatch.domain.errors import StoreError
from addispatch.store.directory_files import TableFiles
from addispatch.store.directory_models import STORED
from addispatch.store.safe_storage import SafeStorage

ONE = {"recipient": [{"id": "1"}], "group": [{"id": "2"}]}
TWO = {"recipient": [{"id": "1"}, {"id": "3"}], "group": [{"id": "2", "x": "ü"}], "route": [{"id": "4"}]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "directory"


@pytest.fixture
def files(folder: Path) -> TableFiles:
    made = TableFiles(folder)
    made.load()
    return made


def rows(folder: Path) -> dict[str, Any]:
    loaded, _, _ = TableFiles(folder).load()
    return {table: content for table, content in loaded.items() if content}


class Disk:
    """Fails writing the files named."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full: set[str] = set()
        write = SafeStorage.write

        def failing(storage: SafeStorage, data: Any) -> None:
            if storage.path.name in self.full:
                raise StoreError(f"{storage.path} cannot be written: No space left on device")
            write(storage, data)

        monkeypatch.setattr(SafeStorage, "write", failing)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def test_starts_empty_in_a_private_folder(files: TableFiles, folder: Path) -> None:
    loaded, notes, recovered = files.load()
    assert loaded == {table: [] for table in STORED}
    assert (notes, recovered) == ([], set())
    assert folder.stat().st_mode & 0o777 == 0o700


def test_what_was_written_is_read(files: TableFiles, folder: Path) -> None:
    files.write(ONE)
    assert rows(folder) == ONE
    files.write(TWO)
    files.write({"group": []})
    assert rows(folder) == {"recipient": TWO["recipient"], "route": TWO["route"]}
    assert not (folder / "change.json").exists()


@pytest.mark.parametrize("full", ["change.json", "recipient.json"])
def test_a_full_disk_refuses_a_change_as_a_whole(files: TableFiles, folder: Path, disk: Disk, full: str) -> None:
    files.write(ONE)
    disk.full = {full}
    with pytest.raises(StoreError):
        files.write(TWO if full == "change.json" else {"recipient": []})
    assert rows(folder) == ONE


@pytest.mark.parametrize("full", ["recipient.json", "group.json", "route.json"])
def test_a_committed_change_follows_when_there_is_room(files: TableFiles, folder: Path, disk: Disk, full: str) -> None:
    files.write(ONE)
    disk.full = {full}
    files.write(TWO)
    assert rows(folder) == TWO, "a restart sees it, too"
    with pytest.raises(StoreError):
        files.write({"template": [{"id": "5"}]})
    assert "template" not in rows(folder)
    disk.full = set()
    files.write({"template": [{"id": "5"}]})
    assert not (folder / "change.json").exists()
    assert rows(folder) == {**TWO, "template": [{"id": "5"}]}


def test_an_interrupted_change_is_finished_at_the_next_start(files: TableFiles, folder: Path, disk: Disk) -> None:
    files.write(ONE)
    disk.full = {"group.json"}
    files.write(TWO)
    disk.full = set()
    loaded, notes, _ = TableFiles(folder).load()
    assert {table: content for table, content in loaded.items() if content} == TWO
    assert notes == ["an interrupted change of recipient, group, route was finished"]
    assert TableFiles(folder).load()[1] == []


def test_a_damaged_change_is_set_aside(files: TableFiles, folder: Path) -> None:
    files.write(ONE)
    (folder / "change.json").write_bytes(b"half")
    loaded, notes, _ = TableFiles(folder).load()
    assert loaded["recipient"] == ONE["recipient"]
    assert "interrupted change is lost" in notes[0]
    assert [path.read_bytes() for path in folder.glob("change.json.corrupt-*")] == [b"half"]


def test_a_damaged_table_comes_from_its_backup(files: TableFiles, folder: Path) -> None:
    files.write(ONE)
    files.write(TWO)
    (folder / "recipient.json").write_bytes(b"")
    loaded, notes, recovered = TableFiles(folder).load()
    assert loaded["recipient"] == ONE["recipient"]
    assert loaded["group"] == TWO["group"]
    assert recovered == {"recipient"}
    assert len(notes) == 1
    (folder / "group.json").write_bytes(b"")
    (folder / "group.json.bak").write_bytes(b"")
    with pytest.raises(StoreError, match=r"group\.json"):
        TableFiles(folder).load()


def test_copies_are_kept(files: TableFiles, folder: Path) -> None:
    files.write(ONE)
    (name,) = files.keep_copies({"recipient", "route"})
    content = (folder / "recipient.json").read_bytes()
    files.write({"recipient": []})
    assert (folder / name).read_bytes() == content
