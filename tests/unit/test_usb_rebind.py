"""The program that binds a USB port anew, as root in life, on a fake sysfs tree here."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest

SYSTEMD = Path(__file__).resolve().parents[2] / "systemd"
PROGRAM = SYSTEMD / "addispatch-usb-rebind"


@pytest.fixture
def rebind(tmp_path, monkeypatch) -> Any:
    """The program's ``main`` on a tree with a modem 1-1.2, one of the other kind 2-3 and a disk 1-4."""
    loader = SourceFileLoader("usb_rebind", str(PROGRAM))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    monkeypatch.setattr(module, "UNBOUND_S", 0.0)
    devices, driver = tmp_path / "sys/bus/usb/devices", tmp_path / "sys/bus/usb/drivers/usb"
    for path in ("1-1.2/1-1.2:1.0/ttyUSB0", "2-3/2-3:1.1/tty/ttyACM0", "1-4/1-4:1.0/host0"):
        device, interface, rest = path.split("/", 2)
        (devices / device / interface / rest).mkdir(parents=True)
    driver.mkdir(parents=True)
    for name in ("bind", "unbind"):
        (driver / name).touch()
    (tmp_path / "requests").mkdir()

    def run() -> int:
        folders = {"requests": tmp_path / "requests", "sysfs": tmp_path / "sys", "state": tmp_path / "state"}
        return module.main([f"--{name}={folder}" for name, folder in folders.items()])

    return run


def written(tmp_path, name):
    return (tmp_path / "sys/bus/usb/drivers/usb" / name).read_text()


@pytest.mark.parametrize("device", ["1-1.2", "2-3"])
def test_a_modem_is_bound_anew_and_the_request_is_gone(rebind, tmp_path, device, capsys):
    (tmp_path / "requests/sim1").write_text(f"{device}\n")
    assert rebind() == 0
    assert (written(tmp_path, "unbind"), written(tmp_path, "bind")) == (device, device)
    assert not any((tmp_path / "requests").iterdir())
    assert f"USB {device} is bound anew" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("1-4", "it is no modem"),
        ("1-9", "there is no USB device 1-9"),
        ("usb1", "names no USB device"),
        ("../../1-1.2", "names no USB device"),
        ("1-1.2:1.0", "names no USB device"),
        ("1-1.2\n2-3", "names no USB device"),
        ("1-1.2" + " " * 100, "bound anew"),
        ("", "names no USB device"),
        ("\xff", "names no USB device"),
    ],
)
def test_nothing_else_is_touched(rebind, tmp_path, content, reason, capsys):
    (tmp_path / "requests/sim1").write_text(content, encoding="latin-1")
    code = rebind()
    told = capsys.readouterr()
    assert reason in told.err + told.out
    if code:
        assert written(tmp_path, "unbind") == ""
    assert not any((tmp_path / "requests").iterdir())


def test_no_link_is_followed_and_no_pipe_waited_for(rebind, tmp_path, capsys):
    (tmp_path / "secret").write_text("1-1.2")
    (tmp_path / "requests/link").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "requests/pipe")
    (tmp_path / "requests/folder").mkdir()
    assert rebind() == 1
    assert written(tmp_path, "unbind") == ""
    assert not any((tmp_path / "requests").iterdir())
    assert (tmp_path / "secret").exists()
    assert capsys.readouterr().err.count("\n") == 3


def test_a_device_is_left_alone_for_a_while(rebind, tmp_path, capsys):
    for expected in (0, 1):
        (tmp_path / "requests/sim1").write_text("1-1.2")
        assert rebind() == expected
    assert "a short time ago" in capsys.readouterr().err
    stamp = tmp_path / "state/1-1.2"
    os.utime(stamp, (0, 0))
    (tmp_path / "requests/sim1").write_text("1-1.2")
    assert rebind() == 0


def test_a_request_from_long_ago_is_dropped(rebind, tmp_path, capsys):
    request = tmp_path / "requests/sim1"
    request.write_text("1-1.2")
    os.utime(request, (0, 0))
    assert rebind() == 1
    assert "is too old" in capsys.readouterr().err
    assert written(tmp_path, "unbind") == ""
    assert not request.exists()


def test_it_runs_by_itself():
    shown = subprocess.run([sys.executable, "-I", PROGRAM, "--help"], capture_output=True, text=True, check=True)
    assert "--requests" in shown.stdout
    assert os.access(PROGRAM, os.X_OK)


def test_daemon_unit_and_program_mean_the_same_folder():
    from addispatch_plugins.modem.healer import REQUESTS, USB_DEVICE

    folder = f"/var/lib/addispatch/plugins/modem/{REQUESTS}"
    assert f'Path("{folder}")' in PROGRAM.read_text()
    assert f"DirectoryNotEmpty={folder}\n" in (SYSTEMD / "addispatch-usb-rebind.path").read_text()
    assert f"ReadWritePaths={folder}\n" in (SYSTEMD / "addispatch-usb-rebind.service").read_text()
    assert f'DEVICE = re.compile(r"{USB_DEVICE.pattern}")' in PROGRAM.read_text()


@pytest.mark.debian
def test_systemd_understands_the_units():
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is missing: install systemd")
    units = [str(SYSTEMD / f"addispatch-usb-rebind.{kind}") for kind in ("path", "service")]
    result = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    complaints = [line for line in result.stderr.splitlines() if "is not executable" not in line]
    assert not [line for line in complaints if re.search("addispatch", line)]
