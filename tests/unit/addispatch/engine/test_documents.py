"""Alarm documents of API and CLI: every key, and every mistake named."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.domain.alarm import AlarmState, Priority
from addispatch.domain.errors import Refused
from addispatch.engine.documents import KEYS, read_alarm

FULL = {
    "id": "1", "key": "k", "text": "hot", "priority": "critical", "state": "cleared", "to": ["Ops", " Adam "],
    "source": "plc", "topic": "a/b", "ts": "2026-11-23T14:12:00+08:00", "ttl_s": 5, "ack_required": True,
    "data": {"unit": "C"},
}  # fmt: skip


def test_every_key():
    alarm = read_alarm(FULL, "api")
    assert (alarm.id, alarm.key, alarm.text, alarm.priority, alarm.state) == (
        "1",
        "k",
        "hot",
        Priority.CRITICAL,
        AlarmState.CLEARED,
    )
    assert (alarm.to, alarm.source, alarm.topic) == (("Ops", "Adam"), "plc", "a/b")
    assert (alarm.ts, alarm.ttl_s, alarm.ack_required) == (datetime(2026, 11, 23, 6, 12, tzinfo=UTC), 5.0, True)
    assert alarm.data == {"unit": "C"}


def test_defaults():
    alarm = read_alarm({"text": "hot", "to": "Ops", "priority": None, "ts": "2026-11-23T06:12:00"}, "api")
    assert (alarm.source, alarm.priority, alarm.state, alarm.to) == (
        "api",
        Priority.MEDIUM,
        AlarmState.RAISED,
        ("Ops",),
    )
    assert alarm.ts == datetime(2026, 11, 23, 6, 12, tzinfo=UTC)
    assert (alarm.id, alarm.key, alarm.ttl_s, dict(alarm.data)) == (None, None, None, {})


@pytest.mark.parametrize(
    ("doc", "words"),
    [
        ({"txt": "hot"}, 'txt: is no field of an alarm (did you mean "text"?)'),
        *[({name: 1}, f"{name}: must be text") for name in ("id", "key", "text", "source", "topic", "ts")],
        ({"priority": "urgent"}, "priority: must be one of critical, high, medium, low"),
        ({"priority": ["high"]}, "priority: must be one of"),
        ({"state": "on"}, "state: must be one of raised, cleared"),
        *[({"to": to}, "to: must be a name or a list of names") for to in (1, [1], [" "], {"a": 1})],
        *[({"ts": ts}, "ts: must be a time like") for ts in ("yesterday", "2026-13-01T00:00:00Z", "")],
        *[({"ttl_s": ttl}, "ttl_s: must be a number") for ttl in ("5", True, [])],
        ({"ack_required": 1}, "ack_required: must be true or false"),
        ({"data": [1]}, "data: must be an object"),
    ],
)
def test_a_mistake_is_named(doc, words):
    with pytest.raises(Refused) as refused:
        read_alarm(doc, "api")
    assert words in str(refused.value)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), values, max_size=6))
def test_whatever_comes_it_is_an_alarm_or_refused(doc):
    with contextlib.suppress(Refused):
        alarm = read_alarm(doc, "api")
        assert isinstance(alarm.text, str)
        assert isinstance(alarm.to, tuple)
