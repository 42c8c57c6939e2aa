"""The ballast is really allocated, private, made once and given up at once."""

from __future__ import annotations

import errno

import pytest
from limits import largest_file

from addispatch.store.ballast import BALLAST_BYTES, Ballast


def test_it_takes_the_room_it_says(tmp_path):
    ballast = Ballast(tmp_path)
    assert not ballast.is_there
    ballast.make()
    found = (tmp_path / "ballast").stat()
    assert (found.st_size, found.st_mode & 0o777) == (BALLAST_BYTES, 0o600)
    assert found.st_blocks * 512 >= BALLAST_BYTES
    assert ballast.is_there


def test_it_is_made_once_and_given_up_once(tmp_path):
    ballast = Ballast(tmp_path, 4096)
    ballast.make()
    inode = ballast.path.stat().st_ino
    ballast.make()
    assert ballast.path.stat().st_ino == inode
    assert ballast.release()
    assert not ballast.release()
    assert not ballast.is_there


@pytest.mark.parametrize("content", [b"", b"x" * 4096])
def test_another_size_is_none_and_is_replaced(tmp_path, content):
    ballast = Ballast(tmp_path, 65536)
    ballast.path.write_bytes(content)
    assert not ballast.is_there
    ballast.make()
    assert ballast.is_there


def test_a_file_with_a_hole_keeps_no_room(tmp_path):
    ballast = Ballast(tmp_path, 65536)
    with ballast.path.open("wb") as file:
        file.truncate(65536)
    assert not ballast.is_there


def test_what_does_not_fit_leaves_nothing(tmp_path):
    with largest_file(10_000), pytest.raises(OSError) as refused:
        Ballast(tmp_path, 65536).make()
    assert refused.value.errno == errno.EFBIG
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "ballast").symlink_to(victim)
    ballast = Ballast(tmp_path, 65536)
    assert not ballast.is_there
    ballast.make()
    assert victim.read_text() == "precious"
    assert not ballast.path.is_symlink()
