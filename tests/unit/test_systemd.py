"""The files for systemd and udev: hardened, complete, and permitting what the daemon does."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "systemd/addispatch.service"
RULES = ROOT / "systemd/99-addispatch-modem.rules"
MAX_EXPOSURE = 2.0


def service() -> dict[str, str]:
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    return dict(parser["Service"])


@pytest.mark.debian
def test_the_service_is_hardened() -> None:
    result = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        check=False,
    )
    score = re.search(r"Overall exposure level for addispatch\.service: ([\d.]+)", result.stdout)
    assert score, result.stderr
    assert float(score[1]) <= MAX_EXPOSURE


@pytest.mark.debian
def test_systemd_understands_every_line() -> None:
    result = subprocess.run(["systemd-analyze", "verify", str(UNIT)], capture_output=True, text=True, check=False)
    complaints = [line for line in result.stderr.splitlines() if "is not executable" not in line]
    assert not [line for line in complaints if "addispatch" in line]


def test_the_service_restarts_is_watched_and_may_do_its_work() -> None:
    found = service()
    assert found["Type"] == "notify"
    assert found["WatchdogSec"] == "30"
    assert found["Restart"] == "always"
    assert found["RestartPreventExitStatus"] == "78"
    assert found["StateDirectory"] == "addispatch"
    assert "dialout" in found["SupplementaryGroups"]
    assert {"AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK"} == set(found["RestrictAddressFamilies"].split())
    devices = re.findall(r"^DeviceAllow=(\S+) rw$", UNIT.read_text(), re.MULTILINE)
    assert {"char-ttyUSB", "char-ttyACM", "char-ttyS"} <= set(devices)
    # These would take the serial ports, the modem's child process or the boot id away.
    assert "PrivateDevices" not in found
    assert "ProcSubset" not in found


def test_everything_we_import_works_without_writable_code() -> None:
    """MemoryDenyWriteExecute: the kernel's own switch for it (PR_SET_MDWE, Linux 6.3) stands in for systemd's filter."""
    program = """
import ctypes, mmap, subprocess, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):
    sys.exit(77)
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    sys.exit("not denied")
except PermissionError:
    pass
import aiosmtplib, fastapi, gammu, orjson, paho.mqtt.client, phonenumbers, pydantic, pymodbus.client
import serial, sqlalchemy, sqlite3, ssl, structlog, tinydb, uvicorn
subprocess.run([sys.executable, "-c", "import gammu"], check=True)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    if result.returncode == 77:
        pytest.skip("this kernel has no PR_SET_MDWE")
    assert result.returncode == 0, result.stderr


@pytest.mark.debian
def test_udev_understands_the_rules() -> None:
    if shutil.which("udevadm") is None or subprocess.run(["udevadm", "verify", "--help"], check=False).returncode:
        pytest.skip("udevadm verify came with systemd 254")
    verified = subprocess.run(
        ["udevadm", "verify", "--no-style", str(RULES)], capture_output=True, text=True, check=False
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_the_rules_are_well_formed() -> None:
    key = re.compile(r'^[A-Z]+(\{[\w/]+\})?(==|!=|=|\+=)"[^"]*"$')
    lines = [line for line in RULES.read_text().splitlines() if line and not line.startswith("#")]
    parts = [part for line in lines for part in re.split(r",\s+", line)]
    assert [part for part in parts if not key.match(part)] == []
    labels = {part for part in parts if part.startswith("LABEL")}
    assert {part.replace("GOTO", "LABEL") for part in parts if part.startswith("GOTO")} == labels
    text = RULES.read_text()
    assert 'ENV{ID_MM_DEVICE_IGNORE}="1"' in text
    assert 'GROUP="dialout"' in text


def test_the_example_path_of_the_service_is_the_documented_one() -> None:
    operations = (ROOT / "docs/operations.md").read_text()
    python = Path(service()["ExecStart"].split()[0]).parent
    assert str(python) in operations
    assert UNIT.name in operations
    assert RULES.name in operations


def steps(page: str, heading: str) -> list[list[str]]:
    """The commands of a chapter of the guide, in order."""
    chapter = (ROOT / "docs" / page).read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for block in re.findall(r"```sh\n(.*?)```", chapter, re.DOTALL) for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.strip()]


def test_the_steps_of_the_installation_can_be_done_in_their_order() -> None:
    """What a step needs is in the repository, or was made by a step before it."""
    made = {"/etc/systemd/system", "/usr/local/bin", "/dev"}
    has_user = False
    for words in steps("operations.md", "Install as a service"):
        line = " ".join(words)
        has_user |= "systemd-sysusers" in words
        assert has_user or ("-g" not in words and "-u" not in words), f"there is no such user yet: {line}"
        for word in words:
            if word.startswith(("systemd/", "config/")):
                assert (ROOT / word).is_file(), line
            if word.startswith("/etc/") and "install" not in words:
                assert word in made, f"nothing made it yet: {line}"
        if "install" in words and words[1] == "install":
            target = Path(words[words.index("-t") + 1] if "-t" in words else words[-1])
            assert {"-d", "-D"} & {*words} or not {str(target), str(target.parent)}.isdisjoint(made), line
            made |= {str(target), str(target.parent)}
