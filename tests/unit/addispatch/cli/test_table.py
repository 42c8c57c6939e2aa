from __future__ import annotations

import os
import shutil

import pytest

from addispatch.cli import table

TITLES = ("STATE", "TEXT")
LONG = "a rather long text that does not fit a phone at all"


def show(monkeypatch, capsys, columns, rows):
    monkeypatch.setattr(table, "is_terminal", lambda: columns > 0)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((columns, 24)))
    table.show(TITLES, rows, nothing="nothing")
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


def test_wide_signs_keep_columns_aligned(monkeypatch, capsys):
    lines = show(monkeypatch, capsys, 0, [("温度", "x"), ("ab", "y")])
    assert lines[1:] == ["温度   x", "ab     y"]


def test_an_empty_list_says_so(monkeypatch, capsys):
    assert show(monkeypatch, capsys, 0, []) == ["nothing"]


def test_an_empty_last_column_takes_no_line(monkeypatch, capsys):
    assert show(monkeypatch, capsys, 24, [("acknowledged", "")])[1:] == ["acknowledged"]
