"""``addispatch restored``: what it prints."""

from __future__ import annotations

from addispatch.cli.restored import show

CASE = {
    "id": "1", "code": "A123", "state": "open", "priority": "high", "audience": "Ops", "text": "pump is hot", "opened_at": None,
    "deliveries": [], "level": 0, "count": 1, "reason": None,
}  # fmt: skip


def test_what_is_held(capsys):
    show({"case_count": 1, "delivery_count": 2, "cases": [CASE], "next": None})
    out = capsys.readouterr().out
    assert "1 case(s) with 2 message(s) are held; decide with 'addispatch restored send'" in out
    assert "pump is hot" in out


def test_nothing(capsys):
    show({"case_count": 0, "delivery_count": 0, "cases": [], "next": None})
    assert capsys.readouterr().out == "Nothing is held.\n"


def test_decided(capsys):
    show({"action": "send", "cases": 1, "deliveries": 2})
    show({"action": "drop", "cases": 1, "deliveries": 2})
    assert capsys.readouterr().out == "2 message(s) of 1 case(s) on their way\n2 message(s) of 1 case(s) cancelled\n"
