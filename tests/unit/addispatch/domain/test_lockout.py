"""Lock-outs: five wrong codes in an hour, an hour of silence, and the second time until an operator comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.domain.lockout import AGAIN_MS, LOCK_MS, MAX_FAILURES_COUNT, MAX_VALUE_BYTES, WINDOW_MS, Lockout

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
NOW_MS = 1_790_000_000_000


def fail(lockout: Lockout, *at_ms: int) -> tuple[Lockout, list[bool]]:
    """Send wrong codes at these times."""
    locks = []
    for at in at_ms:
        lockout, locked = lockout.failed(at)
        locks.append(locked)
    return lockout, locks


def test_the_numbers_of_the_specification() -> None:
    assert (MAX_FAILURES_COUNT, WINDOW_MS, LOCK_MS, AGAIN_MS) == (5, HOUR_MS, HOUR_MS, 24 * HOUR_MS)


def test_nobody_is_locked_at_first() -> None:
    fresh = Lockout()
    assert not fresh.is_locked(NOW_MS)
    assert (fresh.until_ms(NOW_MS), fresh.why, fresh.value) == (NOW_MS, "", b"{}")


def test_the_fifth_wrong_code_within_an_hour_locks_for_an_hour() -> None:
    lockout, locks = fail(Lockout(), *(NOW_MS + n * MINUTE_MS for n in range(5)))
    assert locks == [False] * 4 + [True]
    locked_at = NOW_MS + 4 * MINUTE_MS
    assert lockout.is_locked(locked_at)
    assert lockout.until_ms(locked_at) == locked_at + HOUR_MS
    assert lockout.is_locked(locked_at + HOUR_MS - 1)
    assert not lockout.is_locked(locked_at + HOUR_MS)
    assert lockout.until_ms(locked_at + HOUR_MS) == locked_at + HOUR_MS
    assert lockout.why == "5 wrong codes within 60 minutes"


def test_wrong_codes_more_than_an_hour_apart_never_lock() -> None:
    lockout, locks = fail(Lockout(), *(NOW_MS + n * HOUR_MS // 4 for n in range(100)))
    assert not any(locks)
    assert not lockout.is_locked(NOW_MS + 25 * HOUR_MS)


def test_while_locked_nothing_is_counted_and_nothing_told_again() -> None:
    lockout, _ = fail(Lockout(), *[NOW_MS] * 5)
    assert fail(lockout, *[NOW_MS + MINUTE_MS] * 50) == (lockout, [False] * 50)
    again, locks = fail(lockout, *[NOW_MS + HOUR_MS] * 4)
    assert not any(locks)
    assert not again.is_locked(NOW_MS + HOUR_MS)


def test_the_second_time_within_a_day_holds_until_an_operator_clears_it() -> None:
    lockout, _ = fail(Lockout(), *[NOW_MS] * 5)
    lockout, locks = fail(lockout, *[NOW_MS + AGAIN_MS - 1] * 5)
    assert locks[-1]
    assert lockout.is_locked(NOW_MS + 10**12)
    assert lockout.until_ms(NOW_MS + 10**12) is None
    assert lockout.why == "locked a second time within 24 hours"


def test_a_day_later_it_is_a_first_time_again() -> None:
    lockout, _ = fail(Lockout(), *[NOW_MS] * 5)
    lockout, locks = fail(lockout, *[NOW_MS + AGAIN_MS] * 5)
    assert locks[-1]
    assert lockout.until_ms(NOW_MS + AGAIN_MS) == NOW_MS + AGAIN_MS + LOCK_MS


def test_a_clock_set_back_a_little_frees_nobody_and_set_back_far_locks_nobody_for_years() -> None:
    lockout, _ = fail(Lockout(), *[NOW_MS] * 5)
    assert lockout.is_locked(NOW_MS - 10 * MINUTE_MS)
    assert not lockout.is_locked(NOW_MS - HOUR_MS)
    _, locks = fail(Lockout(), *(NOW_MS - n * MINUTE_MS for n in range(5)))
    assert locks[-1]


@pytest.mark.parametrize(
    "value",
    [
        b"", b"{", b"[]", b"null", b"7", b'"x"', b"\xff", b'{"failed":7}', b'{"failed":["x"]}', b'{"failed":[1e400]}', b'{"locked":"soon"}', b'{"locked":NaN}',
        b'{"failed":{"a":1}}', b"[" * 5000, b'{"locked":1' + b"0" * 30 + b"}", b'{"failed":[' + b"1," * 400 + b"1]}",
    ],
)  # fmt: skip
def test_a_damaged_value_counts_as_nothing_failed(value: bytes) -> None:
    assert Lockout.parse(value) == Lockout()


# -- against a simple model ----------------------------------------------------------------------------------------


class Model:
    """The sentence of the specification, with all its history."""

    def __init__(self) -> None:
        self.counted: list[int] = []
        self.locks: list[int] = []

    def is_locked(self, now: int) -> bool:
        return self.is_for_good or any(at <= now < at + HOUR_MS for at in self.locks)

    @property
    def is_for_good(self) -> bool:
        return any(later - earlier < 24 * HOUR_MS for earlier, later in zip(self.locks, self.locks[1:], strict=False))

    def failed(self, now: int) -> bool:
        if self.is_locked(now):
            return False
        self.counted.append(now)
        if sum(now - at < HOUR_MS for at in self.counted) < 5:
            return False
        self.locks.append(now)
        self.counted.clear()
        return True


steps = st.lists(
    st.tuples(st.sampled_from([0, 1, MINUTE_MS, 14 * MINUTE_MS, HOUR_MS - 1, HOUR_MS, 23 * HOUR_MS, 25 * HOUR_MS]) | st.integers(0, HOUR_MS // 2), st.booleans()), max_size=60
)  # fmt: skip


@given(steps)
def test_it_does_what_the_model_does(taken: list[tuple[int, bool]]) -> None:
    model, lockout, now = Model(), Lockout(), NOW_MS
    for wait_ms, is_wrong in taken:
        now += wait_ms
        if is_wrong:
            expected = model.failed(now)
            lockout, locks = lockout.failed(now)
            assert locks == expected
        # A restart between any two steps changes nothing.
        lockout = Lockout.parse(lockout.value)
        assert lockout.is_locked(now) == model.is_locked(now)
        assert lockout.is_for_good == model.is_for_good
        assert (lockout.until_ms(now) is None) == model.is_for_good


times = st.integers(-(2**63) + 1, 2**63 - 1)


@given(st.lists(times, max_size=5), st.none() | times, st.booleans())
def test_its_value_is_read_again_and_fits(failed: list[int], locked: int | None, good: bool) -> None:
    lockout = Lockout(tuple(failed), locked, good)
    assert len(lockout.value) <= MAX_VALUE_BYTES
    assert Lockout.parse(lockout.value) == lockout


@given(st.binary(max_size=300) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_read(value: bytes) -> None:
    assert len(Lockout.parse(value).value) <= MAX_VALUE_BYTES
