"""Maintenance windows: by day, by week, once; over midnight and over Sunday."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.domain.window import DAY, parse_window


def covers(window, *moments):
    return [parse_window(window).covers(datetime.fromisoformat(moment)) for moment in moments]


def test_every_day_over_midnight():
    assert covers("22:00-06:00", "2026-01-01 21:59", "2026-01-01 22:00", "2026-01-02 05:59", "2026-01-02 06:00") == [
        False, True, True, False,
    ]  # fmt: skip
    assert covers("08:00 - 24:00", "2026-01-01 23:59", "2026-01-01 00:00") == [True, False]


def test_every_week_over_its_end():
    assert covers("Sun 22:00-Mon 06:00", "2026-01-04 22:00", "2026-01-05 05:59", "2026-01-05 06:00") == [
        True, True, False,
    ]  # fmt: skip
    assert covers("sat 08:00-sat 12:00", "2026-01-03 09:00", "2026-01-04 09:00") == [True, False]


def test_once():
    window = "2026-12-01 08:00-2026-12-01 12:00"
    assert covers(window, "2026-12-01 07:59", "2026-12-01 08:00", "2026-12-01 12:00") == [False, True, False]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is no window"), ("8-9", "is no window"), ("25:00-26:00", "is no window"), ("Xyz 08:00-Sun 09:00", "no window"),
        ("08:00-08:00", "empty"), ("Sat 08:00-Sat 08:00", "empty"), ("2026-13-01 08:00-2026-13-01 09:00", "month"),
        ("2026-12-01 08:00-2026-12-01 07:00", "before"),
    ],
)  # fmt: skip
def test_what_is_no_window(text, problem):
    with pytest.raises(ValueError, match=problem):
        parse_window(text)


@given(st.integers(0, DAY - 1), st.integers(1, DAY - 1), st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)))
def test_a_daily_window_covers_as_many_minutes_as_it_is_long(begin, length, day):
    end = (begin + length) % DAY
    window = parse_window(f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}")
    assert sum(window.covers(day + timedelta(minutes=minute)) for minute in range(DAY)) == length
