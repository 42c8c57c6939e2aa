"""Is this an alarm at all? Clean, bounded, and every refusal names its field."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipelines import alarm

from addispatch.domain.alarm import MAX_NAME_CHARS, MAX_TEXT_CHARS, MAX_TO_COUNT, AlarmState
from addispatch.domain.errors import Refused
from addispatch.pipeline.check import MAX_TTL_S, check, clean_text


@given(st.text(max_size=6000))
def test_a_clean_text_is_short_visible_and_stays_as_it_is(text):
    clean = clean_text(text)
    assert len(clean) <= MAX_TEXT_CHARS
    assert clean == clean.strip()
    assert clean_text(clean) == clean
    assert not any(c < " " and c not in "\t\n" for c in clean)
    assert not any("\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069" or "\ud800" <= c <= "\udfff" for c in clean)
    clean.encode()


@given(st.text(st.characters(whitelist_categories=("L", "N", "P")), max_size=500))
def test_what_can_be_seen_is_kept(text):
    assert clean_text(f"  {text}\n") == text.strip()


def test_hidden_signs_go_and_lines_stay():
    assert clean_text("a\r\nb\rc\x00\x1b[2J\u202ed\tè") == "a\nb\nc[2Jd\tè"


def test_what_is_cut_shows_it():
    cut = clean_text("x" * 5000)
    assert (len(cut), cut[-5:]) == (MAX_TEXT_CHARS, "x ...")


def test_a_good_alarm_is_taken_as_it_is():
    good = alarm("hot", id="1", key="k", to=("Ops",), ttl_s=1.0)
    assert check(good) is good


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": " \x00\n"}, "text"),
        ({"state": AlarmState.CLEARED}, "key"),
        ({"state": AlarmState.CLEARED, "key": ""}, "key"),
        *[({name: "x" * (MAX_NAME_CHARS + 1)}, name) for name in ("id", "key", "source")],
        *[({name: "a\nb"}, name) for name in ("id", "key", "source")],
        ({"to": ("x",) * (MAX_TO_COUNT + 1)}, "to"),
        *[({"ttl_s": seconds}, "ttl_s") for seconds in (0.0, -1.0, math.nan, math.inf, MAX_TTL_S + 1)],
    ],
)
def test_a_refusal_names_the_field(fields, field):
    with pytest.raises(Refused) as refused:
        check(alarm(**fields))
    assert refused.value.field == field


def test_limits_are_inclusive():
    longest = alarm(id="x" * MAX_NAME_CHARS, to=("x",) * MAX_TO_COUNT, ttl_s=MAX_TTL_S)
    assert check(longest) is longest


def test_a_clear_needs_no_text():
    assert check(alarm("", state=AlarmState.CLEARED, key="k")).text == ""


def test_an_empty_id_is_none_or_all_alarms_but_the_first_would_be_duplicates():
    checked = check(alarm(id="", key=""))
    assert (checked.id, checked.key) == (None, None)
