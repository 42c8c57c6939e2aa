"""The Makefile and the scripts behind it, as a newcomer meets them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str, path: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run in the repository's folder; ``path`` is put before the programs' folders."""
    search = f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PATH": search} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def program(folder: Path, name: str, script: str) -> Path:
    """A stand-in program."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_make_alone_lists_every_target() -> None:
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets
    listed = run("make").stdout
    assert [name for name in targets[1].split() if f"make {name} " not in listed] == []


@pytest.mark.parametrize("script", ["environment", "packages", "run"])
def test_scripts_parse_and_are_executable(script: str) -> None:
    path = ROOT / ".ci" / script
    assert os.access(path, os.X_OK)
    assert run("bash" if script == "run" else "sh", "-n", str(path)).returncode == 0


def test_what_python_compiled_is_kept() -> None:
    shown = run("make", "--eval=show: ; @env", "show", PYTHONDONTWRITEBYTECODE="1", KEPT="1").stdout.splitlines()
    assert "KEPT=1" in shown
    assert not [line for line in shown if line.startswith("PYTHONDONTWRITEBYTECODE=")]


def test_ci_is_make_test() -> None:
    lines = (ROOT / ".ci/run").read_text().splitlines()
    assert "set -euo pipefail" in lines
    assert lines[-1] == "exec make test </dev/null"


def test_an_old_python_is_named_in_one_line(tmp_path: Path) -> None:
    old = program(tmp_path, "old", '[ "$1" = --version ] && echo Python 3.9.2 && exit 0; exit 1')
    result = run(".ci/environment", str(tmp_path / "venv"), "demo", PYTHON=str(old))
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        f"addispatch needs Python 3.11 or newer; {old} is Python 3.9.2. Name another one: make PYTHON=python3.12 …"
    ]
    assert not (tmp_path / "venv").exists()


def test_without_ensurepip_and_rights_it_says_what_to_install(tmp_path: Path) -> None:
    python = program(tmp_path, "py", '[ "$2" = "import ensurepip" ] && exit 1; exec python3 "$@"')
    for name in ("uv", "apt-get", "sudo"):
        program(tmp_path, name, "exit 1")
    result = run(".ci/environment", str(tmp_path / "venv"), "demo", path=tmp_path, PYTHON=str(python))
    assert result.returncode == 1
    assert re.fullmatch(
        r"Please install it \(or uv\) and try again: sudo apt-get install python3\.\d+-venv",
        result.stderr.splitlines()[-1],
    )
    assert not (tmp_path / "venv").exists(), "half an environment was left behind"


def test_uv_is_used_with_the_constraints_and_downloads_no_python(tmp_path: Path) -> None:
    program(tmp_path, "uv", 'echo "$UV_PYTHON_DOWNLOADS $@"')
    result = run(".ci/environment", str(tmp_path / "venv"), "demo", "constraints.txt", path=tmp_path)
    assert result.returncode == 0
    made, installed = result.stdout.splitlines()[1:] if "--version" in result.stdout else result.stdout.splitlines()
    assert made.startswith("never venv -q --python python3 --allow-existing")
    assert installed.startswith("never pip install -q")
    assert "-c constraints.txt -e .[demo]" in installed


def test_packages_are_announced_and_apt_can_be_refused(tmp_path: Path) -> None:
    # A machine on which nothing is installed: only what the script itself needs.
    for name in ("sh", "id"):
        (tmp_path / name).symlink_to(f"/bin/{name}" if Path(f"/bin/{name}").exists() else f"/usr/bin/{name}")
    script = (ROOT / ".ci/packages").read_text().replace("PATH=$PATH:/usr/sbin:/sbin", f"PATH={tmp_path}")
    program(tmp_path, "packages", script)
    refused = run(str(tmp_path / "packages"), TEST_APT="0")
    assert refused.returncode == 0
    assert refused.stdout.startswith("TEST_APT=0: not installing mosquitto mosquitto-clients gammu ")
    impossible = run(str(tmp_path / "packages"))
    assert impossible.returncode == 1
    assert "sudo apt-get install mosquitto mosquitto-clients gammu gammu-smsd smstools" in impossible.stdout
