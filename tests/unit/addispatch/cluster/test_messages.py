"""What two nodes say: registers of which the greatest wins on both."""

from __future__ import annotations

from itertools import permutations

from addispatch.cluster.messages import Config, Local, Pause


def test_of_two_pauses_the_later_one_counts_and_of_two_at_once_the_same_one_on_both():
    first, second = Pause(1, 0, on=True, by="jane"), Pause(2, 0, on=False, by="adam")
    at_once = Pause(2, 1, on=True, by="bo")
    assert {max(order) for order in permutations((Pause(), first, second, at_once))} == {at_once}


def test_the_later_term_counts_whatever_was_edited_in_the_one_before():
    assert max(Config(1, 900, "a"), Config(2, 1, "b"), Config(2, 0, "c")) == Config(2, 1, "b")


def test_a_node_that_has_said_nothing_yet_mirrors_and_pauses_nothing():
    assert (Local().mirror, Local().pause.on, Local().disk) == (True, False, "ok")
