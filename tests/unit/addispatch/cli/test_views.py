"""What people see, for documents with little in them and with hostile texts; the usual ones are in test_data.py."""

from __future__ import annotations

import os
import re
import shutil

import pytest

from addispatch.cli import text, views

EVIL = "x\x1b]0;owned\x07\x1b[2J\u202e\ny"


@pytest.mark.parametrize(
    ("view", "document"),
    [
        (views.status, {}),
        (views.cases, {"cases": [{}]}),
        (views.deliveries, {"deliveries": [{}]}),
        (views.received, {"received": [{}]}),
        (views.events, {"events": [{}]}),
        (views.modems, {"modems": [{}]}),
        (views.plugins, {"plugins": [{}]}),
        (views.why, {"plan": [], "deliveries": [{}]}),
        (views.tokens, {"tokens": [{}]}),
        (views.sent, {"cases": [{}]}),
    ],
)
def test_keys_an_older_daemon_does_not_send_are_left_out(view, document, capsys):
    view(document)
    assert "None" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("view", "document"),
    [
        (views.status, {"state": EVIL, "warnings": [EVIL], "node": EVIL, "channels": [{"name": EVIL, "reason": EVIL}]}),
        (views.status, {"modems": [{"name": EVIL, "operator": EVIL, "state": EVIL}], "plugins": [{"name": EVIL}]}),
        (views.cases, {"cases": [{"text": EVIL, "audience": EVIL, "code": EVIL}], "next": EVIL}),
        (views.deliveries, {"deliveries": [{"error": EVIL, "recipient": EVIL, "to": EVIL, "state": EVIL}]}),
        (views.received, {"received": [{"text": EVIL, "sender": EVIL}]}),
        (views.events, {"events": [{"text": EVIL, "severity": EVIL, "at": EVIL}]}),
        (views.modems, {"modems": [{"name": EVIL, "error": EVIL, "signal": EVIL}]}),
        (views.plugins, {"plugins": [{"name": EVIL, "reason": EVIL}]}),
        (views.why, {"plan": [EVIL], "deliveries": [{"text": EVIL}]}),
        (views.counts, {EVIL: {"added": 1}}),
        (views.tokens, {"tokens": [{"name": EVIL, "role": EVIL}]}),
        (views.new_token, {"token": EVIL}),
        (views.sent, {"cases": [{"code": EVIL, "audience": EVIL, "state": EVIL, "deliveries": [{"error": EVIL}]}]}),
    ],
)
def test_texts_from_outside_cannot_steer_the_terminal(view, document, capsys):
    view(document)
    out, err = capsys.readouterr()
    assert not set(out + err) & set("\x1b\x07\u202e")


@pytest.mark.parametrize("columns", [50, 80])
def test_no_word_is_broken_on_a_terminal(monkeypatch, capsys, columns):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(text, "is_terminal", lambda: True)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda *_, **__: os.terminal_size((columns, 24)))
    words = [f"word{number}" for number in range(60)]
    long = " ".join(words)
    delivery = {"channel": "sms", "recipient": "Adam", "state": "failed", "error": long}
    plugins = [{"name": word, "status": "enabled", "reason": long} for word in words]
    views.status({"state": "Warning: " + long, "warnings": [long], "plugins": plugins, "version": long})
    views.why({"plan": [long], "deliveries": [{"channel": "sms", "text": long}]})
    views.deliveries({"deliveries": [delivery]})
    views.plugins({"plugins": plugins})
    views.events({"events": [{"text": " ".join(words[:25]), "severity": "severe", "at": "2026-11-23T05:55:01Z"}]})
    views.sent({"cases": [{"deliveries": [delivery]}], "warnings": [long]})
    out = capsys.readouterr().out
    assert max(text.width(line) for line in out.splitlines()) <= columns
    assert "…" not in out
    seen = re.findall(r"word\d*", out)
    assert set(seen) == set(words)


