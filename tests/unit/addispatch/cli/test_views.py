"""What people see, for documents with little in them and with hostile texts; the usual ones are in test_data.py."""

from __future__ import annotations

import pytest

from addispatch.cli import views

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


def test_an_alarm_that_reaches_nobody_is_said(capsys):
    views.sent({"cases": []})
    assert "reaches nobody" in capsys.readouterr().out
