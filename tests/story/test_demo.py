"""The demo: its story happens, in a process of its own, with a real broker and the real gammu."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def play(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "addispatch", "demo", *options]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=90, env={**os.environ, **environment}, check=False
    )


def test_the_whole_story_happens():
    played = play("--exit")
    assert played.returncode == 0, played.stdout + played.stderr
    steps = (
        "Adam's phone +6591234567", "Mail to adam@plant.example", "Jane's phone +6581234567", "Jane writes",
        "is acknowledged by Jane", "Thank you, Jane.", "Acknowledged by Jane: on my way",
    )  # fmt: skip
    places = [played.stdout.find(step) for step in steps]
    assert -1 not in places, steps[places.index(-1)]
    assert places == sorted(places), "the steps come in their order"
    assert "Every step happened" in played.stdout
    assert played.stderr == ""
    assert "\033[" not in played.stdout  # no colours where nobody sees them


def test_a_missing_extra_is_named(tmp_path):
    (tmp_path / "aiosmtpd.py").write_text("raise ImportError('No module', name='aiosmtpd')")
    played = play("--exit", PYTHONPATH=str(tmp_path))
    assert played.returncode == 1
    assert "pip install 'addispatch[demo]'" in played.stdout
    assert "Traceback" not in played.stdout + played.stderr
