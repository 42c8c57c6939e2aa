"""The chain of a policy: each level once per round, the wait before each, and an end."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import policies

from addispatch.domain.case import Position
from addispatch.domain.escalation import end_of, following, is_ended, level_at, reached, wait_s
from addispatch.domain.policy import Level, Policy

USUAL = Policy(
    id="p", name="p", levels=(Level(to=("jane",)), Level(after_minutes=15, call=("adam",))), repeat=1
)  # fmt: skip


def chain(policy: Policy) -> list[Position]:
    """Every step from the first to the end."""
    steps = [Position()]
    while not is_ended(policy, steps[-1]):
        steps.append(following(policy, steps[-1]))
        assert len(steps) < 1000
    return steps


def test_the_steps_of_a_policy_with_two_levels_that_repeats_once():
    assert chain(USUAL) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0)]
    minutes = [wait_s(USUAL, step) / 60 for step in chain(USUAL)[:-1]]
    assert minutes == [5, 15, 15, 5, 15, 15], "after the last level its own wait passes once more"
    assert [level_at(USUAL, step) for step in chain(USUAL)[:3]] == [None, *USUAL.levels]


@pytest.mark.parametrize("repeat", [0, 3])
def test_a_policy_without_levels_waits_and_ends(repeat):
    policy = Policy(id="p", name="p", repeat=repeat)
    assert chain(policy) == [(cycle, 0) for cycle in range(repeat + 2)]
    assert wait_s(policy, Position()) == 300


@given(policies)
def test_every_chain_visits_each_level_once_a_round_and_ends_where_it_should(policy):
    steps = chain(policy)
    assert steps[-1] == end_of(policy)
    assert all(before < after for before, after in pairwise(steps))
    assert len(steps) == (policy.repeat + 1) * (len(policy.levels) + 1) + 1
    assert all(wait_s(policy, step) > 0 for step in steps)
    assert [reached(policy, step) for step in steps] == [*steps[:-1], steps[-2]], "the end shows the last step"
    visited = [level_at(policy, step) for step in steps[:-1]]
    assert visited == [None, *policy.levels] * (policy.repeat + 1)


@given(policies, st.integers(0, 9), st.integers(0, 9))
def test_what_another_version_of_the_policy_left_is_ended_and_raises_nothing(policy, cycle, level):
    """A merge may bring a position that this policy does not have."""
    position = Position(cycle, level)
    assert is_ended(policy, position) == (cycle > policy.repeat)
    assert wait_s(policy, position) > 0
    assert following(policy, position) > position
