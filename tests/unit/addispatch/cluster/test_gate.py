"""Replay protection: each message once, none of another time, whatever order and whatever is played back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.cluster.envelope import Header
from addispatch.cluster.gate import MAX_BOOTS_COUNT, WINDOW_COUNT, Gate, Verdict, Window

ADMIT, DUPLICATE, REPLAY = Verdict.ADMIT, Verdict.DUPLICATE, Verdict.REPLAY
UNKNOWN, NOT_FOR_ME = Verdict.UNKNOWN_BOOT, Verdict.NOT_FOR_ME
ADDRESSED = ("st", "ak", "sy", "cf")


def message(n=1, boot="b1", sender="b", to="a", tstore="store-a", tboot="a1"):
    return Header(1, "k1", sender, f"store-{sender}", boot, n, to, tstore, tboot, 0.0)


@pytest.fixture
def gate():
    return Gate("a1", store="store-a", node="a")


def prove(gate, boot="b1", n=1, echoed="a1", heard=1):
    return gate.admit(message(n, boot), "hb", echoed, heard)


@given(st.lists(st.integers(-5, 5000), max_size=200))
def test_a_number_is_admitted_once_and_never_when_it_is_old(numbers):
    window, taken = Window(), set()
    for number in numbers:
        newest = max(taken, default=0)
        verdict = window.take(number)
        if number <= 0 or number <= newest - WINDOW_COUNT:
            assert verdict is REPLAY
        else:
            assert verdict is (DUPLICATE if number in taken else ADMIT)
            taken.add(number)


def test_the_slower_path_may_lag_by_the_window_and_no_more():
    window = Window()
    assert window.take(WINDOW_COUNT + 1) is ADMIT
    assert window.take(2) is ADMIT
    assert window.take(WINDOW_COUNT + 2) is ADMIT
    assert window._bits.bit_length() <= WINDOW_COUNT
    assert window.take(1) is REPLAY
    assert window.take(10**9) is ADMIT
    assert window._bits.bit_length() <= WINDOW_COUNT
    assert window.take(WINDOW_COUNT + 1) is REPLAY


@pytest.mark.parametrize("kind", ADDRESSED)
def test_a_new_boot_is_heard_only_after_a_heartbeat_named_my_boot(gate, kind):
    assert gate.admit(message(1), kind) is UNKNOWN
    assert gate.admit(message(2), "hb", None) is ADMIT
    assert gate.admit(message(3), "hb", "a0", 9) is ADMIT  # what a restarted peer heard of me before
    assert gate.admit(message(4), kind) is UNKNOWN
    assert gate.admit(message(5), "hb", "a1", 1) is ADMIT
    assert gate.current("b") == "b1"
    assert gate.admit(message(6), kind) is ADMIT
    assert gate.admit(message(6), kind) is DUPLICATE


@pytest.mark.parametrize("kind", ADDRESSED)
@pytest.mark.parametrize(
    "wrong", [{"to": "c"}, {"tstore": "store-x"}, {"tboot": "a0"}, {"tstore": ""}, {"tboot": ""}, {"sender": "a"}]
)
def test_what_is_addressed_to_another_store_or_boot_is_refused(gate, kind, wrong):
    prove(gate)
    assert gate.admit(message(2, **wrong), kind) is NOT_FOR_ME
    assert gate.admit(message(2), kind) is ADMIT  # and has used up no number


def test_heartbeats_need_no_address(gate):
    assert gate.admit(message(1, to="", tstore="", tboot=""), "hb", "a1", 1) is ADMIT
    assert gate.admit(message(1, to="", tstore="", tboot=""), "lw") is ADMIT


def test_a_left_boot_never_comes_back(gate):
    prove(gate, "b1", heard=5)
    assert gate.admit(message(2), "st") is ADMIT
    assert prove(gate, "b2", heard=6) is ADMIT
    assert gate.current("b") == "b2"
    for n in range(3, 9):
        assert prove(gate, "b1", n, heard=100 + n) is REPLAY
        assert gate.admit(message(n, "b1"), "st") is REPLAY
        assert gate.admit(message(n, "b1"), "lw") is REPLAY
    assert gate.current("b") == "b2"


def test_an_older_boot_never_heard_cannot_take_the_place_of_the_one_that_counts(gate):
    """Traffic that was held back: its boot named ours as well, but heard less of us."""
    prove(gate, "b2", heard=50)
    assert prove(gate, "b1", heard=49) is UNKNOWN
    assert prove(gate, "b1", 2, heard=50) is UNKNOWN
    assert gate.current("b") == "b2"
    assert gate.admit(message(3, "b1"), "st") is UNKNOWN
    assert gate.admit(message(2, "b2"), "st") is ADMIT


def test_heartbeats_of_others_are_kept_out_while_one_boot_counts(gate):
    assert gate.admit(message(1, "b0"), "hb", "a0", 1) is ADMIT  # nobody is proven yet
    prove(gate, "b1")
    assert gate.admit(message(2, "b0"), "hb", "a0", 2) is UNKNOWN
    assert gate.admit(message(1, "b9"), "hb", None) is UNKNOWN
    assert prove(gate, "b9", 2, heard=2) is ADMIT


def test_after_a_freeze_everybody_must_name_the_new_boot_and_what_was_seen_stays_seen(gate):
    prove(gate, "b1", 1)
    assert gate.admit(message(5), "st") is ADMIT
    gate.renew("a2")
    assert gate.current("b") is None
    assert gate.admit(message(6), "st") is NOT_FOR_ME
    assert gate.admit(message(6, tboot="a2"), "st") is UNKNOWN
    assert gate.admit(message(7), "hb", "a1", 99) is ADMIT
    assert gate.current("b") is None
    assert prove(gate, "b1", 8, "a2", 1) is ADMIT
    assert gate.admit(message(5, tboot="a2"), "st") is DUPLICATE
    assert gate.admit(message(6, tboot="a2"), "st") is ADMIT


def test_what_was_left_before_a_freeze_stays_left(gate):
    prove(gate, "b1", heard=1)
    prove(gate, "b2", heard=2)
    gate.renew("a2")
    assert prove(gate, "b1", 2, "a2", 9) is REPLAY
    assert prove(gate, "b2", 2, "a2", 1) is ADMIT


def test_last_wills_have_numbers_of_their_own(gate):
    prove(gate, n=5000)
    assert gate.admit(message(1), "lw") is ADMIT
    assert gate.admit(message(1), "lw") is DUPLICATE
    assert gate.admit(message(2), "lw") is ADMIT
    assert Gate("a1", store="store-a", node="a").admit(message(3), "lw") is UNKNOWN


def test_seen_tells_second_copies_before_the_seal_is_checked(gate):
    assert not gate.seen(message(1), "st")
    prove(gate)
    assert not gate.seen(message(2), "st")
    gate.admit(message(2), "st")
    assert gate.seen(message(2), "st")
    assert not gate.seen(message(3), "st")
    prove(gate, "b2", heard=9)
    assert gate.seen(message(3), "st")


def test_only_so_many_boots_are_kept_and_the_one_that_counts_is(gate):
    prove(gate, "b1")
    for number in range(3 * MAX_BOOTS_COUNT):
        gate.admit(message(1, f"other-{number}"), "hb", "a0")
    assert gate.boots_count == MAX_BOOTS_COUNT
    assert gate.current("b") == "b1"
    assert gate.admit(message(2), "st") is ADMIT
    for number in range(3 * MAX_BOOTS_COUNT):
        assert gate.admit(message(1, "x", sender=f"s{number}"), "hb", "a1", 1) is ADMIT
    assert gate.boots_count == MAX_BOOTS_COUNT


#: What may come in, from two senders with four boots each, in any order, each as often as it likes.
arrivals = st.lists(
    st.tuples(
        st.sampled_from("bc"),
        st.integers(0, 3),
        st.integers(1, 6),
        st.sampled_from(["hb", "lw", *ADDRESSED]),
        st.sampled_from(["a1", "a2", None]),
        st.integers(0, 6) | st.none(),
    )
    | st.just("renew"),
    max_size=60,
)


@given(arrivals)
def test_whatever_comes_each_number_gets_in_once_and_left_boots_stay_left(plan):
    gate, me, admitted, left, proven = Gate("a1", store="store-a", node="a"), "a1", set(), set(), set()
    for step in plan:
        if step == "renew":
            me = "a2"
            gate.renew(me)
            proven.clear()
            continue
        sender, boot, n, kind, echoed, heard = step
        before = gate.current(sender)
        verdict = gate.admit(
            message(n, f"{boot}", sender, tboot="a1" if kind in ("hb", "lw") else me), kind, echoed, heard
        )
        after = gate.current(sender)
        if before not in (None, after):
            left.add((sender, before))
        if kind == "hb" and echoed == me:
            proven.add((sender, f"{boot}"))
        if verdict is ADMIT:
            key = (sender, boot, kind == "lw", n)
            assert key not in admitted
            admitted.add(key)
            assert (sender, f"{boot}") not in left
            if kind != "hb":
                assert (sender, f"{boot}") in proven
        if after != before:
            assert (kind, echoed) == ("hb", me)
