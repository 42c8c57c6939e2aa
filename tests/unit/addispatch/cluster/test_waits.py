"""Who waits until the other node holds an alarm: answered when it has all of it, once, or when the time is over.

And what the other node asks: answered after what it sent before is joined.
"""

from __future__ import annotations

import pytest

from addispatch.cluster.messages import Digests
from addispatch.cluster.waits import QUESTIONS_COUNT, STUCK_S, Questions, Waits

ONE, TWO = Digests((("e", 1),), asks=True), Digests((("f", 2),), asks=True)


@pytest.fixture
def waits():
    return Waits()


def test_it_waits_for_all_of_its_entries(waits):
    waits.add(7, 1.0, {"e": 1, "f": 2})
    assert [waits.held("e", 1, 1), waits.held("f", 9, 2), waits.held("f", 2, 2)] == [[], [], [7]]
    assert (waits.held("f", 2, 2), waits.all()) == ([], [])


def test_a_later_state_than_the_one_it_waits_for_will_do_if_it_is_ours(waits):
    waits.add(7, 1.0, {"e": 1})
    assert waits.held("e", 5, None) == []
    assert waits.held("e", 5, 5) == [7]


def test_several_wait_for_one_entry(waits):
    for token in (7, 8):
        waits.add(token, 1.0, {"e": 1})
    assert sorted(waits.held("e", 1, 1)) == [7, 8]


def test_whose_time_is_over_waits_no_more(waits):
    waits.add(7, 1.0, {"e": 1})
    waits.add(8, 2.0, {"e": 1})
    assert (waits.overdue(0.9), waits.overdue(1.0), waits.all()) == ([], [7], [7, 8])
    waits.end(7)
    assert waits.held("e", 1, 1) == [8]


def test_a_question_is_answered_at_once_while_nothing_is_being_joined():
    questions = Questions()
    assert not questions.holds(ONE, 0.0)
    questions.begun(0.0)
    assert questions.done(0.1) == []
    assert not questions.holds(ONE, 0.2)


def test_a_question_waits_for_what_came_before_it_and_for_no_more():
    questions = Questions()
    questions.begun(0.0)
    questions.begun(0.0)
    assert questions.holds(ONE, 0.1)
    questions.begun(0.2)
    assert questions.holds(TWO, 0.3)
    assert [questions.done(at_s) for at_s in (0.4, 0.5, 0.6)] == [[], [ONE], [TWO]]


def test_a_question_does_not_wait_for_a_join_that_will_never_be_done():
    questions = Questions()
    questions.begun(0.0)
    assert questions.holds(ONE, STUCK_S - 0.1)
    assert not questions.holds(ONE, STUCK_S)
    assert questions.done(STUCK_S) == [ONE]


def test_of_too_many_questions_the_oldest_are_left_out():
    questions = Questions()
    questions.begun(0.0)
    for number in range(QUESTIONS_COUNT + 3):
        questions.holds(Digests(((str(number), 1),), asks=True), 0.0)
    ready = questions.done(0.1)
    assert (len(ready), ready[0].pairs[0][0]) == (QUESTIONS_COUNT, "3")
