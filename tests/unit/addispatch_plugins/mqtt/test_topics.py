"""Filters with captures, against the rules of MQTT 3.1.1, 4.7."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from addispatch_plugins.mqtt.topics import TopicFilter, fewest


def test_captures_become_plus():
    parsed = TopicFilter.parse("plant/{site}/+/{line}/#")
    assert parsed.mqtt == "plant/+/+/+/#"
    assert parsed.match("plant/north/x/3/alarm/high") == {"site": "north", "line": "3"}
    assert parsed.match("other/north/x/3/alarm") is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1 to 500 characters"),
        ("a/#/b", "# stands only at the end"),
        ("a/b+", "stand alone"),
        ("a/b#", "stand alone"),
        ("a/{x", "whole level with a name"),
        ("a/x{y}", "whole level with a name"),
        ("a/{1}", "whole level with a name"),
        ("{a}/{a}", "there twice"),
        ("a/{topic}", "means something else"),
        ("$share/g/a", "shared subscriptions"),
        ("/".join("a" * 31), "more than 30 levels"),
        ("a\0b", "characters"),
    ],
)
def test_mistakes_are_named(text, problem):
    with pytest.raises(ValueError, match=problem):
        TopicFilter.parse(text)


@pytest.mark.parametrize(
    ("wider", "narrower", "expected"),
    [
        ("#", "a/b", True), ("#", "a/+", True), ("#", "$SYS/x", False), ("a/#", "a", True), ("a/#", "a/+/#", True),
        ("a/+", "a/b", True), ("a/+", "a/#", False), ("a/+/#", "a/#", False), ("a/b", "a/+", False), ("+", "+", True),
        ("+/b", "a/b", True), ("a/b", "a/b/c", False), ("a/#", "#", False),
    ],
)  # fmt: skip
def test_covers(wider, narrower, expected):
    assert TopicFilter(wider).covers(TopicFilter(narrower)) is expected


def test_filters_that_others_cover_are_left_out_with_the_highest_qos():
    filters = [("a/b", 1), ("a/#", 0), ("a/c", 0), ("x/+", 0), ("x/y", 1), ("z", 0)]
    assert fewest([(TopicFilter(name), qos) for name, qos in filters]) == [("a/#", 1), ("x/+", 1), ("z", 0)]


levels = st.sampled_from(["a", "b", "", "$c"])
topics = st.lists(levels, min_size=1, max_size=4).map("/".join).filter(bool)
filters = st.builds(
    lambda parts, end: "/".join([*parts, *end]),
    st.lists(st.sampled_from(["a", "b", "", "+", "$c"]), min_size=1, max_size=3),
    st.sampled_from([[], ["#"]]),
).filter(bool)


@given(filters, topics)
def test_matches_as_paho_does(text, topic):
    assert (TopicFilter(text).match(topic) is not None) == topic_matches_sub(text, topic)


@given(st.lists(filters, min_size=1, max_size=5), topics)
def test_fewest_loses_no_topic(texts, topic):
    before = any(TopicFilter(text).match(topic) is not None for text in texts)
    after = any(TopicFilter(text).match(topic) is not None for text, _ in fewest([(TopicFilter(t), 0) for t in texts]))
    assert before == after
