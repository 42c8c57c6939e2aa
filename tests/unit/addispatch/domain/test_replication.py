"""Versions as they cross the wire."""

from __future__ import annotations

import json
from typing import Any

import pytest

from addispatch.domain.errors import ClusterError
from addispatch.domain.replication import Version

SHA = "0123456789abcdef" * 4


@pytest.mark.parametrize("version", [Version(0, 0, ""), Version(3, 17, SHA)])
def test_a_version_comes_back_as_it_was(version: Version) -> None:
    assert Version.parse(json.loads(json.dumps(version.row()))) == version


@pytest.mark.parametrize(
    "value",
    [None, "", [], {}, [1, 2], [1, 2, SHA, 4], [1, 2, SHA[1:]], [1, 2, SHA.upper()], [1, 2, None], [-1, 2, SHA],
     [1, -2, SHA], [1, 2**53, SHA], [2**53, 1, SHA], [True, 1, SHA], [1, False, SHA], [1.0, 2, SHA], ["1", 2, SHA]],
)  # fmt: skip
def test_anything_else_is_refused(value: Any) -> None:
    with pytest.raises(ClusterError, match="version: must be"):
        Version.parse(value)


def test_fresh_and_shown() -> None:
    assert Version(1, 0, SHA).is_fresh
    assert not Version(0, 1, SHA).is_fresh
    assert Version(2, 3, SHA).key == (2, 3)
    assert str(Version(2, 3, SHA)) == "2.3 (01234567)"
    assert str(Version(0, 0, "")) == "0.0 (empty)"
