from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.cli import text


@given(st.text())
def test_nothing_from_outside_steers_the_terminal(value):
    shown = text.printable(value)
    assert all(sign.isprintable() or sign == "�" or sign.isspace() for sign in shown)
    assert not set(shown) & set("\x1b\x9b\n\r\x07\u202e")


def test_plain_texts_are_left_alone():
    assert text.printable("Pump 3 °C 温度") == "Pump 3 °C 温度"
    assert text.printable(None) == "-"
    assert text.printable("a\nb") == "a b"


@given(st.text(alphabet="aé温\u0301", max_size=30), st.integers(2, 20))
def test_a_cut_text_fits(value, columns):
    assert text.width(text.cut(value, columns)) <= columns
    if text.width(value) <= columns:
        assert text.cut(value, columns) == value


@given(st.text(alphabet="aé温 ", max_size=60), st.integers(2, 20))
def test_wrapping_loses_nothing_and_fits(value, columns):
    lines = text.wrap(value, columns)
    assert all(text.width(line) <= columns for line in lines)
    assert "".join(lines).replace(" ", "") == value.replace(" ", "")


def test_wrapping_does_not_count_colours():
    assert text.wrap("\033[31mred\033[0m and blue", 8) == ["\033[31mred\033[0m and", "blue"]


def test_a_folded_line_keeps_its_place(monkeypatch):
    monkeypatch.setattr(text, "terminal_columns", lambda: 20)
    assert text.fold("  a word and another one") == "  a word and\n    another one"
    assert text.fold("  just  fits") == "  just  fits"
    monkeypatch.setattr(text, "terminal_columns", lambda: 0)
    assert "\n" not in text.fold("word " * 100)


def test_cutting_a_long_text_is_quick():
    assert text.brief("温" * 100_000) == "温" * 99 + "…"


@pytest.fixture
def zone(monkeypatch):
    monkeypatch.setattr(text._Clock, "zone", text._Clock.zone)
    monkeypatch.setattr(text._Clock, "name", "")


def test_times_are_the_terminal_s_until_the_node_s_zone_is_known(zone, capsys):
    now = datetime.now(UTC)
    assert text.short_time(now.isoformat()) == f"{now.astimezone():%H:%M:%S}"
    text.name_zone()
    assert capsys.readouterr().out == ""
    text.use_zone("Pacific/Auckland")
    assert text.clock_text("2026-07-01T00:00:00Z") == "12:00:00"
    text.name_zone()
    assert capsys.readouterr().out == "times: Pacific/Auckland\n"


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "Asia"])
def test_a_zone_this_machine_does_not_know_changes_nothing(zone, name):
    before = text._Clock.zone
    text.use_zone(name)
    assert text._Clock.zone is before


def test_times_are_short():
    now = datetime.now(UTC)
    assert len(text.short_time((now - timedelta(days=800)).isoformat())) == len("2024-01-01")
    assert text.short_time(None) == text.short_time("nonsense") == "-"


@pytest.mark.parametrize(("seconds", "words"), [(0, "0 s"), (59, "59 s"), (11_520, "3 h 12 min"), (90_061, "1 d 1 h")])
def test_durations(seconds, words):
    assert text.duration(seconds) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0(Very poor)"), (9, "9(Very poor)"), (10, "10(Poor)"), (19, "19(Fair)"), (24, "24(Good)"),
     (31, "31(Excellent)"), (99, "99(Unknown)"), (None, "-"), ("13(Poor)", "13(Poor)")],
)  # fmt: skip
def test_signals_as_the_spec_names_them(value, words):
    assert text.signal(value) == words


def test_colours_only_on_a_terminal(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert text.colour("x", "red") == "x"
    monkeypatch.setattr(text, "is_terminal", lambda: True)
    assert text.colour("x", "red") == "\033[31mx\033[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert text.colour("x", "red") == "x"
