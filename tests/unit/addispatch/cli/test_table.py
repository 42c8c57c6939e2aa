from __future__ import annotations

import os
import shutil

import pytest

from addispatch.cli import table, text

TITLES = ("STATE", "TEXT")
LONG = "a rather long text that does not fit a phone at all"


def show(monkeypatch, capsys, columns, rows, **more):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(text, "is_terminal", lambda: columns > 0)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda *_, **__: os.terminal_size((columns, 24)))
    table.show(TITLES, rows, nothing="nothing", **more)
    return capsys.readouterr().out.splitlines()


def test_piped_output_is_complete(monkeypatch, capsys):
    assert show(monkeypatch, capsys, 0, [("open", LONG)]) == ["STATE  TEXT", f"open   {LONG}"]


@pytest.mark.parametrize("columns", [24, 40, 60, 120])
def test_no_line_is_wider_than_the_terminal(monkeypatch, capsys, columns):
    lines = show(monkeypatch, capsys, columns, [("acknowledged", LONG), ("open", "温度" * 40)])
    assert all(table.width(line) <= columns for line in lines)


def test_a_phone_gets_the_whole_text_below(monkeypatch, capsys):
    lines = show(monkeypatch, capsys, 24, [("acknowledged", LONG)])
    assert lines[1] == "acknowledged"
    assert " ".join(line.strip() for line in lines[2:]) == LONG


def test_only_rows_that_need_it_go_on_below_and_the_titles_stay(monkeypatch, capsys):
    assert show(monkeypatch, capsys, 24, [("acknowledged", LONG), ("open", "hot")]) == [
        "STATE         TEXT",
        "acknowledged",
        "  a rather long text",
        "  that does not fit a",
        "  phone at all",
        "open          hot",
    ]


def test_in_a_list_a_long_text_is_cut(monkeypatch, capsys):
    assert show(monkeypatch, capsys, 40, [("open", LONG)])[1:] == ["open   a rather long text that does not…"]


@pytest.mark.parametrize("columns", [20, 30, 50, 60])
def test_a_text_to_be_seen_whole_is_never_cut(monkeypatch, capsys, columns):
    lines = show(monkeypatch, capsys, columns, [("open", LONG)], whole=True)
    assert " ".join(" ".join(lines[1:]).split()) == f"open {LONG}"
    assert all(table.width(line) <= columns for line in lines)


def test_with_room_a_whole_text_stays_in_its_column(monkeypatch, capsys):
    assert show(monkeypatch, capsys, 50, [("open", LONG)], whole=True)[1:] == [
        "open   a rather long text that does not fit a",
        "       phone at all",
    ]


def test_one_long_address_does_not_misplace_the_other_columns(monkeypatch, capsys):
    rows = [("Jane (jane.of.the.night.shift@plant.example.com)", "x"), ("Adam (+6591234567)", "y")]
    assert show(monkeypatch, capsys, 50, rows) == [
        "STATE                     TEXT",
        "Jane                      x",
        "(jane.of.the.night.shift",
        "@plant.example.com)",
        "Adam (+6591234567)        y",
    ]


def test_wide_signs_keep_columns_aligned(monkeypatch, capsys):
    lines = show(monkeypatch, capsys, 0, [("温度", "x"), ("ab", "y")])
    assert lines[1:] == ["温度   x", "ab     y"]


def test_an_empty_list_says_so(monkeypatch, capsys):
    assert show(monkeypatch, capsys, 0, []) == ["nothing"]


def test_an_empty_last_column_takes_no_line(monkeypatch, capsys):
    assert show(monkeypatch, capsys, 24, [("acknowledged", "")])[1:] == ["acknowledged"]
