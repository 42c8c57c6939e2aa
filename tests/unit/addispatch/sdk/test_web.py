"""What counts as a web address."""

from __future__ import annotations

import pytest

from addispatch.sdk import web_address


def test_its_parts():
    parts = web_address("https://plant.example:8443/a?b")
    assert (parts.scheme, parts.hostname, parts.port, parts.path) == ("https", "plant.example", 8443, "/a")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("https://a b", "without blanks"), ("https://ä.example", "ASCII"), ("ftp://x", "must begin"), ("https://", "must begin"),
        ("https://x:0/", "must begin"), ("https://x:99999/", "no web address"), ("https://me:pw@x/", "not supported: use a path"),
    ],
)  # fmt: skip
def test_what_is_none(text, problem):
    with pytest.raises(ValueError, match=problem):
        web_address(text, instead="use a path")
