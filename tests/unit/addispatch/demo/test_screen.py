"""The demo's screen: readable without a terminal, and a bubble keeps its shape."""

from __future__ import annotations

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


def test_a_bubble_wraps_long_texts_and_keeps_its_lines(capsys):
    Screen().bubble("Adam", "word " * 30 + "\n\nlast", colour="green")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == "Adam"
    assert len({len(line) for line in lines[1:]}) == 1
    assert "last" in lines[-2]
