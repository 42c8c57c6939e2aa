"""The bucket in a simulated time: what it never allows, and what it never holds up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch_plugins.modem.bucket import Bucket

TEXTS = st.lists(
    st.tuples(st.floats(0, 30), st.integers(1, 10), st.booleans()),
    max_size=60,
)


def play(bucket, texts):
    """Send what may go at once, in turn; yields (time, parts, urgent) of what went."""
    now_s = 0.0
    for pause_s, parts, urgent in texts:
        now_s += pause_s
        if bucket.wait_s(parts, urgent=urgent, now_s=now_s) == 0:
            bucket.take(parts, urgent=urgent, now_s=now_s)
            yield now_s, parts, urgent


def most_in_any_stretch(went, rate_s):
    """By how much the parts of any stretch of time exceed what the rate alone gives in it."""
    return max(
        (
            sum(parts for _, parts in went[first : last + 1]) - rate_s * (went[last][0] - went[first][0])
            for first in range(len(went))
            for last in range(first, len(went))
        ),
        default=0.0,
    )


@given(TEXTS, st.integers(1, 60), st.integers(1, 12))
def test_never_more_than_the_burst_and_the_rate_in_any_stretch_of_time(texts, rate, burst):
    went = [(at_s, parts) for at_s, parts, _ in play(Bucket(rate, burst, 0.0), [(*text[:2], False) for text in texts])]
    longest = max((parts for _, parts in went), default=0)
    assert most_in_any_stretch(went, rate / 60) <= max(burst, longest) + 1e-6


@given(TEXTS, st.integers(1, 60), st.integers(1, 12))
def test_with_emergencies_never_more_than_the_reserve_on_top(texts, rate, burst):
    went = [(at_s, parts) for at_s, parts, _ in play(Bucket(rate, burst, 0.0), texts)]
    longest = max((parts for _, parts in went), default=0)
    assert most_in_any_stretch(went, rate / 60) <= burst + max(burst, longest) + 1e-6


@given(TEXTS, st.integers(1, 60), st.integers(1, 12))
def test_an_emergency_never_waits_while_the_reserve_has_tokens(texts, rate, burst):
    bucket, now_s = Bucket(rate, burst, 0.0), 0.0
    for pause_s, parts, urgent in texts:
        now_s += pause_s
        bucket.refill(now_s)
        reserve = bucket.reserve
        wait_s = bucket.wait_s(parts, urgent=urgent, now_s=now_s)
        if urgent and reserve >= parts:
            assert wait_s == 0
        if not urgent and wait_s == 0:
            bucket.take(parts, urgent=False, now_s=now_s)
            assert bucket.reserve == reserve, "ordinary texts do not touch it"
        elif wait_s == 0:
            bucket.take(parts, urgent=True, now_s=now_s)


@given(TEXTS, st.integers(1, 60), st.integers(1, 12), st.integers(1, 10), st.booleans())
def test_the_wait_it_says_is_enough_and_not_too_long(texts, rate, burst, parts, urgent):
    bucket = Bucket(rate, burst, 0.0)
    now_s = sum(pause_s for pause_s, *_ in texts)
    list(play(bucket, texts))
    wait_s = bucket.wait_s(parts, urgent=urgent, now_s=now_s)
    if wait_s > 0.1:
        assert bucket.wait_s(parts, urgent=urgent, now_s=now_s + wait_s - 0.05) > 0
    assert bucket.wait_s(parts, urgent=urgent, now_s=now_s + wait_s) == 0


def test_defaults_of_the_configuration():
    bucket = Bucket(10, 5, 100.0)
    bucket.take(5, urgent=False, now_s=100.0)
    assert bucket.wait_s(1, urgent=False, now_s=100.0) == pytest.approx(6.0)
    assert bucket.wait_s(5, urgent=True, now_s=100.0) == 0
    bucket.take(5, urgent=True, now_s=100.0)
    assert bucket.wait_s(1, urgent=True, now_s=100.0) == pytest.approx(6.0)
    assert bucket.wait_s(1, urgent=False, now_s=100.0) == pytest.approx(36.0), "the reserve is filled first"


def test_a_text_longer_than_the_burst_goes_when_the_bucket_is_full_and_is_paid_off():
    bucket = Bucket(60, 3, 0.0)
    bucket.take(1, urgent=False, now_s=0.0)
    assert bucket.wait_s(7, urgent=False, now_s=0.0) == pytest.approx(1.0)
    bucket.take(7, urgent=False, now_s=1.0)
    assert bucket.wait_s(1, urgent=False, now_s=1.0) == pytest.approx(5.0)
    assert bucket.wait_s(3, urgent=True, now_s=1.0) == 0, "the reserve is untouched"


def test_what_did_not_go_is_given_back_but_the_bucket_holds_no_more():
    bucket = Bucket(60, 3, 0.0)
    bucket.take(3, urgent=False, now_s=0.0)
    bucket.give_back(2, 0.0)
    assert bucket.wait_s(2, urgent=False, now_s=0.0) == 0
    bucket.give_back(9, 0.0)
    assert bucket.level == 3


def test_a_rate_of_zero_is_none():
    bucket = Bucket(0, 1, 0.0)
    for _ in range(100):
        bucket.take(10, urgent=False, now_s=0.0)
    assert bucket.wait_s(10, urgent=False, now_s=0.0) == 0


def test_a_restart_is_no_new_burst_and_a_clock_set_back_no_time():
    bucket = Bucket(60, 5, 500.0)
    bucket.restore(0.0, 4.0, 3.0, 500.0)
    assert (bucket.level, bucket.reserve) == (2.0, 5.0)
    bucket.restore(1.0, 5.0, -86400.0, 500.0)
    assert bucket.level == 1.0
    bucket.restore(99.0, 99.0, 1e9, 500.0)
    assert (bucket.level, bucket.reserve) == (5, 5)
