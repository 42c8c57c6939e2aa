"""The demo's screen: readable without a terminal, and a bubble keeps its shape."""

from __future__ import annotations

import os
import shlex
import shutil

import pytest

from addispatch.cli.text import width
from addispatch.demo.screen import Screen


def test_without_a_terminal_there_are_plain_lines(capsys):
    screen = Screen()
    screen.progress("starting")
    screen.done("started")
    screen.failed("broken")
    assert capsys.readouterr().out.splitlines() == ["… starting", "✔ started", "✘ broken"]


def test_on_a_terminal_a_step_takes_the_place_of_its_progress(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    screen = Screen()
    screen.progress("starting")
    screen.done("started")
    out = capsys.readouterr().out
    assert out.endswith("\r\033[K\033[32m✔\033[0m started\n")


def test_no_color_is_respected(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert Screen().colour("x", "red") == "x"


@pytest.mark.parametrize("columns", [40, 50, 80, 120])
def test_bubbles_commands_and_steps_fit_the_terminal(capsys, monkeypatch, columns):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(shutil, "get_terminal_size", lambda *_, **__: os.terminal_size((columns, 24)))
    screen = Screen()
    screen.bubble("Adam writes", "On my way, 温度 is " + "very " * 20 + "high", colour="green", mine=True)
    box = [line for line in capsys.readouterr().out.splitlines() if line.strip()[0] in "│╭╰"]
    assert {width(line) for line in box} <= {columns, 74}
    assert all(line.rstrip()[-1] in "│╮╯" for line in box)
    screen.done("published plant/Boilerhouse/boiler1/alarm " + "with a payload " * 5)
    screen.command(".venv/bin/addispatch send", "--data-dir /tmp/demo/data", "--to Maintenance", '"Tank 3 is empty"')
    out = capsys.readouterr().out
    assert max(width(line) for line in out.splitlines()) <= columns
    words = shlex.split(out.partition(".venv")[2].replace("\\\n", ""))  # as a shell does
    assert words == [
        "/bin/addispatch",
        "send",
        "--data-dir",
        "/tmp/demo/data",
        "--to",
        "Maintenance",
        "Tank 3 is empty",
    ]


def test_a_bubble_wraps_long_texts_and_keeps_its_lines(capsys):
    Screen().bubble("Adam", "word " * 30 + "\n\nlast", colour="green")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == "Adam"
    assert len({len(line) for line in lines[1:]}) == 1
    assert "last" in lines[-2]
