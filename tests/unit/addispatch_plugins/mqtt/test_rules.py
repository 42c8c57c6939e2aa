"""What an alarm is made of, field by field."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.pipeline.check import check
from addispatch.sdk import Alarm, AlarmState, Priority
from addispatch_plugins.mqtt.config import Subscription
from addispatch_plugins.mqtt.payload import read
from addispatch_plugins.mqtt.rules import NativeRule, SubscriptionRule


def made(raw, **subscription):
    problems = []
    table = Subscription(topic="plant/{site}", **subscription)
    rule = SubscriptionRule(table, "plant/north", {"site": "north"})
    return rule.fields(read(raw, table.payload), problems), problems


def test_plain_text_without_templates():
    assert made(b"hot") == ({"text": "hot", "source": "mqtt", "data": {"site": "north"}}, [])


def test_fixed_values_need_no_payload():
    fields, _ = made(b"", text="Doorbell", key="bell", priority="low", state="off", to=["A"], source="s", ttl_s=5)
    assert fields == {
        "text": "Doorbell", "key": "bell", "priority": Priority.LOW, "state": AlarmState.CLEARED, "to": ("A",),
        "source": "s", "ttl_s": 5, "data": {"site": "north"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("payload", "text"),
    [(b"7", "7 is high"), (b"6.50", "6.5 is high"), (b"3", "3 is fine"), (b"-1e1", "-10.0 is fine")],
)
def test_numbers_can_be_compared(payload, text):
    template = "{{ value }} is {% if value > 5 %}high{% else %}fine{% endif %}"
    assert made(payload, payload="number", text=template)[0]["text"] == text


def test_a_foreign_id_is_no_id_unless_configured():
    fields, _ = made(b'{"id": "device7", "message": "hot"}', text="{{ payload.message }}")
    assert "id" not in fields
    assert fields["data"]["id"] == "device7"


def test_text_of_a_foreign_object_is_used_when_there_is_no_template_for_it():
    assert made(b'{"text": "hot", "n": 1}', key="{{ payload.n }}")[0]["text"] == "hot"


def test_each_field_that_fails_is_named_and_left_out():
    fields, problems = made(
        b'{"severity": "urgent"}', text="{{ payload.gone }}", key="{{ payload.gone }}",
        priority="{{ payload.severity }}", to=["{{ payload.gone }}"],
    )  # fmt: skip
    assert [problem.split(":")[0] for problem in problems] == ["text", "key", "priority", "to"]
    assert fields["text"] == '{"severity": "urgent"}'
    assert {"key", "priority", "to"}.isdisjoint(fields)


def test_captures_win_over_a_foreign_object():
    assert made(b'{"site": "forged"}', text="x")[0]["data"] == {"site": "north"}


@pytest.mark.parametrize(("allowed", "to"), [(True, ("A",)), (False, None)])
def test_a_payload_names_audiences_only_where_it_may(allowed, to):
    fields, problems = made(b'{"text": "x", "to": "A"}', allow_to=allowed)
    assert fields.get("to") == to
    assert bool(problems) != allowed


def test_a_template_never_sees_code_in_a_payload():
    assert made(b"{{ 7 * 7 }}", text="{{ payload }}")[0]["text"] == "{{ 7 * 7 }}"


def native(payload, **rule):
    problems = []
    return NativeRule(**rule).fields(read(payload, "auto"), problems), problems


def test_the_topic_has_the_last_word():
    fields, _ = native(b'{"text": "x", "source": "forged", "to": "B"}', source="plc1", group="A")
    assert (fields["source"], fields["to"]) == ("plc1", ("A",))
    fields, _ = native(b'{"key": "k", "state": "raised"}', state=AlarmState.CLEARED)
    assert (fields["state"], fields["key"], fields["text"]) == (AlarmState.CLEARED, "k", "")


def test_a_native_object_without_text_is_told():
    fields, problems = native(b'{"key": "k"}')
    assert fields["text"] == '{"key": "k"}'
    assert problems == ["text: is missing"]


def test_too_many_audiences_are_cut_and_told():
    fields, problems = native(json.dumps({"text": "hot", "to": [f"P{n}" for n in range(60)]}).encode())
    assert fields["to"] == tuple(f"P{n}" for n in range(50))
    assert problems == ["to: names 60 audiences, only the first 50 are told"]


@pytest.mark.parametrize("source", ["x" * 201, "a\x07b"])
def test_a_source_in_the_topic_that_cannot_be_one_is_left_out_and_told(source):
    fields, problems = native(b"hot", source=source)
    assert fields["source"] == "mqtt"
    assert problems == ["source: has control characters or more than 200 characters"]


@pytest.mark.parametrize("text", ["", "  ", "\x00\u200e"])
def test_an_alarm_whose_text_shows_nothing_goes_out_as_it_came(text):
    payload = json.dumps({"text": text, "key": "t3"})
    assert native(payload.encode())[0]["text"] == payload
    assert made(payload.encode(), text="{{ payload.text }}")[0]["text"] == payload
    assert native(payload.encode(), state=AlarmState.CLEARED)[0]["text"] == text


json_values = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
names = texts | st.integers(190, 210).map(lambda count: "k" * count)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(("id", "key", "source", "text", "priority", "ts"), json_values | names),
            "to": st.lists(names, max_size=3) | st.integers(0, 60).map(lambda count: ["A"] * count),
            "ttl_s": json_values,
            "data": st.dictionaries(texts, json_values),
        },
    ),
    names,
)
def test_whatever_is_raised_is_never_refused(document, source):
    raw = json.dumps(document).encode()
    for fields in (native(raw, source=source)[0], made(raw, allow_to=True)[0]):
        assert check(Alarm(**fields)).text
