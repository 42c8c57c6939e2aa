"""The directory as one value: equal content has an equal hash, and nothing is installed that was not announced."""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path
from typing import Any

import pytest

from addispatch.domain.errors import StoreError
from addispatch.store import directory_pack
from addispatch.store.directory_book import Book
from addispatch.store.directory_pack import MAX_LINES, differences, pack, unpack
from addispatch.store.directory_records import Record, Tables, empty_tables

DOCUMENT: dict[str, Any] = {
    "settings": {"system_alert_to": ["Adam"], "retention_days": 30, "link_ttl_h": 5},
    "recipient": [
        {"name": "Adam", "sms": "91234567", "mode": "ladder", "step_after_s": 60},
        {"name": "Bärbel 😀", "email": ["b@example.com"], "language": "de"},
    ],
    "group": [{"name": "Ops", "members": ["Bärbel 😀", "Adam"], "policy": "p"}],
    "policy": [{"name": "p", "level": [{"to": ["Ops"]}, {"after_minutes": 5, "call": ["Adam"]}], "close_after_h": 1.5}],
    "template": [{"name": "t", "text": "{{ text }}"}],
    "route": [
        {"name": "one", "match": {"topic": "a/#", "priority": ["high"]}, "to": ["Ops"], "template": "t"},
        {"name": "two", "to": ["Adam"], "continue": True},
    ],
    "monitor": [
        {"name": "m", "probe": "ping", "host": "10.0.0.1", "serial": 10**30, "hihi": 5, "deadband": 0.25, "to": ["Ops"]}
    ],
}


@pytest.fixture
def book(tmp_path: Path) -> Book:
    book = Book(tmp_path / "directory", "SG", lambda _: None)
    book.load()
    book.apply(DOCUMENT)
    return book


def reordered(tables: Tables, *names: str) -> Tables:
    return {t: dict(reversed(records.items())) if t in names else records for t, records in tables.items()}


def blob_of(value: Any) -> bytes:
    return zlib.compress(json.dumps(value).encode())


def test_what_is_packed_is_unpacked(book: Book) -> None:
    packed = book.packed()
    tables = unpack(packed.blob, packed.sha)
    assert tables == book._tables
    assert [list(tables[table]) for table in tables] == [list(book._tables[table]) for table in tables]
    assert pack(tables) == packed
    assert not packed.is_empty
    assert "Adam" not in repr(packed)


def test_a_restart_does_not_change_the_hash(book: Book, tmp_path: Path) -> None:
    again = Book(tmp_path / "directory", "SG", lambda _: None)
    again.load()
    assert again.packed() == book.packed()


def test_the_order_counts_for_routes_alone(book: Book) -> None:
    tables = book._tables
    assert pack(reordered(tables, "recipient", "policy", "monitor", "link_key")).sha == pack(tables).sha
    assert pack(reordered(tables, "route")).sha != pack(tables).sha


def test_order_of_keys_does_not_count_but_order_in_a_group_does(book: Book) -> None:
    def with_body(body: dict[str, Any]) -> str:
        group = next(iter(book._tables["group"].values()))
        return pack({**book._tables, "group": {group.id: Record(group.id, body, group.provisioned)}}).sha

    body = next(iter(book._tables["group"].values())).body
    assert with_body(dict(reversed(body.items()))) == book.packed().sha
    assert with_body({**body, "members": body["members"][::-1]}) != book.packed().sha


def test_marks_ids_and_link_keys_count(book: Book) -> None:
    sha, seen = book.packed().sha, set()
    record = next(iter(book._tables["template"].values()))
    for other in (Record(record.id, record.body, provisioned=True), Record("0" * 32, record.body)):
        seen.add(pack({**book._tables, "template": {other.id: other}}).sha)
    book.rotate_link_keys()
    seen.add(book.packed().sha)
    assert len(seen) == 3
    assert sha not in seen


def test_a_new_directory_is_empty(tmp_path: Path) -> None:
    book = Book(tmp_path / "directory", "SG", lambda _: None)
    book.load()
    assert book.packed().is_empty
    book.apply({"settings": {"retention_days": 5}})
    assert not book.packed().is_empty


def test_an_empty_table_is_as_good_as_none() -> None:
    key = {"id": "k", "provisioned": False, "body": {"name": "k", "serial": 1, "secret": "0" * 64}}
    tables = unpack(blob_of({"format": 1, "tables": {"link_key": [key]}}), sha_of({"link_key": [key]}))
    assert tables == {**empty_tables(), "link_key": {"k": Record("k", key["body"])}}
    assert pack(tables).sha == sha_of({"link_key": [key]})


def test_without_a_key_for_links_it_is_refused() -> None:
    with pytest.raises(StoreError, match="no key that signs"):
        unpack(blob_of({"format": 1, "tables": {}}), pack(empty_tables()).sha)


