"""Final result codes of commands that fail."""

from __future__ import annotations

import pytest

from addispatch.simulator.at_errors import AtError, CallFailed, CmeError, CmsError


@pytest.mark.parametrize(
    ("error", "finals"),
    [
        (AtError(), ["ERROR"] * 3),
        (CmeError(11), ["ERROR", "+CME ERROR: 11", "+CME ERROR: SIM PIN required"]),
        (CmeError(100), ["ERROR", "+CME ERROR: 100", "+CME ERROR: unknown"]),
        (CmsError(322), ["+CMS ERROR: 322"] * 3),
        (CallFailed(), ["NO CARRIER"] * 3),
    ],
)
def test_finals_by_detail(error: AtError, finals: list[str]) -> None:
    assert [error.final(detail) for detail in range(3)] == finals
