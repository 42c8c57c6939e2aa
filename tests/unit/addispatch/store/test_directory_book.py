"""Single entries, removal, provisioning, and starting from damaged files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from addispatch.domain.addressbook import Directory
from addispatch.domain.errors import ConfigErrors, Refused, StoreError
from addispatch.store import directory_book, directory_change, directory_pack, safe_storage
from addispatch.store.directory_book import Book
from addispatch.store.directory_change import Counts

DOCUMENT = {
    "recipient": [{"name": "Adam", "sms": "91234567"}, {"name": "Jane"}],
    "group": [{"name": "Ops", "members": ["Adam", "Jane"]}],
    "route": [{"name": "plant", "to": ["Ops"]}],
}


class Opened(Book):
    """A book that keeps what it published."""

    def __init__(self, folder: Path) -> None:
        self.published: list[Directory] = []
        super().__init__(folder, "SG", self.published.append)
        self.load()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "directory"


@pytest.fixture
def book(folder: Path) -> Opened:
    book = Opened(folder)
    book.apply(DOCUMENT)
    return book


def test_a_restart_finds_the_same(book: Opened, folder: Path) -> None:
    again = Opened(folder)
    assert again.export() == book.export()
    assert again.entries("group") == book.entries("group")
    assert again.notes == []


def test_each_change_is_published_once_with_a_new_generation(book: Opened) -> None:
    assert [snapshot.generation for snapshot in book.published] == [1, 2]
    assert book.apply(DOCUMENT).generation == 2
    book.put("recipient", {"name": "Jane", "enabled": False})
    book.delete("route", "PLANT")
    assert [snapshot.generation for snapshot in book.published] == [1, 2, 3, 4]
    assert book.published[1].routes
    assert not book.published[-1].routes


def test_put_adds_and_replaces(book: Opened) -> None:
    new = book.put("recipient", {"name": "Eve", "email": ["e@x.y"]})
    assert new["email"] == ["e@x.y"]
    assert new["enabled"] is True
    assert new["provisioned"] is False
    changed = book.put("recipient", {"name": "EVE"})
    assert (changed["id"], changed["name"], changed["email"]) == (new["id"], "EVE", [])


def test_what_was_shown_can_be_put_back(book: Opened) -> None:
    book.put("settings", {"retention_days": 5})
    for table in ("recipient", "group", "route", "settings"):
        for entry in book.entries(table):
            assert book.put(table, entry) == entry
    assert len(book.published) == 3


def test_the_id_makes_a_rename_and_references_follow(book: Opened, folder: Path) -> None:
    adam = book.entries("recipient")[0]
    book.put("recipient", {**adam, "name": "Adam Smith"})
    assert book.export()["group"][0]["members"] == ["Adam Smith", "Jane"]
    assert Opened(folder).export() == book.export()
    with pytest.raises(ConfigErrors, match="name: 'jane' is already the name of a recipient"):
        book.put("recipient", {**adam, "name": "jane"})
    with pytest.raises(Refused, match="id: there is no recipient with the id 'x'"):
        book.put("recipient", {"id": "x", "name": "y"})


@pytest.mark.parametrize(
    ("table", "entry", "message"),
    [
        ("recipient", {"name": "X", "sms": "12"}, "sms: '12' is not a phone number"),
        ("recipient", {}, "name: is missing"),
        (
            "group",
            {"name": "X", "members": ["Adam", "Jayne"]},
            r"members\[1\]: unknown recipient 'Jayne' \(did you mean \"Jane\"\?\)",
        ),
        ("policy", {"name": "X", "level": [{"to": ["Op"]}]}, r"level\[0\].to\[0\]: unknown recipient or group 'Op'"),
        ("settings", {"retention": 1}, "retention: is no option here"),
    ],
)
def test_a_mistake_in_an_entry_names_its_field(book: Opened, table: str, entry: Any, message: str) -> None:
    with pytest.raises(ConfigErrors, match=message):
        book.put(table, entry)
    assert len(book.published) == 2


@pytest.mark.parametrize("entry", [None, [], "Adam", 3])
def test_what_is_no_entry(book: Opened, entry: Any) -> None:
    with pytest.raises(Refused, match="must be a table"):
        book.put("recipient", entry)


def test_unknown_tables_and_names(book: Opened) -> None:
    for call in (lambda: book.put("groups", {}), lambda: book.delete("groups", "x"), lambda: book.entries("groups")):
        with pytest.raises(Refused, match="table: 'groups' is no table of the directory \\(did you mean \"group\""):
            call()
    with pytest.raises(Refused, match="name: there is no group 'Opps' \\(did you mean \"Ops\""):
        book.delete("group", "Opps")


def test_what_is_used_cannot_be_removed(book: Opened) -> None:
    for number in range(7):
        book.put("group", {"name": f"g{number}", "members": ["Jane"]})
    with pytest.raises(Refused, match=r"recipient 'Adam' is used by group 'Ops'$"):
        book.delete("recipient", "adam")
    with pytest.raises(Refused, match=r"is used by group 'Ops', group 'g0', .* and 3 more$"):
        book.delete("recipient", "Jane")
    book.delete("route", "plant")
    book.delete("group", "OPS")
    book.delete("recipient", "adam")
    assert [r["name"] for r in book.export()["recipient"]] == ["Jane"]


def test_settings_go_back_to_their_defaults(book: Opened) -> None:
    book.put("settings", {"system_alert_to": ["Ops"], "retention_days": 5})
    assert book.published[-1].settings.retention_days == 5
    book.delete("settings", "settings")
    assert book.published[-1].settings.retention_days == 90


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "directory.toml"
    path.write_text('[[recipient]]\nname = "Jane"\nsms = "81234567"\n[[recipient]]\nname = "Bob"\n')
    return path


def test_provisioned_entries_are_read_only_and_named_with_their_file(book: Opened, folder: Path, toml: Path) -> None:
    report = book.provision(toml)
    assert report.tables == {"recipient": Counts(added=1, changed=1)}
    assert {e["name"] for e in book.entries("recipient") if e["provisioned"]} == {"Jane", "Bob"}
    for refused in (
        lambda: book.put("recipient", {"name": "bob"}),
        lambda: book.delete("recipient", "Bob"),
        lambda: book.put("recipient", {"id": book.entries("recipient")[1]["id"], "name": "Kim"}),
    ):
        with pytest.raises(Refused, match=r"is managed in .*/directory\.toml; change it there"):
            refused()
    assert Opened(folder).entries("recipient") == book.entries("recipient")
    generation = book.published[-1].generation
    assert book.provision(toml).tables == {"recipient": Counts(unchanged=2)}
    assert book.published[-1].generation == generation


def test_entries_that_leave_the_file_stay_without_the_mark(book: Opened, toml: Path) -> None:
    book.provision(toml)
    toml.write_text('[[recipient]]\nname = "Bob"\n')
    assert book.provision(toml).released == ["recipient 'Jane'"]
    book.put("recipient", {"name": "Jane"})
    toml.unlink()
    assert book.provision(toml).released == ["recipient 'Bob'"]
    book.delete("recipient", "Bob")
    assert book.provision(toml).released == []


@pytest.mark.parametrize(
    "content",
    [
        b'[[recipient]]\nname = "Bo',
        b"\xff\xfe",
        b"x = " + b"[" * 100_000,
        b'[[group]]\nname = "G"\nmembers = ["Nobody"]',
        b"[recipients]\n",
    ],
)
def test_a_bad_file_changes_nothing(book: Opened, toml: Path, content: bytes) -> None:
    book.provision(toml)
    before = book.entries("recipient")
    toml.write_bytes(content)
    with pytest.raises(ConfigErrors):
        book.provision(toml)
    assert book.entries("recipient") == before


def test_a_file_that_cannot_be_read_releases_nothing(book: Opened, toml: Path) -> None:
    book.provision(toml)
    toml.unlink()
    toml.mkdir()
    with pytest.raises(ConfigErrors, match="cannot be read: Is a directory"):
        book.provision(toml)
    assert any(e["provisioned"] for e in book.entries("recipient"))


def test_a_damaged_table_is_mended_and_healed(book: Opened, folder: Path) -> None:
    """The older generation of the recipients does not know Bob, to whom the group refers."""
    book.put("recipient", {"name": "Bob"})
    book.put("group", {"name": "Ops", "members": ["Jane", "Bob"]})
    (folder / "recipient.json").write_bytes(b"junk")
    mended = Opened(folder)
    assert mended.export()["group"][0]["members"] == ["Jane"]
    assert "the generation before it is used" in mended.notes[0]
    assert "group 'Ops': members[1] names a lost recipient: taken out" in mended.notes
    assert any("kept as group.json.before-repair-" in note for note in mended.notes)
    again = Opened(folder)
    assert again.notes == []
    assert again.export() == mended.export()


def test_a_disk_that_refuses_leaves_the_book_as_it_was(
    book: Opened, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = book.export()

    def full(*_: object) -> None:
        raise StoreError("recipient.json cannot be written: No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("addispatch.store.safe_storage.SafeStorage.write", full)
        for change in (
            lambda: book.put("recipient", {"name": "Eve"}),
            lambda: book.apply({"recipient": [{"name": "E"}], "group": [{"name": "F"}]}),
        ):
            with pytest.raises(StoreError, match="No space left"):
                change()
    assert book.export() == before == Opened(folder).export()
    assert len(book.published) == 2
    book.put("recipient", {"name": "Eve"})


def test_a_full_disk_does_not_keep_a_damaged_book_from_starting(
    book: Opened, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.put("recipient", {"name": "Eve"})
    (folder / "recipient.json").write_bytes(b"junk")

    def full(*_: object) -> None:
        raise StoreError("recipient.json cannot be written: No space left on device")

    monkeypatch.setattr("addispatch.store.safe_storage.SafeStorage.write", full)
    started = Opened(folder)
    assert [r["name"] for r in started.export()["recipient"]] == ["Adam", "Jane"]
    assert started.notes[-1].endswith("No space left on device")


@pytest.fixture
def other(tmp_path: Path) -> Opened:
    other = Opened(tmp_path / "other")
    other.apply({"group": [{"name": "Night"}, {"name": "ops"}], "policy": [{"name": "p"}]})
    return other


def test_another_directory_replaces_all(book: Opened, other: Opened, tmp_path: Path) -> None:
    packed = book.packed()
    done = other.install(packed.blob, packed.sha, keep=True)
    assert done.packed == packed == other.packed()
    assert other.export() == book.export()
    assert other.entries("group") == book.entries("group")
    assert other.published[-1].link_keys == book.published[-1].link_keys
    assert other.published[-1].find("Night") is None
    assert [snapshot.generation for snapshot in other.published] == [1, 2, 3]
    again = Opened(tmp_path / "other")
    assert again.packed() == packed
    assert again.notes == []


def test_the_directory_replaced_is_kept_and_offered(book: Opened, other: Opened, tmp_path: Path) -> None:
    packed = book.packed()
    done = other.install(packed.blob, packed.sha, keep=True)
    assert done.differences == [
        "recipient 'Adam': only there", "recipient 'Jane': only there", "group 'Night': only here",
        "group 'ops': differs", "policy 'p': only here", "route 'plant': only there",
    ]  # fmt: skip
    offered = other.offered()
    assert offered is not None
    assert offered.path == tmp_path / "other" / done.kept
    assert "group 'Night': only there" in offered.differences


@pytest.mark.parametrize("keep", [True, False])
def test_nothing_is_kept_of_an_empty_directory_or_unasked(
    book: Opened, other: Opened, tmp_path: Path, keep: bool
) -> None:
    packed, target = book.packed(), Opened(tmp_path / "empty") if keep else other
    done = target.install(packed.blob, packed.sha, keep=keep)
    assert (done.kept, done.differences) == ("", [])
    assert target.offered() is None


def test_installing_the_same_changes_nothing(book: Opened) -> None:
    packed = book.packed()
    assert book.install(packed.blob, packed.sha, keep=True).kept == ""
    assert len(book.published) == 2


def test_a_directory_that_cannot_be_used_changes_nothing(book: Opened, other: Opened) -> None:
    before, packed = other.export(), book.packed()
    for blob, sha in ((packed.blob, "0" * 64), (packed.blob[:-1], packed.sha)):
        with pytest.raises(StoreError):
            other.install(blob, sha, keep=True)
    assert other.export() == before
    assert other.offered() is None
    assert len(other.published) == 2


def test_what_the_domain_cannot_use_is_refused(book: Opened, other: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = book.packed()

    def fails(*_: Any) -> Directory:
        raise ValueError("no such window")

    monkeypatch.setattr(directory_book, "build", fails)
    with pytest.raises(StoreError, match="this version cannot use it: ValueError: no such window"):
        other.install(packed.blob, packed.sha, keep=True)


def test_a_full_disk_leaves_the_old_directory(book: Opened, other: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    before, packed = other.export(), book.packed()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(safe_storage, "_write_out", full)
        with pytest.raises(StoreError, match="No space left"):
            other.install(packed.blob, packed.sha, keep=False)
        with pytest.raises(StoreError, match="No space left"):
            other.install(packed.blob, packed.sha, keep=True)
    assert other.export() == before
    assert other.install(packed.blob, packed.sha, keep=True).kept


def test_where_nothing_may_be_edited_every_edit_is_refused_and_an_install_is_not(
    book: Opened, other: Opened, tmp_path: Path
) -> None:
    book.refuse = lambda: "this node is the slave"
    for edit in (
        lambda: book.apply({}),
        lambda: book.provision(tmp_path / "directory.toml"),
        lambda: book.put("group", {"name": "x"}),
        lambda: book.delete("route", "plant"),
        book.rotate_link_keys,
    ):
        with pytest.raises(Refused) as refused:
            edit()
        assert str(refused.value) == "directory: this node is the slave"
    packed = other.packed()
    book.install(packed.blob, packed.sha, keep=True)
    assert book.export() == other.export()
    book.refuse = str
    book.put("group", {"name": "x"})


def test_how_a_file_differs_is_told_without_applying_it(book: Opened, tmp_path: Path) -> None:
    file = tmp_path / "directory.toml"
    assert book.unlike(file) == []
    file.write_text('[[recipient]]\nname = "Adam"\nsms = "91234567"\n[[group]]\nname = "New"\n')
    assert book.unlike(file) == ["group 'New': only there"]
    assert "New" not in str(book.export())
    file.write_text('[[recipient]]\nname = "Adam"\nsms = "91234567"\n')
    assert book.unlike(file) == []
    file.write_text("[[recipient]]\nname = 5\n")
    with pytest.raises(ConfigErrors):
        book.unlike(file)


def test_whether_what_was_loaded_is_older_is_known(book: Opened, folder: Path) -> None:
    assert not book.is_mended
    assert not Opened(folder).is_mended
    book.put("group", {"name": "Day"})
    (folder / "group.json").write_text("{")
    assert Opened(folder).is_mended
    assert not Opened(folder).is_mended
    (folder / "change.json").write_text("{")
    assert Opened(folder).is_mended
    assert not Opened(folder).is_mended


def test_what_would_be_too_large_for_two_nodes_is_refused_before_it_is_written(
    book: Opened, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed, before = book.packed(), book.export()
    monkeypatch.setattr(directory_pack, "MAX_BYTES", len(packed.blob) + 50)
    many = {"recipient": [{"name": f"{n} {hashlib.sha256(b'%d' % n).hexdigest()}"} for n in range(50)]}
    book.is_shared = True
    with pytest.raises(ConfigErrors, match=r"directory: would be too large for two nodes: \d+ bytes packed, at most"):
        book.apply(many)
    assert (book.export(), Opened(folder).export(), book.packed()) == (before, before, packed)
    book.put("template", {"name": "small", "text": "x"})
    book.is_shared = False
    book.apply(many)
    assert book.packed().problem, "a node alone has no such limit"
    book.is_shared = True
    book.put("template", {"name": "small", "text": "y"})
    for entry in many["recipient"]:
        book.delete("recipient", entry["name"])
    assert not book.packed().problem, "what is too large already can be changed, and so made smaller"


def test_a_circle_an_older_version_took_loads_with_a_word_and_can_be_removed(
    book: Opened, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = [{"name": "P1", "probe": "ping", "parent": "P2"}, {"name": "P2", "probe": "ping", "parent": "P1"}]
    with monkeypatch.context() as older:
        older.setattr(directory_change, "wrong_parents", lambda *_: ())
        book.apply({"monitor": [*ring, {"name": "Self", "probe": "ping", "parent": "Self"}]})
    again = Opened(folder)
    assert again.notes[0] == "parent: P1 -> P2 -> P1 is a circle of monitors: their parents are ignored"
    again.put("monitor", {"name": "Other", "probe": "ping"})
    with pytest.raises(ConfigErrors, match="parent: P1 -> P2 -> P1 is a circle"):
        again.put("monitor", ring[0])
    again.delete("monitor", "Self")
    again.put("monitor", {**ring[0], "parent": None})
    assert Opened(folder).notes == []