JANE = "jane.of.the.night@plant.example.com"
DELIVERIES = [
    {
        "state": "delivered", "code": "A123", "channel": "sms", "recipient": "Adam", "to": "+6591234567", "attempts": 1,
        "text": "pump is hot\nACK: Reply A123 + msg", "modem": "sim1",
    },
    {
        "state": "failed", "channel": "email", "recipient": "Jane", "to": JANE, "attempts": 10, "error": "no such mailbox",
        "text": "the temperature in boiler house 3 is far too high",
    },
]  # fmt: skip


@pytest.mark.parametrize("columns", [0, 40, 80, 120])
def test_deliveries_show_code_and_words_and_break_no_address(monkeypatch, capsys, columns):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(text, "is_terminal", lambda: columns > 0)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda *_, **__: os.terminal_size((columns, 24)))
    views.deliveries({"deliveries": DELIVERIES})
    out = capsys.readouterr().out
    assert "(+6591234567)" in out
    assert f"({JANE})" in out
    if columns:
        assert max(text.width(line) for line in out.splitlines()) <= columns
    assert "A123" in out
    assert "pump is hot (by sim1)" in out
    assert "ACK: Reply" not in out, "only the first words"
    assert "the temperature in boiler house 3 is fa… (no such mailbox)" in " ".join(out.split())


def test_on_a_phone_each_delivery_is_some_lines(monkeypatch, capsys):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(text, "is_terminal", lambda: True)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda *_, **__: os.terminal_size((40, 24)))
    views.deliveries({"deliveries": DELIVERIES})
    assert capsys.readouterr().out.splitlines() == [
        "delivered - A123 sms tries: 1", "  Adam (+6591234567)", "  pump is hot (by sim1)",
        "failed - - email tries: 10", "  Jane", f"  ({JANE})", "  the temperature in boiler house 3 is",
        "  fa… (no such mailbox)",
    ]  # fmt: skip


def test_a_case_shows_what_was_raised_last(capsys):
    views.cases({"cases": [{"text": "above HI", "last_text": "above HIHI"}]})
    assert "above HIHI" in capsys.readouterr().out


def test_lists_show_the_beginning_of_an_endless_text(capsys):
    endless = "hot " * 1000
    views.events({"events": [{"text": endless}]})
    views.cases({"cases": [{"text": endless}]})
    views.received({"received": [{"text": endless}]})
    lines = [line for line in capsys.readouterr().out.splitlines() if "hot" in line]
    assert len(lines) == 3
    assert all(len(line) < 270 and line.endswith("…") for line in lines)


def test_a_reason_is_set_off_from_the_state():
    failed = {"channel": "sms", "to": "+6591234567", "state": "failed", "error": "no plugin"}
    assert views.delivery_line(failed) == "sms to +6591234567: failed: no plugin"
    assert views.delivery_line(failed | {"state": "sent", "error": None, "modem": "sim1"}).endswith(": sent by sim1")


def test_what_the_daemon_says_of_an_alarm_is_shown(capsys):
    views.sent({"cases": [], "warnings": ["the text was cut"]})
    assert "[!] the text was cut" in capsys.readouterr().out


def test_an_alarm_that_reaches_nobody_is_said(capsys):
    views.sent({"cases": []})
    assert "reaches nobody" in capsys.readouterr().out


def test_a_modem_that_calls_says_so(capsys):
    views.modems(
        {"modems": [{"name": "sim1", "state": "online", "calling": True}, {"name": "sim2", "state": "online"}]}
    )
    shown = capsys.readouterr().out
    assert "online, calling" in shown
    assert shown.count("calling") == 1


def test_the_status_says_how_many_monitors_there_are_and_what_they_see(capsys):
    for counts, line in (
        ({"watched": 3, "alarm": 1, "down": 2}, "3 watched, 1 in alarm, 2 down"),
        ({"watched": 3, "alarm": 0, "down": 0}, "3 watched, none in alarm or down"),
        ({"watched": 0, "alarm": 0, "down": 0}, ""),
    ):
        views.status({"state": "Server running", "monitors": counts})
        out = capsys.readouterr().out
        assert line in out
        assert ("monitors" in out) == bool(line)
