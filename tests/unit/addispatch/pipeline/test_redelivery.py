"""A redelivered publish is one, two equal publishes are two: by example, and against a model of brokers that redeliver
whatever they like around a reconnect, with crashes in between."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass, field

import pytest
from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from addispatch.pipeline.redelivery import DOUBT_S, WINDOW_S, Arrival, Outages, Redelivery

PATH = "broker:1883"


@pytest.fixture
def window():
    found = Redelivery()
    found.reconnected(PATH, 0.0)
    return found


def take(window, word=b"x", number=1, future=None):
    arrival = Arrival(word, number, future)
    window.taken(PATH, arrival)
    return arrival


def failed() -> Future:
    future: Future = Future()
    future.set_exception(OSError("disk full"))
    return future


def test_two_equal_publishes_a_second_apart_are_two(window):
    for number, now_s in enumerate((1.0, 2.0)):
        assert window.recognise(PATH, b"x", now_s) is None
        take(window, number=number)
        window.confirmed(PATH, b"x", now_s)


def test_what_was_never_acknowledged_is_one(window):
    first = take(window)
    window.disconnected(PATH, 100.0)
    window.reconnected(PATH, 5000.0)
    assert window.recognise(PATH, b"x", 5001.0) is first
    assert window.recognise(PATH, b"x", 5001.0) is None, "each is expected once"


@pytest.mark.parametrize(("before_s", "is_one"), [(DOUBT_S - 0.1, True), (DOUBT_S + 0.1, False)])
def test_an_acknowledgement_may_have_got_lost_only_if_it_was_recent(window, before_s, is_one):
    take(window)
    window.confirmed(PATH, b"x", 50.0)
    window.disconnected(PATH, 50.0 + before_s)
    window.reconnected(PATH, 60.0)
    assert (window.recognise(PATH, b"x", 61.0) is not None) is is_one


@pytest.mark.parametrize(("after_s", "is_one"), [(WINDOW_S - 0.1, True), (WINDOW_S + 0.1, False)])
def test_redeliveries_come_soon_after_the_reconnect(window, after_s, is_one):
    take(window)
    window.disconnected(PATH, 10.0)
    window.reconnected(PATH, 20.0)
    assert (window.recognise(PATH, b"x", 20.0 + after_s) is not None) is is_one


def test_paths_do_not_mix(window):
    take(window)
    window.disconnected(PATH, 10.0)
    window.reconnected(PATH, 11.0)
    window.reconnected("other:1883", 11.0)
    assert window.recognise("other:1883", b"x", 12.0) is None
    assert window.recognise("unheard of", b"x", 12.0) is None


def test_after_a_failed_commit_the_redelivery_counts(window):
    take(window, future=failed())
    window.disconnected(PATH, 10.0)
    window.reconnected(PATH, 11.0)
    assert window.recognise(PATH, b"x", 12.0) is None


def test_a_commit_that_fails_only_after_the_reconnect_counts_no_more(window):
    future: Future = Future()
    take(window, future=future)
    window.disconnected(PATH, 10.0)
    window.reconnected(PATH, 11.0)
    future.set_exception(OSError("disk full"))
    assert window.recognise(PATH, b"x", 12.0) is None


def test_the_acknowledgement_belongs_to_the_attempt_that_was_stored(window):
    """A publish that could be stored only at the second attempt is not waited for for ever."""
    take(window, number=1, future=failed())
    take(window, number=2)
    window.confirmed(PATH, b"x", 20.0)
    window.disconnected(PATH, 5000.0)
    window.reconnected(PATH, 5001.0)
    assert window.recognise(PATH, b"x", 5002.0) is None, "a new alarm was swallowed"


def test_a_reconnect_nobody_saw_the_disconnect_of(window):
    first = take(window)
    window.reconnected(PATH, 10.0)
    assert window.recognise(PATH, b"x", 11.0) is first


def test_what_the_last_process_took_is_expected_after_the_start():
    window = Redelivery()
    before = Arrival(b"x", 7)
    window.restore(PATH, [before])
    window.reconnected(PATH, 1000.0)
    assert window.recognise(PATH, b"x", 1001.0) is before


# -- the model -----------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Publish:
    """One publish as its broker sees it."""

    word: bytes
    acked_at_s: float | None = None
    is_here: bool = False
    """Delivered on the connection that is up."""


@dataclass(eq=False)
class Handling:
    """One arrival as we see it: ``again`` is what it was recognised as."""

    publish: Publish
    number: int
    again: Arrival | None
    connection: int
    future: Future = field(default_factory=Future)


class Brokers(RuleBasedStateMachine):
    """A broker redelivers what it has no acknowledgement of, and any of what was acknowledged shortly before."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1000.0
        self.window = Redelivery()
        self.window.reconnected(PATH, self.now_s)
        self.is_up, self.connection, self.number = True, 1, 0
        self.ring: dict[int, tuple[float, bytes]] = {}
        self.publishes: list[Publish] = []
        self.pending: list[Handling] = []
        self.failures: list[Handling] = []
        self.told: Counter[bytes] = Counter()
        #: What the broker may still deliver again, and until when we must reckon with it.
        self.maybe: list[Publish] = []
        self.until_s = 0.0
        self.is_abandoned = False
        self.outages = Outages()

    def given(self, condition: bool) -> None:
        """Abandon this run unless the condition holds."""
        self.is_abandoned = self.is_abandoned or not condition
        assume(condition)

    # -- we --------------------------------------------------------------------------------------------------------

    def arrive(self, publish: Publish) -> None:
        """What ``Pipeline.accept`` does."""
        publish.is_here, publish.acked_at_s = True, None
        known = self.window.recognise(PATH, publish.word, self.now_s)
        if known is None:
            self.number += 1
        handling = Handling(publish, known.number if known else self.number, known, self.connection)
        first = known.future if known else handling.future
        self.window.taken(PATH, Arrival(publish.word, handling.number, first))
        self.pending.append(handling)

    def commit(self, handling: Handling) -> None:
        self.pending.remove(handling)
        self.ring[handling.number] = (self.now_s, handling.publish.word)
        self.told[handling.publish.word] += handling.again is None
        handling.future.set_result(None)
        if self.is_up and handling.connection == self.connection:
            handling.publish.acked_at_s = self.now_s
            self.window.confirmed(PATH, handling.publish.word, self.now_s)

    def oldest(self, word: bytes) -> Handling:
        """The ledger commits, or fails, in the order in which it is given its work."""
        return next(handling for handling in self.pending if handling.publish.word == word)

    @precondition(lambda self: self.pending)
    @rule(data=st.data())
    def the_ledger_commits(self, data):
        handling = self.oldest(data.draw(st.sampled_from(self.pending)).publish.word)
        if handling.again is None or handling.again.future is None or handling.again.future.done():
            self.commit(handling)

    @precondition(lambda self: self.pending)
    @rule(data=st.data())
    def the_ledger_fails(self, data):
        handling = self.oldest(data.draw(st.sampled_from(self.pending)).publish.word)
        if handling.again is not None:
            return  # nothing to lose: what it repeats is durable, or fails itself
        is_old = handling.connection != self.connection or not self.is_up
        if is_old and handling.publish.word in {p.word for p in self.maybe}:
            return  # nobody could tell which of the two equal ones comes again
        for other in [h for h in self.pending if h is handling or (h.again and h.again.future is handling.future)]:
            self.pending.remove(other)
            self.failures.append(other)
        handling.future.set_exception(OSError("disk full"))

    @precondition(lambda self: self.failures)
    @rule()
    def the_source_tries_again(self):
        handling = self.failures.pop(0)
        if handling.connection == self.connection and self.is_up:
            self.arrive(handling.publish)

    # -- the broker ------------------------------------------------------------------------------------------------

    def ambiguous(self) -> set[bytes]:
        """Words of which an equal new publish could not be told from a redelivery by anybody."""
        return {p.word for p in self.maybe} if not self.is_up or self.now_s <= self.until_s else set()

    @rule(word=st.sampled_from([b"x", b"y"]))
    def somebody_publishes(self, word):
        if word in self.ambiguous():
            return
        publish = Publish(word)
        self.publishes.append(publish)
        if self.is_up:
            self.arrive(publish)

    @rule(seconds=st.sampled_from([0.1, 1.0, 4.0, 6.0, 29.0, 31.0]))
    def time_passes(self, seconds):
        self.now_s += seconds

    def break_off(self) -> None:
        if self.is_up and self.now_s > self.until_s:
            self.maybe = []  # while the connection is down the broker forgets nothing
        since_s = self.now_s - DOUBT_S
        self.maybe += [p for p in self.publishes if p.is_here and p.acked_at_s is not None and p.acked_at_s >= since_s]
        for publish in self.publishes:
            publish.is_here = False
        # One of two equal ones told, the other not, and the connection gone: nobody could tell which one comes again.
        self.given(not {h.publish.word for h in self.failures} & {p.word for p in self.maybe})
        self.is_up = False
        self.outages = self.outages.went_down(int(self.now_s * 1000))
        self.until_s = self.now_s + WINDOW_S
        self.failures.clear()  # the broker has them

    @precondition(lambda self: self.is_up)
    @rule()
    def the_connection_breaks(self):
        self.break_off()
        self.window.disconnected(PATH, self.now_s)

    @precondition(lambda self: not self.is_up)
    @rule(data=st.data(), breaks_at_once=st.booleans())
    def the_connection_is_back(self, data, breaks_at_once):
        self.is_up = True
        self.connection += 1
        self.window.reconnected(PATH, self.now_s)
        self.outages = self.outages.came_up(int(self.now_s * 1000))
        self.until_s = self.now_s + WINDOW_S
        sure = [p for p in self.publishes if p.acked_at_s is None]
        some = data.draw(st.lists(st.sampled_from(self.maybe), unique=True)) if self.maybe else []
        redelivered = data.draw(st.permutations(sure + some))
        if breaks_at_once:
            redelivered = redelivered[: len(redelivered) // 2]
        for publish in redelivered:
            self.arrive(publish)
        self.maybe = [p for p in self.maybe if p not in redelivered]
        if breaks_at_once:
            self.the_connection_breaks()

    @rule(data=st.data())
    def we_crash_and_start_again(self, data):
        """What was not committed is gone; the ring in the ledger says what was taken just before."""
        now_ms = int(self.now_s * 1000)
        fresh = {n for n, (at_s, _) in self.ring.items() if self.outages.cover(int(at_s * 1000), now_ms)}
        unacked = {p.word for p in self.publishes if p.acked_at_s is None}
        # Taken before an outage, committed only after it, and a crash before it came again: known to be told twice.
        self.given({n for n, (_, word) in self.ring.items() if word in unacked} <= fresh)
        for handling in list(self.pending):
            if handling.again is None and data.draw(st.booleans()):
                self.told[handling.publish.word] += 1
                self.ring[handling.number] = (self.now_s, handling.publish.word)
                fresh.add(handling.number)
            elif handling.again is None:
                self.failures.append(handling)  # lost: the broker has it
        self.pending.clear()
        self.break_off()
        self.window = Redelivery()
        self.window.restore(PATH, [Arrival(self.ring[n][1], n) for n in sorted(fresh)])

    @invariant()
    def nothing_is_told_more_than_once(self):
        published = Counter(p.word for p in self.publishes)
        assert self.told <= published

    def teardown(self):
        """In the end everything was told exactly once."""
        if self.is_abandoned:
            return
        if not self.is_up:
            self.is_up = True
            self.connection += 1
            self.window.reconnected(PATH, self.now_s)
            for publish in self.publishes:
                if publish.acked_at_s is None:
                    self.arrive(publish)
        while self.pending or self.failures:
            for handling in list(self.pending):
                self.commit(handling)
            while self.failures:
                self.the_source_tries_again()
        assert self.told == Counter(p.word for p in self.publishes)


TestBrokers = Brokers.TestCase
TestBrokers.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
