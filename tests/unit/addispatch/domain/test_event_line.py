from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.domain.event_line import event_line, event_parts

AT = "2026-11-23T05:55:03.123Z"


@pytest.mark.parametrize(
    ("severity", "line"),
    [
        ("info", "2026.11.23 13:55:03:123 hot"),
        ("warning", "2026.11.23 13:55:03:123 [!] hot"),
        ("severe", "2026.11.23 13:55:03:123 [!!!] hot"),
        ("unheard-of", "2026.11.23 13:55:03:123 hot"),
    ],
)
def test_a_line_is_the_one_people_know(severity, line):
    assert event_line({"at": AT, "severity": severity, "text": "hot"}, ZoneInfo("Asia/Singapore")) == line


def test_the_hour_that_comes_twice_is_told_as_the_clock_on_the_wall():
    zone = ZoneInfo("Europe/Berlin")
    assert event_parts({"at": "2026-10-25T00:30:00Z"}, zone)[0] == "2026.10.25 02:30:00:000"
    assert event_parts({"at": "2026-10-25T01:30:00Z"}, zone)[0] == "2026.10.25 02:30:00:000"


@pytest.mark.parametrize("at", [None, "", "soon", "0001-01-01T00:00:00Z"])
def test_a_time_that_is_none_is_a_dash(at):
    assert event_line({"at": at, "text": "hot"}, ZoneInfo("America/New_York")) == "- hot"


@given(st.text())
def test_whatever_the_text_it_is_one_line_that_steers_nothing(text):
    line = event_line({"at": AT, "text": text}, UTC)
    assert len(line.splitlines()) == 1
    assert all(sign.isprintable() for sign in line)
