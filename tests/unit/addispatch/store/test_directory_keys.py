"""Link keys: made once, kept over restarts, rotated, never shown; a damaged table makes new ones and says so."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from addispatch.domain.errors import ConfigErrors, Refused, StoreError
from addispatch.domain.token import make_token, read_token
from addispatch.store.directory import DirectoryStore
from addispatch.store.directory_book import Book
from addispatch.store.directory_keys import secrets_of, with_new_key
from addispatch.store.directory_models import LINK_KEY
from addispatch.store.directory_records import Record, empty_tables
from addispatch.store.directory_repair import to_row

CASE = "0190b0f2-1111-5222-8333-444455556666"


class Opened(Book):
    """A book and the keys it published last."""

    def __init__(self, folder: Path) -> None:
        self.keys: tuple[bytes, ...] = ()
        super().__init__(folder, "SG", lambda snapshot: setattr(self, "keys", snapshot.link_keys))
        self.load()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "directory"


def keep_only(folder: Path, *records: Record) -> None:
    """Write a table of keys as somebody else would have left it."""
    from addispatch.store.directory_files import TableFiles

    TableFiles(folder).write({LINK_KEY: [to_row(record) for record in records]})


def test_the_first_start_makes_one_and_the_next_finds_it(folder: Path) -> None:
    first = Opened(folder)
    assert [len(key) for key in first.keys] == [32]
    assert first.notes == []
    again = Opened(folder)
    assert (again.keys, again.notes) == (first.keys, [])
    assert Opened(folder.with_name("other")).keys != first.keys


def test_the_file_is_its_owner_s(folder: Path) -> None:
    book = Opened(folder)
    book.rotate_link_keys()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.glob("link_key.json*")}
    assert modes == {"link_key.json": 0o600, "link_key.json.bak": 0o600}


def test_a_link_outlives_one_rotation_and_not_two(folder: Path) -> None:
    book = Opened(folder)
    token = make_token(book.keys[0], CASE, "jane", 10)
    assert book.rotate_link_keys() == 2
    newer = make_token(book.keys[0], CASE, "jane", 10)
    assert newer != token, "the new key signs"
    assert Opened(folder).keys == book.keys
    assert read_token(book.keys, token, 0) == read_token(book.keys, newer, 0) is not None
    assert book.rotate_link_keys() == 2
    assert read_token(book.keys, token, 0) is None
    assert read_token(book.keys, newer, 0) is not None
    assert Opened(folder).keys == book.keys


def test_a_rotation_that_cannot_be_written_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = Opened(folder)
    before = book.keys

    def full(_rows: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(book._files, "write", full)
    with pytest.raises(StoreError):
        book.rotate_link_keys()
    assert book.keys == before


def test_nobody_sees_or_edits_them(folder: Path) -> None:
    book = Opened(folder)
    book.apply({"recipient": [{"name": "Adam"}]})
    secret = book.keys[0].hex()
    assert list(book.export()) == ["recipient"]
    for act in (
        lambda: book.entries(LINK_KEY),
        lambda: book.delete(LINK_KEY, "x"),
        lambda: book.put(LINK_KEY, {"name": "x", "serial": 9, "secret": "0" * 64}),
    ):
        with pytest.raises(Refused, match="is no table"):
            act()
    with pytest.raises(ConfigErrors, match="link_key: is no table"):
        book.apply({LINK_KEY: [{"name": "x", "serial": 9, "secret": "0" * 64}]})
    assert secret not in json.dumps(book.export())
    assert book.keys[0].hex() == secret


def test_they_are_in_no_text_of_the_snapshot(folder: Path) -> None:
    snapshots = []
    book = Book(folder, "SG", snapshots.append)
    book.load()
    assert repr(snapshots[0].link_keys[0]) not in repr(snapshots[0])


def test_other_changes_leave_them_alone(folder: Path, tmp_path: Path) -> None:
    book = Opened(folder)
    before = book.keys
    file = tmp_path / "directory.toml"
    file.write_text('[[recipient]]\nname = "Adam"\n')
    book.provision(file)
    file.write_text("")
    assert book.provision(file).released == ["recipient 'Adam'"]
    book.delete("recipient", "Adam")
    assert book.keys == before == Opened(folder).keys


@pytest.mark.parametrize("generations", [1, 2])
def test_a_damaged_table_makes_new_ones_and_says_so(folder: Path, generations: int) -> None:
    book = Opened(folder)
    book.apply({"recipient": [{"name": "Adam"}]})
    if generations == 2:
        book.rotate_link_keys()
    for path in folder.glob("link_key.json*"):
        path.write_bytes(path.read_bytes()[:-1])
    mended = Opened(folder)
    assert not set(mended.keys) & set(book.keys)
    assert len(mended.keys) == 1
    assert len(mended.notes) == 1
    assert "acknowledge links sent so far are not valid any more" in mended.notes[0]
    assert len(list(folder.glob("link_key.json*.corrupt-*"))) == generations
    assert [entry["name"] for entry in mended.entries("recipient")] == ["Adam"]
    again = Opened(folder)
    assert (again.keys, again.notes) == (mended.keys, [])


def test_one_damaged_generation_falls_back_to_the_one_before(folder: Path) -> None:
    book = Opened(folder)
    first = book.keys
    book.rotate_link_keys()
    (folder / "link_key.json").write_text("rubbish")
    again = Opened(folder)
    assert again.keys == first
    assert "the generation before it is used" in again.notes[0]


@pytest.mark.parametrize("secret", ["", "00", "0" * 63, "Z" * 64, 5, None])
def test_a_key_that_is_none_is_left_out_unquoted(folder: Path, secret: object) -> None:
    Opened(folder)
    good = Record("b" * 32, {"name": "b" * 32, "serial": 1, "secret": "0f" * 32})
    keep_only(folder, Record("a" * 32, {"name": "a" * 32, "serial": 2, "secret": secret}), good)
    book = Opened(folder)
    assert book.keys == (b"\x0f" * 32,)
    assert "cannot be used and is left out" in book.notes[0]
    assert not isinstance(secret, str) or len(secret) < 9 or secret not in "".join(book.notes)


def test_without_any_usable_key_a_new_one_is_made(folder: Path) -> None:
    Opened(folder)
    keep_only(folder, Record("a", {"name": "a", "serial": 1, "secret": "short"}))
    book = Opened(folder)
    assert len(book.keys) == 1
    assert Opened(folder).keys == book.keys


def test_the_order_in_the_table_does_not_matter() -> None:
    tables = with_new_key(with_new_key(empty_tables()))
    turned = {**tables, LINK_KEY: dict(reversed(tables[LINK_KEY].items()))}
    assert secrets_of(turned) == secrets_of(tables)
    assert [record.body["serial"] for record in tables[LINK_KEY].values()] == [2, 1]


async def test_the_store_rotates_and_tells(folder: Path) -> None:
    store = DirectoryStore(folder, "SG")
    await store.load()
    try:
        first = store.snapshot.link_keys
        assert len(first) == 1
        assert await store.rotate_link_keys() == 2
        assert store.snapshot.link_keys[1:] == first
    finally:
        await store.close()
