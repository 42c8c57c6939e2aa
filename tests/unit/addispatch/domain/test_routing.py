"""Topic filters against a second implementation, patterns, and which routes take an alarm."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.domain.addressbook import Directory, Match, Route
from addispatch.domain.alarm import Alarm, Priority
from addispatch.domain.routing import candidates, takes, text_matches, topic_matches

levels = st.sampled_from(["", "a", "b", "$SYS", "c d"])
topics = st.lists(levels, min_size=1, max_size=5).map("/".join)
filters = st.builds(
    lambda parts, tail: "/".join([*parts, *tail]),
    st.lists(levels | st.just("+"), min_size=1, max_size=4),
    st.sampled_from([(), ("#",)]),
) | st.just("#")


def by_regex(topic_filter: str, topic: str) -> bool:
    """MQTT 3.1.1, 4.7.1 and 4.7.2, as a regular expression."""
    if topic.startswith("$") and topic_filter[:1] in ("+", "#"):
        return False
    if topic_filter == "#":
        return True
    body, parents = (topic_filter[:-2], r"(/.*)?") if topic_filter.endswith("/#") else (topic_filter, "")
    pattern = "/".join("[^/]*" if level == "+" else re.escape(level) for level in body.split("/"))
    return re.fullmatch(pattern + parents, topic) is not None


@given(filters, topics)
def test_topic_filters_follow_the_standard(topic_filter: str, topic: str) -> None:
    assert topic_matches(topic_filter, topic) == by_regex(topic_filter, topic)


@pytest.mark.parametrize(
    ("topic_filter", "topic", "taken"),
    [
        ("sport/tennis/player1/#", "sport/tennis/player1", True), ("sport/#", "sport", True), ("sport/tennis/+", "sport/tennis/a/b", False),
        ("sport/+", "sport", False), ("sport/+", "sport/", True), ("+/+", "/finance", True), ("+", "/finance", False),
        ("#", "$SYS/x", False), ("+/monitor", "$SYS/monitor", False), ("$SYS/#", "$SYS/x", True), ("a", "A", False),
    ],
)  # fmt: skip
def test_examples_of_the_standard(topic_filter: str, topic: str, taken: bool) -> None:
    assert topic_matches(topic_filter, topic) is taken


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("pump", "Main PUMP failed", True), ("pump", "pum", False), ("pump*failed", "Main pump has\nfailed now", True), ("p?mp", "a pamp b", True),
        ("p?mp", "pmp", False), ("[pump]", "all fine", False), ("[pump]", "x [PUMP] y", True), ("[a-z]*b", "[A-Z] b", True), ("a.c", "abc", False),
        ("STRASSE", "Straße", True), ("*", "", True), ("?", "", False), ("(", "(", True), ("\\d", "5", False),
    ],
)  # fmt: skip
def test_text_patterns(pattern: str, text: str, found: bool) -> None:
    assert text_matches(pattern, text) is found


@given(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8))
def test_what_occurs_is_found(before: str, text: str, after: str) -> None:
    assert text_matches(text, before + text + after)
    assert text_matches(text[:2] + "*" + text[4:], before + text + after)


def test_no_pattern_runs_for_ever() -> None:
    began = time.perf_counter()
    assert not text_matches("*a" * 90 + "*b", "a" * 4000)
    assert time.perf_counter() - began < 2


def test_empty_fields_take_everything_and_each_field_counts() -> None:
    alarm = Alarm(text="Pump 3 failed", source="mqtt", key="plant/p3", priority=Priority.HIGH)
    assert takes(Match(), alarm)
    assert takes(Match(text="pump", key="p3", priority=(Priority.LOW, Priority.HIGH)), alarm)
    for wrong in (Match(text="tank"), Match(key="p4"), Match(priority=(Priority.LOW,))):
        assert not takes(wrong, alarm)
    assert not takes(Match(key="p"), Alarm(text="x", source="mqtt"))


def test_candidates_keep_the_order_of_the_routes() -> None:
    routes = tuple(
        Route(id=str(n), name=str(n), match=match)
        for n, match in enumerate(
            [Match(), Match(source="mqtt"), Match(source="http"), Match(topic="a/#"), Match(topic="b")]
        )
    )
    assert [r.id for r in candidates(Directory(routes=routes), "mqtt", "a/b")] == ["0", "1", "3"]
    assert [r.id for r in candidates(Directory(routes=routes), "http", "")] == ["0", "2"]
