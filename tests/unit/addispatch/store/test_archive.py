"""The file: what is written is read; whatever is wrong with it is said in one line, and nothing is written elsewhere."""

from __future__ import annotations

import gzip
import io
import json
import tarfile

import pytest

from addispatch.domain.errors import StoreError
from addispatch.store import archive
from addispatch.store.archive import Manifest

PLAIN = Manifest("1.0", 3, "a", "s", 1_700_000_000_000, {})


@pytest.fixture
def made(tmp_path):
    """A backup of two files."""
    for name, text in (("ledger.db", b"l" * 3_000_000), ("directory/group.json", b"{}")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text)
    with (tmp_path / "b.tar.gz").open("wb") as out:
        files = [(name, tmp_path / name) for name in ("ledger.db", "directory/group.json")]
        archive.write(out, PLAIN, files)
    return tmp_path / "b.tar.gz"


def packed(path, members, **manifest):
    """A file with members as somebody else might make it."""
    doc = {"format": 1, **PLAIN._asdict(), "parts": {}, **manifest}
    with tarfile.open(path, "w:gz") as tar:
        for name, text in [("manifest.json", json.dumps(doc).encode()), *members]:
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))
    return path


def test_what_is_written_is_read(made, tmp_path):
    manifest = archive.read(made, lambda name: tmp_path / "out" / name)
    assert manifest._replace(parts={}) == PLAIN
    assert manifest.parts["ledger.db"].size_bytes == 3_000_000
    assert (tmp_path / "out/ledger.db").read_bytes() == b"l" * 3_000_000
    assert (tmp_path / "out/directory/group.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9, 0.99])
def test_a_file_that_is_cut_off(made, kept):
    data = made.read_bytes()
    made.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(StoreError, match=r"cut off|is no backup"):
        archive.read(made)


def test_a_flipped_bit_in_a_part(made):
    raw = bytearray(gzip.decompress(made.read_bytes()))
    raw[raw.index(b"llll")] ^= 1
    made.write_bytes(gzip.compress(bytes(raw)))
    with pytest.raises(StoreError, match=r"damaged: the checksum of ledger.db is wrong"):
        archive.read(made)


def test_a_part_is_missing(made, tmp_path):
    part = archive.read(made).parts["ledger.db"]
    with pytest.raises(StoreError, match=r"is cut off: ledger.db is missing"):
        archive.read(packed(tmp_path / "c", [], parts={"ledger.db": part}))


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "directory/../../x.json", "ballast", "directory/x/y.json"])
def test_names_that_no_backup_has(tmp_path, name):
    with pytest.raises(StoreError, match=r"names what no backup has"):
        archive.read(packed(tmp_path / "c", [], parts={"ledger.db": ["", 0], name: ["", 0]}))


def test_a_member_the_manifest_does_not_name(tmp_path):
    with pytest.raises(StoreError, match=r"'../x' is not expected"):
        archive.read(
            packed(tmp_path / "c", [("../x", b"")], parts={"ledger.db": ["", 0]}), lambda name: tmp_path / name
        )


def test_a_member_that_is_longer_than_it_says(tmp_path):
    with pytest.raises(StoreError, match=r"is not expected"):
        archive.read(packed(tmp_path / "c", [("ledger.db", b"xxx")], parts={"ledger.db": ["", 1]}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "has the form 2, this program knows 1"),
        ({"at_ms": "soon"}, "cannot be read"),
        ({"parts": {"ledger.db": "x"}}, "cannot be read"),
        ({"parts": {}}, "no ledger.db"),
        ({"parts": {"ledger.db": ["", 0], "tokens.json": ["", 10**9]}}, "tokens.json"),
        (
            {"parts": {"ledger.db": ["", 0]} | {f"directory/{'a' * n}.json": ["", 0] for n in range(1, 41)}},
            "is missing",
        ),
    ],
)
def test_a_manifest_that_is_wrong(tmp_path, change, words):
    with pytest.raises(StoreError, match=words):
        archive.read(packed(tmp_path / "c", [], **change))


def test_something_else(tmp_path):
    (tmp_path / "c").write_bytes(b"no tar")
    with pytest.raises(StoreError, match=r"is no backup"):
        archive.read(tmp_path / "c")
    with tarfile.open(tmp_path / "d", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("readme"))
    with pytest.raises(StoreError, match=r"does not begin with manifest.json"):
        archive.read(tmp_path / "d")
    with pytest.raises(StoreError, match=r"cannot be read"):
        archive.read(tmp_path / "none")
