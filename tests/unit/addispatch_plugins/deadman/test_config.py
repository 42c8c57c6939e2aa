from __future__ import annotations

import pytest
from pydantic import ValidationError

from addispatch_plugins.deadman.config import DeadmanConfig


@pytest.mark.parametrize("url", ["https://hc-ping.com/0b8d0e2c", "http://10.0.0.5:8000/ping?id=1", "https://[::1]/x"])
def test_web_addresses(url):
    assert DeadmanConfig(url=url).url.get_secret_value() == url


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://secret-host/x", "must begin with"),
        ("file:///etc/secret-passwd", "must begin with"),
        ("https:///secret", "name a host"),
        ("https://h:99999/secret", "no web address"),
        ("https://user:secret@host/x", "not supported"),
        ("https://host/secret x", "without blanks"),
        ("https://host/secret\r\nx: y", "without blanks"),
        ("https://host/" + "secret" * 200, "at most 1000"),
    ],
)
def test_anything_else_is_refused_and_not_shown(url, problem):
    with pytest.raises(ValidationError, match=problem) as error:
        DeadmanConfig(url=url)
    assert "secret" not in str(error.value).replace("a secret path", "")


@pytest.mark.parametrize("key", ["every_s", "timeout_s", "grace_s"])
def test_times_have_limits(key):
    with pytest.raises(ValidationError):
        DeadmanConfig(url="https://h/", **{key: 1e9})
