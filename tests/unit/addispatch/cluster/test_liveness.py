"""Is the other node alive? Silence on all paths, last wills, our own standing still."""

from __future__ import annotations

import pytest

from addispatch.cluster.liveness import Liveness, Standing, Timing

TIMING = Timing()
#: Long enough after the start for a verdict.
LATER_S = 10.0


def heard_until(until_s: float) -> Liveness:
    """A node whose heartbeats came each quarter of a second until then, by one path."""
    live = Liveness(TIMING, 0.0)
    live.path_up("one", 0.0)
    for number in range(1, int(until_s / TIMING.hb_s) + 1):
        live.beat(number, number * TIMING.hb_s)
        live.look(number * TIMING.hb_s)
    return live


def test_up_after_three_heartbeats_in_a_row() -> None:
    live = Liveness(TIMING, 0.0)
    for number, expected in ((1, Standing.UNKNOWN), (2, Standing.UNKNOWN), (3, Standing.UP)):
        live.beat(number, number * 0.25)
        assert live.look(number * 0.25) is expected


@pytest.mark.parametrize(
    ("silence_s", "expected"),
    [(0.9, Standing.UP), (1.1, Standing.SUSPECT), (1.4, Standing.SUSPECT), (1.6, Standing.DOWN)],
)
def test_silence(silence_s: float, expected: Standing) -> None:
    assert heard_until(LATER_S).look(LATER_S + silence_s) is expected


def test_old_heartbeats_are_no_life() -> None:
    live = heard_until(LATER_S)
    live.beat(3, LATER_S + 1.4)
    assert live.look(LATER_S + 1.6) is Standing.DOWN


def test_no_verdict_while_a_path_is_young_but_not_for_ever() -> None:
    live = heard_until(LATER_S)
    live.path_up("two", LATER_S)
    assert live.look(LATER_S + 4.9) is Standing.SUSPECT
    assert live.look(LATER_S + 5.1) is Standing.DOWN
    live = heard_until(LATER_S)
    for second in range(1, 20):
        live.path_up("two", LATER_S + second)
    assert live.look(LATER_S + 14.9) is Standing.SUSPECT
    assert live.look(LATER_S + 15.1) is Standing.DOWN


def test_a_path_that_is_gone_holds_up_no_verdict() -> None:
    live = heard_until(LATER_S)
    live.path_up("two", LATER_S)
    live.path_down("two")
    assert live.look(LATER_S + 1.6) is Standing.DOWN


def test_a_last_will_shortens_the_wait_unless_a_heartbeat_follows() -> None:
    live = heard_until(LATER_S)
    live.will(LATER_S + 0.1)
    assert live.look(LATER_S + 0.2) is Standing.SUSPECT
    assert live.look(LATER_S + 0.45) is Standing.DOWN
    live = heard_until(LATER_S)
    live.will(LATER_S + 0.1)
    live.beat(1000, LATER_S + 0.25)
    assert live.look(LATER_S + 0.45) is Standing.UP


def test_our_own_standing_still_is_excused() -> None:
    live = heard_until(LATER_S)
    live.excuse(3.0)
    assert live.look(LATER_S + 3.9) is Standing.UP
    assert live.look(LATER_S + 4.6) is Standing.DOWN


def test_a_new_start_is_counted_from_the_beginning() -> None:
    live = heard_until(LATER_S)
    live.restart()
    live.beat(1, LATER_S + 0.25)
    assert live.silence_s(LATER_S + 0.25) == 0.0
