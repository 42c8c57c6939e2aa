"""What people see of an answer, also with little in it and with hostile texts; the usual ones are in test_act.py."""

from __future__ import annotations

import os
import shutil

import pytest

from addispatch.cli import answers, text

EVIL = "x\x1b]0;owned\x07\x1b[2J\u202e\ny"
WHO = {"recipient": EVIL, "answer": EVIL, "at": EVIL, "comment": EVIL}


@pytest.mark.parametrize(
    ("view", "document"),
    [
        (answers.answered, {"cases": [{"code": EVIL, "result": EVIL}], "answer": EVIL}),
        (answers.roll_call, {"recalls": [{"code": EVIL, "audience": EVIL, "counts": {EVIL: 1}, "people": [WHO]}]}),
        (answers.unlocked, {"address": EVIL}),
    ],
)
def test_texts_from_outside_cannot_steer_the_terminal(view, document, capsys):
    view(document)
    out, err = capsys.readouterr()
    assert not set(out + err) & set("\x1b\x07\u202e")
    assert "x" in out


def test_a_case_without_a_code(capsys):
    answers.answered({"cases": [{"code": None, "result": "already"}], "answer": "Closed."})
    out = capsys.readouterr().out
    assert "None" not in out
    assert "already" in out


def test_a_recall_that_asks_nobody(capsys):
    counts = {"acked": 0, "declined": 0, "pending": 0, "undeliverable": 0}
    answers.roll_call({"recalls": [{"code": "A123", "audience": "Ops", "counts": counts, "people": []}]})
    assert capsys.readouterr().out.splitlines() == ["A123 for Ops: nobody is asked", "nobody"]


def test_several_recalls_of_one_code(capsys):
    one = {"code": "A123", "audience": "Ops", "counts": {"acked": 1}, "people": [WHO | {"answer": "acked", "at": None}]}
    answers.roll_call({"recalls": [one, one | {"audience": "Fire"}]})
    out = capsys.readouterr().out
    assert out.index("A123 for Ops: 1 acked") < out.index("A123 for Fire: 1 acked")


def test_words_are_never_cut(capsys, monkeypatch):
    """Somebody's words in a recall may save a life."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(text, "is_terminal", lambda: True)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda *_, **__: os.terminal_size((60, 24)))
    comment = "word " * 100
    one = {"recipient": "Adam", "answer": "acked", "at": None, "comment": comment}
    answers.roll_call({"recalls": [{"code": "A1", "audience": "Ops", "counts": {}, "people": [one]}]})
    assert capsys.readouterr().out.count("word") == 100
