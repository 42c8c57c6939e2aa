from __future__ import annotations

from addispatch.engine.documents import KEYS
from addispatch.http import schema


def test_the_described_alarm_is_the_one_that_is_read():
    described = set(schema.ALARM_BODY["requestBody"]["content"]["application/json"]["schema"]["properties"])
    assert described == set(KEYS)
