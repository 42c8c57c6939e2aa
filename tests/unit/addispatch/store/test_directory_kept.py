"""Directories that were replaced, as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from addispatch.domain.errors import StoreError
from addispatch.store.directory_book import Book
from addispatch.store.directory_kept import KEPT_COUNT, Installed, ReplacedFiles
from addispatch.store.directory_pack import Packed


def group(*names: str) -> dict[str, Any]:
    return {"group": [{"name": name} for name in names]}


def test_the_newest_five_are_kept(tmp_path: Path) -> None:
    files = ReplacedFiles(tmp_path)
    names = [files.keep(group(str(n))) for n in range(KEPT_COUNT + 3)]
    assert sorted(path.name for path in tmp_path.iterdir()) == names[3:]
    assert KEPT_COUNT == 5
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.iterdir())
    offered = files.newest(group("8"))
    assert offered is not None
    assert offered.path.name == names[-1]
    assert offered.differences == ["group '8': only here", "group '7': only there"]


def test_the_file_can_be_imported(tmp_path: Path) -> None:
    book = Book(tmp_path / "directory", "SG", lambda _: None)
    book.load()
    book.apply({"recipient": [{"name": "Ädam", "sms": "91234567"}], "group": [{"name": "Ops", "members": ["Ädam"]}]})
    before = book.export()
    path = tmp_path / ReplacedFiles(tmp_path).keep(before)
    other = Book(tmp_path / "other", "SG", lambda _: None)
    other.load()
    other.apply(json.loads(path.read_text()))
    assert other.export() == before


def test_none_is_offered_when_there_is_none(tmp_path: Path) -> None:
    assert ReplacedFiles(tmp_path).newest({}) is None


@pytest.mark.parametrize("text", ["", "[]", '{"group": 5}', '{"group": [{}]}', '{"group": ["x"]}', '{"settings": 1}'])
def test_a_file_that_cannot_be_read_is_passed_over(tmp_path: Path, text: str) -> None:
    files = ReplacedFiles(tmp_path)
    good = files.keep(group("a"))
    (tmp_path / "replaced-9.json").write_text(text)
    offered = files.newest({})
    assert offered is not None
    assert offered.path.name in {good, "replaced-9.json"}


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        ReplacedFiles(tmp_path / "nowhere").keep({})


def test_the_event_says_what_was_replaced_and_stays_short() -> None:
    packed = Packed("0" * 64, b"", is_empty=False)
    done = Installed(packed, "replaced-1.json", ["group 'Night': only here", "group 'Ops': differs"])
    assert done.line("node-b") == (
        "the directory of node-b replaced the one here, which is kept as directory/replaced-1.json: "
        "group 'Night': only here; group 'Ops': differs"
    )
    assert Installed(packed, "", []).line("node-b") == ""
    many = Installed(packed, "replaced-20261126T000000.000000Z.json", [f"group '{n:0100}': differs" for n in range(50)])
    assert many.line("n" * 40).endswith("; and 45 more")
    assert len(many.line("n" * 40)) < 600
