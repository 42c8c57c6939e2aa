"""What command handlers give back."""

from __future__ import annotations

from addispatch.simulator.at_reply import quoted


def test_quoted() -> None:
    assert quoted(["SM", "ME"]) == '"SM","ME"'
