"""The verdict on the other node: by its silence on all paths, never by ours, and never in the first seconds of a path."""

from __future__ import annotations

import pytest

from addispatch.cluster.liveness import Liveness, Standing, Timing

T = Timing()


class Watched:
    """A liveness that hears a heartbeat each quarter of a second."""

    def __init__(self):
        self.live, self.now_s, self.number = Liveness(T, 0.0), 0.0, 0
        self.live.path_up("a", 0.0)

    def hears(self, for_s):
        for _ in range(round(for_s / T.hb_s)):
            self.now_s += T.hb_s
            self.number += 1
            self.live.beat(self.number, self.now_s)
            self.live.look(self.now_s)
        return self.live.standing

    def silent(self, for_s):
        self.now_s += for_s
        return self.live.look(self.now_s)


@pytest.fixture
def watched():
    return Watched()


def test_up_after_three_in_a_row(watched):
    assert [watched.hears(T.hb_s) for _ in range(3)] == [Standing.UNKNOWN, Standing.UNKNOWN, Standing.UP]


def test_three_with_gaps_are_not_a_row(watched):
    for number in (1, 2, 3):
        watched.now_s += T.suspect_s
        watched.live.beat(number, watched.now_s)
    assert watched.live.look(watched.now_s) is Standing.UNKNOWN


def test_second_copies_and_old_ones_are_no_heartbeats(watched):
    watched.hears(6.0)
    watched.now_s += T.t_dead_s
    for number in (watched.number, 1):
        watched.live.beat(number, watched.now_s)
    assert watched.live.look(watched.now_s) is Standing.DOWN


def test_suspect_then_down_then_up_again(watched):
    watched.hears(6.0)
    assert [watched.silent(s) for s in (0.99, 0.01, 0.49, 0.01)] == [
        Standing.UP, Standing.SUSPECT, Standing.SUSPECT, Standing.DOWN,
    ]  # fmt: skip
    assert watched.hears(T.hb_s) is Standing.DOWN
    assert watched.hears(3 * T.hb_s) is Standing.UP


def test_a_suspect_that_speaks_is_up_at_once(watched):
    watched.hears(6.0)
    assert watched.silent(1.2) is Standing.SUSPECT
    assert watched.hears(T.hb_s) is Standing.UP


def test_a_last_will_shortens_the_wait_and_a_heartbeat_takes_it_back(watched):
    watched.hears(6.0)
    watched.live.will(watched.now_s)
    assert [watched.silent(s) for s in (0.0, 0.29, 0.02)] == [Standing.SUSPECT, Standing.SUSPECT, Standing.DOWN]
    watched.hears(6.0)
    watched.live.will(watched.now_s)
    assert watched.hears(T.hb_s) is Standing.UP
    assert watched.silent(0.9) is Standing.UP


def test_a_second_will_does_not_start_the_wait_anew(watched):
    watched.hears(6.0)
    for _ in range(3):
        watched.live.will(watched.now_s)
        watched.silent(0.15)
    assert watched.live.standing is Standing.DOWN


def test_our_own_standstill_says_nothing_about_the_other(watched):
    watched.hears(6.0)
    watched.live.excuse(30.0)
    assert watched.silent(30.0) is Standing.UP


@pytest.mark.parametrize("silence_s", [2.0, 14.9])
def test_a_path_in_its_first_seconds_is_no_witness(watched, silence_s):
    watched.hears(6.0)
    watched.now_s += silence_s
    watched.live.path_up("b", watched.now_s - T.path_grace_s + 0.1)
    assert watched.live.look(watched.now_s) is Standing.SUSPECT
    assert watched.silent(0.1) is Standing.DOWN


def test_a_path_that_comes_and_goes_excuses_no_more_than_so_long(watched):
    watched.hears(6.0)
    for _ in range(15):
        watched.live.path_up("b", watched.now_s)
        verdict = watched.silent(1.0)
    assert verdict is Standing.DOWN


def test_a_path_that_is_gone_is_no_excuse(watched):
    watched.hears(6.0)
    watched.live.path_up("b", watched.now_s)
    watched.live.path_down("b")
    assert watched.silent(1.5) is Standing.DOWN


def test_a_new_boot_is_counted_from_its_beginning(watched):
    watched.hears(6.0)
    watched.live.restart()
    watched.number = 0
    assert watched.hears(1.0) is Standing.UP


def test_freezing_is_shorter_than_dying():
    assert T.lag_s < T.freeze_s < T.t_dead_s
