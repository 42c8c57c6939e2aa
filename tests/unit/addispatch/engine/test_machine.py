"""Files and machine, in real folders with real modes."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from addispatch.engine import machine

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


@pytest.fixture
def write(tmp_path):
    def write(text, name="addispatch.toml", mode=0o640):
        file = tmp_path / name
        file.write_text(text)
        file.chmod(mode)
        return file

    return write


def problems(findings):
    return [finding.problem for finding in findings if finding.problem]


def test_a_valid_configuration(write):
    file = write('[node]\nname = "a"\n')
    assert [(one.detail, one.problem) for one in machine.configuration(file)] == [(f"{file} is valid", "")]


def test_each_mistake_is_a_finding_with_its_hint(write):
    found = machine.configuration(write('[node]\nnmae = "a"\n[plugin.log]\npaht = "x"\n'))
    assert [one.problem for one in found] == [
        "node.nmae: is no option here", "plugin.log.paht: is no option here",
    ]  # fmt: skip
    assert all("did you mean" in one.advice for one in found)


def test_not_more_than_one_can_read(write):
    found = machine.configuration(write("[node]\n" + "".join(f"x{n} = 1\n" for n in range(40))))
    assert len(found) == machine.MOST_MISTAKES + 1
    assert found[-1].problem == "and 20 more mistakes"


def test_a_file_changed_after_the_start_is_not_in_force(write):
    file = write("[node]\n")
    os.utime(file, (NOW.timestamp(), NOW.timestamp()))
    assert problems(machine.configuration(file, NOW)) == []
    (finding,) = machine.configuration(file, NOW - timedelta(seconds=1))
    assert (finding.problem, finding.advice) == (
        "addispatch.toml changed since the start", "restart addispatch to use it",
    )  # fmt: skip


def test_secrets_that_everybody_can_read(write):
    config = '[plugin.smtp.primary]\nhost = "h"\nuser = "u"\nsender = "a@b.c"\npassword = "${FILE:smtp.password}"\n'
    file = write(config)
    secret = write("hush", "smtp.password", 0o600)
    assert problems(machine.secrets(file)) == []
    secret.chmod(0o644)
    (finding,) = machine.secrets(file)
    assert finding.problem == f"everybody on this machine can read {secret}"
    assert finding.advice == f"chmod 640 {secret}"


@pytest.mark.parametrize("line", ['password = "hush"', 'url = "mqtt://me:hush@broker"'])
def test_a_secret_in_a_file_that_everybody_can_read(write, line):
    file = write(f"[plugin.mqtt]\n{line}\n", mode=0o644)
    (finding,) = machine.secrets(file)
    assert "everybody can read it" in finding.problem
    assert "hush" not in str(finding)
    file.chmod(0o640)
    assert problems(machine.secrets(file)) == []


def test_without_secrets_everybody_may_read(write):
    assert problems(machine.secrets(write('[plugin.mqtt]\nurl = "mqtt://broker"\n', mode=0o644))) == []


def test_a_missing_secret_is_the_configuration_s_finding(write):
    file = write('[plugin.mqtt]\npassword = "${FILE:gone}"\n')
    assert problems(machine.secrets(file)) == []
    assert any("gone" in problem for problem in problems(machine.configuration(file)))


def test_a_private_folder(tmp_path):
    folder = tmp_path / "data"
    assert "the first start makes it" in machine.data_folder(folder).detail
    folder.mkdir(mode=0o700)
    assert machine.data_folder(folder).problem == ""
    folder.chmod(0o750)
    finding = machine.data_folder(folder)
    assert "open to others (mode 0750)" in finding.problem
    assert finding.advice == f"chmod 700 {folder}"


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    """Root may write everywhere, so the system's answer is invented."""
    monkeypatch.setattr(machine.os, "access", lambda _path, _mode: False)
    assert "cannot be made" in machine.data_folder(tmp_path / "data").problem
    finding = machine.data_folder(tmp_path)
    assert "cannot be written by" in finding.problem
    assert finding.advice.startswith("chown ")


class Usage(NamedTuple):
    total: int
    used: int
    free: int


class Files(NamedTuple):
    f_files: int
    f_favail: int


def test_room_on_the_disk(tmp_path, monkeypatch):
    assert machine.disk(tmp_path / "not" / "there", 100).problem == ""
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(20 * 2**30, 0, 12 * 2**20))
    finding = machine.disk(tmp_path, 100)
    assert finding.problem == "only 12 MiB of 20.0 GiB free, less than 100 MiB"
    assert "make room" in finding.advice


def test_no_inodes(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(2**40, 0, 2**40))
    monkeypatch.setattr(machine.os, "statvfs", lambda _path: Files(100, 0))
    assert machine.disk(tmp_path, 100).problem == "no inodes left"
    monkeypatch.setattr(machine.os, "statvfs", lambda _path: Files(0, 0))  # btrfs does not count them
    assert machine.disk(tmp_path, 100).problem == ""


@pytest.mark.parametrize(
    ("synchronised", "detail", "problem"),
    [
        (True, "2026-11-23 06:00:00 UTC, synchronised", ""),
        (None, "2026-11-23 06:00:00 UTC; whether it is synchronised is not known", ""),
        (False, "", "it says 2026-11-23 06:00:00 UTC, and nothing keeps it right (no NTP)"),
    ],
)
def test_the_clock(monkeypatch, synchronised, detail, problem):
    monkeypatch.setattr(machine, "is_synchronised", lambda: synchronised)
    finding = machine.clock(NOW)
    assert (finding.detail, finding.problem) == (detail, problem)


def test_a_clock_that_was_never_set():
    assert "1970-01-01" in machine.clock(datetime(1970, 1, 1, tzinfo=UTC)).problem


def test_the_kernel_is_asked_as_its_own_tools_ask_it(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "_TIMESYNCD", tmp_path / "synchronized")
    assert machine.is_synchronised() in (True, False, None)
    (tmp_path / "synchronized").touch()
    assert machine.is_synchronised() is True


def test_the_time_zone_says_what_time_it_is():
    assert machine.time_zone("Asia/Singapore", NOW).detail == "Asia/Singapore, where it is 14:00"


def test_gammu(monkeypatch):
    assert machine.gammu().detail.startswith("python-gammu 3")
    monkeypatch.setattr(machine, "find_spec", lambda _name: None)
    assert "not installed" in machine.gammu().problem


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ("/proc/x", "/proc/x is not there and cannot be made in /proc"),
        ("/dev/null/x/y", "/dev/null/x/y cannot be made: /dev/null is no folder"),
        ("/dev/null", "/dev/null is no folder"),
    ],
)
def test_a_data_folder_that_can_never_be(place, problem):
    finding = machine.data_folder(Path(place))
    assert finding.problem == problem
    assert "data_dir" in finding.advice or "chown" in finding.advice
