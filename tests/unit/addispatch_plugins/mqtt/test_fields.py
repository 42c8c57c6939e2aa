"""Native keys: a bad one is named and left out, the rest counts."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.sdk import Alarm, AlarmState, Priority
from addispatch_plugins.mqtt.fields import read_native, read_state


def test_all_keys():
    problems = []
    fields = read_native(
        {
            "id": 17, "key": "k", "text": 98.4, "priority": " Critical", "state": True, "to": [" A", "B "],
            "source": "plc", "ts": 1_795_415_784_000, "ttl_s": 5, "ack_required": False, "data": {"x": 1}, "unit": "C",
        },
        problems,
    )  # fmt: skip
    assert problems == []
    assert fields == {
        "id": "17", "key": "k", "text": "98.4", "priority": Priority.CRITICAL, "state": AlarmState.RAISED,
        "to": ("A", "B"), "source": "plc", "ts": datetime(2026, 11, 23, 6, 36, 24, tzinfo=UTC), "ttl_s": 5.0,
        "ack_required": False, "data": {"unit": "C", "x": 1},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", "x" * 201), ("key", "a\nb"), ("source", []), ("text", {}), ("priority", "urgent"), ("priority", 1),
        ("state", "maybe"), ("to", [1]), ("to", {"a": 1}), ("to", [" "]), ("ts", "yesterday"), ("ts", 1e300),
        ("ts", True), ("ttl_s", 0), ("ttl_s", "5"), ("ttl_s", 10**9), ("ack_required", 1), ("data", [1]),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_and_left_out(key, value):
    problems = []
    fields = read_native({"text": "t", "other": 1, key: value}, problems)
    assert len(problems) == 1
    assert problems[0].startswith(f"{key}: ")
    if key != "data":
        assert key not in fields
    assert fields["data"] == {"other": 1}


def test_null_is_like_absent():
    problems = []
    assert read_native({"text": "t", "key": None}, problems) == {"text": "t", "data": {}}
    assert problems == []


@pytest.mark.parametrize("word", ["raised", "TRUE", "1", 1, True, "on", " Active "])
def test_words_for_raised(word):
    assert read_state(word) is AlarmState.RAISED


@pytest.mark.parametrize("word", ["cleared", "False", "0", 0, False, "OFF", "normal", "inactive"])
def test_words_for_cleared(word):
    assert read_state(word) is AlarmState.CLEARED


@pytest.mark.parametrize(("text", "hour"), [("2026-11-23T06:12:00Z", 6), ("2026-11-23T14:12:00+08:00", 6),
                                            ("2026-11-23 06:12", 6)])  # fmt: skip
def test_times(text, hour):
    ts = read_native({"ts": text}, [])["ts"]
    assert (ts.tzinfo, ts.hour) == (UTC, hour)


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()) | st.just({})
keys = st.sampled_from(
    ["id", "key", "text", "priority", "state", "to", "source", "ts", "ttl_s", "ack_required", "data"]
)


@given(st.dictionaries(keys | st.text(), values))
def test_never_raises_and_always_fits_an_alarm(document):
    fields = {"text": "", "source": "mqtt", **read_native(document, [])}
    alarm = Alarm(**fields)
    assert isinstance(alarm.text, str)
    assert alarm.priority in Priority
