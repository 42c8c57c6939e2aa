"""The version and role a node keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from addispatch.domain.errors import StoreError
from addispatch.domain.replication import ClusterRole, Saved, Version
from addispatch.store.cluster_file import ClusterFile
from addispatch.store.safe_storage import SafeStorage

SAVED = Saved(Version(2, 9, "a" * 64), ClusterRole.SLAVE, is_started=True, is_own=False)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    file = ClusterFile(tmp_path)
    assert file.read() is None
    file.write(SAVED)
    assert ClusterFile(tmp_path).read() == SAVED
    fresh = Saved(Version(0, 0, ""), ClusterRole.MASTER)
    file.write(fresh)
    assert ClusterFile(tmp_path).read() == fresh
    assert file.note == ""
    assert (tmp_path / "cluster.json").stat().st_mode & 0o777 == 0o600


def test_a_damaged_file_gives_the_one_before_and_says_so(tmp_path: Path) -> None:
    file = ClusterFile(tmp_path)
    file.write(SAVED)
    file.write(SAVED._replace(role=ClusterRole.MASTER))
    (tmp_path / "cluster.json").write_text("{")
    assert file.read() == SAVED
    assert "the generation before it is used" in file.note


@pytest.mark.parametrize(
    "rows",
    [
        {},
        {"cluster": {}},
        {"cluster": {"version": [1, 2], "role": "slave", "is_started": False, "is_own": True}},
        {"cluster": {"version": [0, 0, ""], "role": "boss", "is_started": False, "is_own": True}},
        {"cluster": {"version": [0, 0, ""], "role": "slave", "is_started": 1, "is_own": True}},
    ],
)
def test_a_file_of_another_form_is_set_aside(tmp_path: Path, rows: dict[str, dict[str, object]]) -> None:
    SafeStorage(tmp_path / "cluster.json").write(rows)
    file = ClusterFile(tmp_path)
    assert file.read() is None
    assert "joins its pair as a new one" in file.note
    assert list(tmp_path.glob("cluster.json.corrupt-*"))
    assert not (tmp_path / "cluster.json").exists()


def test_two_damaged_files_are_set_aside_too(tmp_path: Path) -> None:
    for name in ("cluster.json", "cluster.json.bak"):
        (tmp_path / name).write_text("{")
    file = ClusterFile(tmp_path)
    assert file.read() is None
    assert file.note.count("cluster.json") >= 2
    assert ClusterFile(tmp_path).read() is None
    file.write(SAVED)
    assert file.read() == SAVED


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        ClusterFile(tmp_path / "nowhere").write(SAVED)