def test_what_is_not_what_was_announced_is_refused(book: Book) -> None:
    packed = book.packed()
    with pytest.raises(StoreError, match="its content is not what was announced: hash"):
        unpack(packed.blob, "0" * 64)
    book.put("recipient", {"name": "Eve"})
    with pytest.raises(StoreError, match="is not what was announced"):
        unpack(book.packed().blob, packed.sha)


def test_damage_is_refused(book: Book) -> None:
    blob, sha = book.packed().blob, book.packed().sha
    for damaged in (b"", b"x", blob[:-1], blob[: len(blob) // 2], blob[:50] + b"\0\0" + blob[52:]):
        with pytest.raises(StoreError, match="it is damaged"):
            unpack(damaged, sha)


def sha_of(rows: dict[str, list[Any]]) -> str:
    return directory_pack._sha({table: [directory_pack._encoded(row) for row in each] for table, each in rows.items()})


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([], "it has the format None"),
        ({"tables": {}}, "it has the format None"),
        ({"format": 2, "tables": {}}, "it has the format 2, this version reads 1"),
        ({"format": 1}, "it is damaged: no tables"),
        ({"format": 1, "tables": {"group": ["\ud800"]}}, "it is damaged: no text"),
        ({"format": 1, "tables": {"route": {}}}, "it is damaged: no tables"),
    ],
)
def test_another_form_is_refused(value: Any, problem: str) -> None:
    with pytest.raises(StoreError, match=problem):
        unpack(blob_of(value), "0" * 64)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ({"desk": [{"id": "1", "provisioned": False, "body": {"name": "x"}}]}, "knows no table 'desk'"),
        (
            {"group": [{"id": "1", "provisioned": False, "body": {"name": "x", "colour": 1}}]},
            "group 'x' cannot be used",
        ),
        ({"group": [{"id": "1", "provisioned": False, "body": {"name": "x", "policy": "9"}}]}, "names a lost policy"),
        ({"group": [{"id": n, "provisioned": False, "body": {"name": "x"}} for n in "12"]}, "has this name"),
    ],
)
def test_what_this_version_cannot_read_is_refused(rows: dict[str, list[dict[str, Any]]], problem: str) -> None:
    with pytest.raises(StoreError, match=f"{problem}.*: bring both nodes to one version"):
        unpack(blob_of({"format": 1, "tables": rows}), sha_of(rows))


def test_sizes_are_limited(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = book.packed()
    bomb = zlib.compress(b" " * 2_000_000)
    monkeypatch.setattr(directory_pack, "MAX_PLAIN_BYTES", 1_000_000)
    with pytest.raises(StoreError, match="larger than 1000000 bytes unpacked"):
        unpack(bomb, packed.sha)
    monkeypatch.setattr(directory_pack, "MAX_BYTES", 100)
    with pytest.raises(StoreError, match="larger than 100 bytes"):
        unpack(packed.blob, packed.sha)
    large = pack(book._tables)
    assert re.fullmatch(r"too large for two nodes: \d+ bytes packed, at most 100 are copied", large.problem)
    assert (large.sha, large.blob) == (packed.sha, b"")
    monkeypatch.setattr(directory_pack, "MAX_PLAIN_BYTES", 200)
    monkeypatch.setattr(directory_pack, "MAX_BYTES", 10_000)
    assert re.search(r": \d+ bytes unpacked, at most 200 are copied", pack(book._tables).problem)


def test_deep_nesting_is_damage() -> None:
    with pytest.raises(StoreError, match="it is damaged"):
        unpack(zlib.compress(b"[" * 100_000), "0" * 64)


def test_differences_are_told_by_name() -> None:
    here = {"recipient": [{"name": "Adam"}, {"name": "Jane"}], "group": [{"name": "Night"}], "settings": {"a": 1}}
    there = {"recipient": [{"name": "ADAM", "sms": "1"}, {"name": "Jane"}, {"name": "Eve"}], "policy": [{"name": "p"}]}
    assert differences(here, there) == [
        "the settings: only here", "recipient 'Adam': differs", "recipient 'Eve': only there", "group 'Night': only here",
        "policy 'p': only there",
    ]  # fmt: skip
    assert differences(here, here) == []


def test_another_order_of_routes_is_told() -> None:
    routes = [{"name": name} for name in "abc"]
    assert differences({"route": routes}, {"route": routes[::-1]}) == ["routes: tried in another order"]
    assert differences({"route": routes}, {"route": routes[1:]}) == ["route 'a': only here"]


def test_many_differences_are_counted() -> None:
    lines = differences({"group": [{"name": str(n)} for n in range(MAX_LINES + 5)]}, {})
    assert len(lines) == MAX_LINES + 1
    assert lines[-1] == "and 5 more"
