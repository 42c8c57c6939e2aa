"""Mistakes in the configuration are found at once and named."""

import pytest
from pydantic import ValidationError

from addispatch_plugins.mqtt.config import MqttConfig

URL = "mqtt://jane:secret@127.0.0.1:1883"


def problems(**table):
    with pytest.raises(ValidationError) as caught:
        MqttConfig(**{"url": URL, **table})
    return {".".join(map(str, error["loc"])): error["msg"] for error in caught.value.errors()}


@pytest.mark.parametrize(
    ("subscription", "path", "problem"),
    [
        ({"topic": "a/#/b"}, "topic", "only at the end"),
        ({"topic": 1}, "topic", "must be text"),
        ({"topic": "a", "text": "{{ x"}, "text", "line 1"),
        (
            {"topic": "{site}/a", "text": "{{ stie }}"},
            "text",
            '{{ stie }} names nothing the message has; did you mean "site"?',
        ),
        (
            {"topic": "a", "key": "{{ x | default('-') }}"},
            "key",
            "{{ x }} names nothing the message has; there are: payload, topic, value",
        ),
        ({"topic": "a", "to": ["A", "{{ team }}"]}, "to", "{{ team }} names nothing"),
        ({"topic": "a", "text": "{{ range(9) }}"}, "text", "range: functions are not available"),
        ({"topic": "a", "key": 5}, "key", "must be text"),
        ({"topic": "a", "key": "x" * 201}, "key", "more than 200 characters"),
        ({"topic": "a", "to": ["A"] * 51}, "to", "at most 50"),
        ({"topic": "a", "priority": "urgent"}, "priority", "'urgent' is none of critical, high, medium, low"),
        ({"topic": "a", "state": "maybe"}, "state", "neither raised nor cleared"),
        ({"topic": "a", "to": ["{% for"]}, "to.0", "line 1"),
        ({"topic": "a", "qos": 2}, "qos", "0 or 1"),
        ({"topic": "a", "ttl_s": 0}, "ttl_s", "greater than 0"),
        ({"topic": "a", "retained": "never"}, "retained", "'changed', 'ignore' or 'always'"),
        ({"topic": "a", "txt": "x"}, "txt", "not permitted"),
    ],
)
def test_subscriptions(subscription, path, problem):
    found = problems(subscribe=[{"topic": "fine"}, subscription])
    assert list(found) == [f"subscribe.1.{path}"]
    assert problem in found[f"subscribe.1.{path}"]


@pytest.mark.parametrize(
    ("table", "path", "problem"),
    [
        ({"url": "http://x"}, "url", "is not an address of a broker"),
        ({"url": None}, "", "give one of url"),
        ({"urls": [URL]}, "", "give one of url"),
        ({"password": "x"}, "", "user is missing"),
        ({"url": "mqtts://x", "cert_file": "x"}, "", "belong together"),
        ({"ca_file": "x"}, "", "begin the url with mqtts"),
        ({"topic_prefix": "a/#"}, "topic_prefix", "must be a topic"),
        ({"topic_prefix": "a/"}, "topic_prefix", "must be a topic"),
        ({"version": 3}, "version", "4 or 5"),
    ],
)
def test_the_table(table, path, problem):
    found = problems(**table)
    assert problem in found[path]


def test_all_mistakes_at_once():
    found = problems(version=6, subscribe=[{"topic": "a+"}, {"topic": "b", "text": "{{"}])
    assert set(found) == {"version", "subscribe.0.topic", "subscribe.1.text"}


def test_no_password_is_shown():
    config = MqttConfig(url=URL, user="u", password="secret")
    assert "secret" not in repr(config)
    assert "secret" not in config.model_dump_json()


def test_templates_may_name_captures_and_what_each_message_has():
    text = "{{ site }} {{ topic }} {{ payload.x }}{% if value is defined %}{% set v = value %}{{ v }}{% endif %}"
    assert MqttConfig(url=URL, subscribe=[{"topic": "{site}/#", "text": text, "to": ["{{ site }}"]}])


def test_native_is_what_has_no_template_of_its_own():
    def native(**more):
        return MqttConfig(url=URL, subscribe=[{"topic": "a", **more}]).subscribe[0].is_native

    assert native()
    assert native(to=["A"], priority="high", source="x")
    assert not native(text="x")
    assert not native(key="{{ topic }}")


@pytest.mark.parametrize(
    ("value", "good"), [(0, True), (1, True), (3600, True), (0.5, False), (-1, False), (3601, False)]
)
def test_the_canary_s_time(value, good):
    if good:
        assert MqttConfig(url="mqtt://h", canary_s=value).canary_s == value
    else:
        with pytest.raises(ValidationError, match="canary_s"):
            MqttConfig(url="mqtt://h", canary_s=value)
