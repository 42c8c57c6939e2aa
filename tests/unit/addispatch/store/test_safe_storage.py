"""The file survives kill -9 at any moment, a full disk, and damage of any single byte."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from limits import largest_file
from tinydb import TinyDB

from addispatch.domain.errors import StoreError
from addispatch.store.safe_storage import SafeStorage, keep_copy, set_aside, write_durably

OLD, NEW = {"t": {"1": {"name": "old"}}}, {"t": {"1": {"name": "new ü"}, "2": {"name": "more"}}}

# Writes generation after generation, each of another size; says so once a generation is durable.
WRITER = """
import sys
from addispatch.store.safe_storage import SafeStorage
storage = SafeStorage(sys.argv[1])
number = int(sys.argv[2])
while True:
    number += 1
    storage.write({"t": {"1": {"number": number, "fill": "x" * (number * 7919 % 200_000)}}})
    print(number, flush=True)
"""
ONE_WRITE = """
import sys
from addispatch.store.safe_storage import SafeStorage
from addispatch.domain.errors import StoreError
try:
    SafeStorage(sys.argv[1]).write({"t": {"1": {"name": "new ü"}, "2": {"name": "more"}}})
except StoreError as error:
    sys.exit(f"refused: {error}")
"""


@pytest.fixture
def storage(tmp_path: Path) -> SafeStorage:
    return SafeStorage(tmp_path / "t.json")


def files(storage: SafeStorage) -> set[str]:
    return {path.name for path in storage.path.parent.iterdir()}


def test_nothing_there_is_none(storage: SafeStorage) -> None:
    assert storage.read() is None
    assert storage.recovered == ""


def test_is_a_tinydb_storage(tmp_path: Path) -> None:
    with TinyDB(tmp_path / "t.json", storage=SafeStorage) as database:
        database.table("t").insert({"name": "ü\n\x00", "list": [1, None, True]})
    with TinyDB(tmp_path / "t.json", storage=SafeStorage) as database:
        assert database.table("t").all() == [{"name": "ü\n\x00", "list": [1, None, True]}]


def test_keeps_one_generation_and_leaves_nothing_else(storage: SafeStorage) -> None:
    storage.write(OLD)
    assert files(storage) == {"t.json"}
    storage.write(NEW)
    assert files(storage) == {"t.json", "t.json.bak"}
    assert storage.read() == NEW
    assert SafeStorage(storage.backup).read() == OLD


def test_files_are_private(storage: SafeStorage) -> None:
    storage.path.with_name("t.json.tmp").touch(mode=0o666)
    storage.write(OLD)
    storage.write(NEW)
    for path in (storage.path, storage.backup):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_in_place_of_the_temporary_file_is_not_followed(storage: SafeStorage, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    storage.path.with_name("t.json.tmp").symlink_to(victim)
    with pytest.raises(StoreError):
        storage.write(OLD)
    assert victim.read_text() == "precious"


def test_a_backup_that_is_the_file_itself_does_no_harm(storage: SafeStorage) -> None:
    """So it is after a kill between keeping the backup and renaming the new file."""
    storage.write(OLD)
    os.link(storage.path, storage.backup)
    storage.write(NEW)
    assert storage.read() == NEW
    assert SafeStorage(storage.backup).read() == OLD
    assert files(storage) == {"t.json", "t.json.bak"}


def damaged(content: bytes) -> list[bytes]:
    flips = [
        content[:at] + bytes([content[at] ^ mask]) + content[at + 1 :]
        for at in range(len(content))
        for mask in (1, 2, 4, 8, 16, 32, 64, 128, 255)
    ]
    return [*flips, *(content[:length] for length in range(len(content))), content + b"\n", content * 2]


def test_every_damaged_byte_and_every_truncation_is_noticed_and_the_backup_read(storage: SafeStorage) -> None:
    storage.write(OLD)
    storage.write(NEW)
    for content in damaged(storage.path.read_bytes()):
        storage.path.write_bytes(content)
        assert storage.read() == OLD
        assert "the generation before it is used" in storage.recovered
        (aside,) = storage.path.parent.glob("t.json.corrupt-*")
        assert aside.read_bytes() == content
        assert aside.name in storage.recovered
        aside.unlink()


def test_a_missing_file_with_a_backup_is_no_empty_directory(storage: SafeStorage) -> None:
    storage.write(OLD)
    storage.write(NEW)
    storage.path.unlink()
    assert storage.read() == OLD
    assert "is missing" in storage.recovered


@pytest.mark.parametrize("backup", [b"", b"junk", None])
def test_both_bad_is_an_error_that_names_both_and_moves_nothing(storage: SafeStorage, backup: bytes | None) -> None:
    storage.path.write_bytes(b"junk")
    if backup is not None:
        storage.backup.write_bytes(backup)
    before = files(storage)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"t\.json .*t\.json\.bak .*restore") as caught:
            storage.read()
        assert "\n" not in str(caught.value)
    assert files(storage) == before


def test_recovered_is_of_the_last_read(storage: SafeStorage) -> None:
    storage.write(OLD)
    storage.write(NEW)
    storage.path.write_bytes(b"junk")
    storage.read()
    storage.write(NEW)
    assert storage.read() == NEW
    assert storage.recovered == ""


@pytest.mark.parametrize("size", [0, 1, 70, 4096, 65536])
def test_a_file_that_does_not_fit_leaves_the_old_one(storage: SafeStorage, size: int) -> None:
    storage.write(OLD)
    storage.write(NEW)
    with largest_file(size), pytest.raises(StoreError, match="cannot be written: File too large"):
        storage.write({"t": {"1": {"fill": "x" * 100_000}}})
    assert storage.read() == NEW
    assert SafeStorage(storage.backup).read() == OLD
    assert files(storage) == {"t.json", "t.json.bak"}
    storage.write(OLD)
    assert storage.read() == OLD


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a tmpfs")
def test_a_full_disk_leaves_the_old_file_and_recovers_by_itself(tmp_path: Path) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", tmp_path], check=False)
    if mounted.returncode:
        pytest.skip("may not mount")
    try:
        storage = SafeStorage(tmp_path / "t.json")
        storage.write(NEW)
        (tmp_path / "ballast").write_bytes(b"x" * 250_000)
        for _ in range(3):
            with pytest.raises(StoreError, match="No space left"):
                storage.write({"t": {"1": {"fill": "x" * 100_000}}})
            assert storage.read() == NEW
        (tmp_path / "ballast").unlink()
        storage.write({"t": {"1": {"fill": "x" * 100_000}}})
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_folder_that_is_gone_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        SafeStorage(tmp_path / "gone" / "t.json").write(OLD)


def test_kill_9_at_random_moments_loses_nothing(storage: SafeStorage) -> None:
    acknowledged = 0
    for round_ in range(25):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, storage.path, str(acknowledged)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout
            for _ in range(1 + round_ % 5):
                acknowledged = int(writer.stdout.readline())
            writer.kill()
            acknowledged = int([acknowledged, *writer.stdout.read().split()][-1])
        found = storage.read()
        assert found is not None
        assert storage.recovered == ""
        number = found["t"]["1"]["number"]
        assert number in (acknowledged, acknowledged + 1)
        assert len(found["t"]["1"]["fill"]) == number * 7919 % 200_000
        acknowledged = number


def inject(storage: SafeStorage, fault: str) -> subprocess.CompletedProcess[str]:
    syscall = fault.partition(":")[0]
    return subprocess.run(
        ["strace", "-f", "-o", "/dev/null", "-e", f"trace={syscall}", "-e", f"inject={fault}",
         sys.executable, "-B", "-c", ONE_WRITE, storage.path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.debian
@pytest.mark.parametrize(
    "point", ["fchmod:1", "fsync:1", "link,linkat:1", "rename:1", "rename:2", "fsync:2", "/^unlink:1", "/^unlink:2"]
)
def test_a_kill_before_each_step_leaves_a_whole_generation(storage: SafeStorage, point: str) -> None:
    storage.write(OLD)
    syscall, _, number = point.rpartition(":")
    result = inject(storage, f"{syscall}:signal=KILL:when={number}")
    assert result.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), result.stderr
    expected = NEW if point == "fsync:2" else OLD
    assert storage.read() == expected
    assert storage.recovered == ""
    storage.write(NEW)
    storage.write(OLD)
    assert storage.read() == OLD
    assert files(storage) == {"t.json", "t.json.bak"}


@pytest.mark.debian
@pytest.mark.parametrize(
    "fault",
    ["fsync:error=EIO:when=1", "link,linkat:error=ENOSPC:when=1", "rename:error=EIO:when=1", "rename:error=EIO:when=2"],
)
def test_an_error_at_each_step_is_told_and_leaves_the_old_file(storage: SafeStorage, fault: str) -> None:
    storage.write(OLD)
    result = inject(storage, fault)
    assert result.returncode == 1
    assert "refused: " in result.stderr
    assert storage.read() == OLD
    storage.write(NEW)
    assert storage.read() == NEW
    assert files(storage) == {"t.json", "t.json.bak"}


def test_set_aside_and_keep_copy_never_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    for number in range(5):
        path.write_text(str(number))
        assert keep_copy(path, "before") is not None
        assert set_aside(path, "corrupt") is not None
    assert sorted(p.read_text() for p in tmp_path.glob("*.corrupt-*")) == ["0", "1", "2", "3", "4"]
    assert len(list(tmp_path.glob("*.before-*"))) == 5
    assert set_aside(path, "corrupt") is None
    assert keep_copy(path, "before") is None


def test_a_plain_file_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "plain.json"
    write_durably(path, b"old")
    write_durably(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (tmp_path / "plain.json.tmp").mkdir()
    with pytest.raises(StoreError, match="cannot be written: Is a directory"):
        write_durably(path, b"newer")
    assert path.read_bytes() == b"new"
