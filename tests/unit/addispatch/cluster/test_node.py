"""Single rules of a node, each in a few steps; whole runs with faults are in tests/cluster."""

from __future__ import annotations

import pytest

from addispatch.cluster import events as ev
from addispatch.cluster.liveness import Standing, Timing
from addispatch.cluster.messages import Config, Digests, Heartbeat, Identity, Local, Pause, State, Synced
from addispatch.cluster.node import FREEZES_COUNT, Node
from addispatch.domain.case import Owner

A, B = Identity("a", 0, "s1", "b1"), Identity("b", 1, "s2", "b2")
MINE, THEIRS = Owner(0, 0, "s1"), Owner(0, 1, "s2")
UP = (("sms", True),)


class Driven:
    """Node a, settled after its time; it ticks as its loop would."""

    def __init__(self, *, is_passive=False, local=Local(channels=UP)):  # noqa: B008 - a value
        self.now_s, self.number, self.boots = 0.0, 0, iter(f"b1{n}" for n in range(99))
        self.node = Node(A, Timing(), local, lambda: next(self.boots), 0.0, is_passive=is_passive)
        self.does(ev.PathUp("broker"), ev.Loaded(()))

    def does(self, *events):
        return [action for event in events for action in self.node.step(event, self.now_s)]

    def beat(self, who=B, *, number=None, seen=None, settled=True, local=Local(channels=UP, role="slave"), counts=True):  # noqa: B008
        self.number = self.number + 1 if number is None else number
        boot = self.node.me.boot if seen is None else seen
        return self.does(ev.Beat(Heartbeat(who, self.number, boot, "s1", settled, local, self.number, counts)))

    def ticks(self, for_s, *, beats=True, **more):
        actions = []
        for _ in range(round(for_s / 0.25)):
            self.now_s += 0.25
            actions += self.beat(**more) if beats else []
            actions += self.does(ev.Tick())
        return actions

    def came(self, message):
        return self.does(ev.Came(message, "s2", "b2"))

    def commits(self, ident="e", digest=1, owner=MINE, **more):
        return self.does(ev.Committed((ev.Change(ident, digest, owner, True, record=f"{ident}{digest}", **more),)))


def of(kind, actions):
    return [action for action in actions if isinstance(action, kind)]


def sent(kind, actions):
    return [action.message for action in of(ev.Send, actions) if isinstance(action.message, kind)]


@pytest.fixture
def driven():
    driven = Driven()
    driven.ticks(6.0)
    assert (driven.node.standing, driven.node.is_settled) == (Standing.UP, True)
    return driven


def test_alone_it_settles_after_its_time_and_not_before():
    driven = Driven()
    driven.ticks(2.25, beats=False)
    assert not driven.node.is_settled
    assert of(ev.Settle, driven.ticks(0.25, beats=False)) == [ev.Settle(is_settled=True)]


def test_it_waits_twice_as_long_for_a_node_that_it_hears():
    """What that one sent before this one came up would go out again."""
    driven = Driven()
    driven.ticks(4.75)
    assert driven.node.has_peer
    assert not driven.node.is_settled
    assert of(ev.Settle, driven.ticks(0.25)) == [ev.Settle(is_settled=True)]


def test_it_settles_when_the_node_it_waits_for_falls_silent():
    driven = Driven()
    driven.ticks(3.0)
    assert of(ev.Settle, driven.ticks(1.0, beats=False)) == [ev.Settle(is_settled=True)]


def test_it_settles_at_once_when_both_told_each_other_everything():
    driven = Driven()
    driven.ticks(0.75)
    assert of(ev.Settle, driven.came(Synced())) == [ev.Settle(is_settled=True)]


def test_what_came_before_it_knew_of_the_other_node_is_confirmed_before_it_sends():
    """Both may have heard it, and the other one, which counted on itself alone, sends it."""
    driven = Driven()
    driven.ticks(0.25)
    driven.commits()
    driven.ticks(0.5)
    assert of(ev.Settle, driven.came(Synced())) == []
    driven.commits("f")
    assert of(ev.Settle, driven.came(Digests((("e", 1),)))) == [ev.Settle(is_settled=True)], "new ones do not count"


def test_a_stranger_is_asked_whether_it_knows_us_before_it_counts():
    driven = Driven()
    assert len(sent(Heartbeat, driven.beat(seen="old boot"))) == 1, "it is answered at once"
    assert driven.node.peer is None
    driven.beat()
    assert driven.node.peer.who == B


@pytest.mark.parametrize("who", [Identity("a", 1, "s3", "b3"), Identity("c", 0, "s3", "b3")])
def test_a_second_node_of_our_name_or_rank_is_told_of_once_and_not_heard(driven, who):
    assert len(of(ev.Tell, driven.beat(who) + driven.beat(who))) == 1
    assert driven.node.peer.who == B


def test_a_boot_that_was_left_does_not_come_back(driven):
    driven.beat(B._replace(boot="b3"))
    assert driven.node.peer.who.boot == "b3"
    driven.beat(B, number=999)
    assert driven.node.peer.who.boot == "b3"


def test_what_is_committed_is_pushed_and_waited_for(driven):
    (state,) = sent(State, driven.commits())
    assert state.records == ("e1",)
    assert driven.does(ev.Await(7, {"e": 1})) == []
    assert driven.came(Digests((("e", 1),))) == [ev.Confirm(7, mirrored=True)]


def test_after_t_mirror_it_is_confirmed_as_a_single_copy(driven):
    driven.commits()
    driven.does(ev.Await(7, {"e": 1}))
    assert of(ev.Confirm, driven.ticks(0.25)) == []
    assert of(ev.Confirm, driven.ticks(0.25)) == [ev.Confirm(7, mirrored=False)]
    assert driven.came(Digests((("e", 1),))) == [], "nobody waits any more"


def test_without_mirror_nothing_is_pushed(driven):
    driven.does(ev.Became(driven.node.local._replace(mirror=False)))
    assert sent(State, driven.commits()) == []
    assert driven.does(ev.Await(7, {"e": 1})) == [ev.Confirm(7, mirrored=False)]
    assert sent(Digests, driven.ticks(2.0)) == []


def test_without_mirroring_what_both_have_is_told_to_the_other_nodes_next_boot_too(driven):
    """Both heard it. That boot may take in what came before it, and then believes that it has everything."""
    driven.does(ev.Became(driven.node.local._replace(mirror=False)))
    driven.commits()
    driven.came(Digests((("e", 1),), answers=True))
    driven.beat(B._replace(boot="b3"))
    driven.commits(digest=2)
    assert Digests((("e", 2),), asks=True) in sent(Digests, driven.ticks(1.0, who=B._replace(boot="b3")))


def test_what_is_not_confirmed_is_asked_for_after_half_a_second_and_then_ever_more_rarely(driven):
    driven.commits()
    question = Digests((("e", 1),), asks=True)
    asked = [question in sent(Digests, driven.ticks(0.25)) for _ in range(16)]
    assert asked[:2] == [False, True]
    assert 2 <= asked.count(True) < 8
    assert of(ev.Fetch, driven.came(Digests((("e", 0),), answers=True))) == [ev.Fetch(("e",))]


def test_a_question_about_what_is_being_joined_is_answered_after_it(driven):
    driven.commits()
    (merge,) = of(ev.Merge, driven.came(State(("e2",))))
    assert sent(Digests, driven.came(Digests((("e", 2),), asks=True))) == [], "it would say that e2 did not come"
    joined = ev.Merged((ev.Change("e", 2, MINE, True),), {"e": 2}, merge.store, merge.boot)
    assert sent(Digests, driven.does(joined))[-1] == Digests((("e", 2),), answers=True)


def test_what_an_ended_process_asked_says_nothing_about_its_successor(driven):
    driven.commits()
    (merge,) = of(ev.Merge, driven.came(State(("e2",))))
    driven.came(Digests((("e", 2),), asks=True))
    driven.beat(B._replace(boot="b3"))
    driven.does(ev.Merged((ev.Change("e", 2, MINE, True),), {"e": 2}, merge.store, merge.boot))
    assert "e" in driven.node.entries.unclean


def test_an_answer_about_an_older_state_than_the_last_one_sent_does_not_send_it_again(driven):
    driven.commits()
    driven.came(Digests((("e", 1),)))
    driven.commits(digest=2)
    assert sent(Digests, driven.ticks(0.5)) == [Digests((("e", 2),), asks=True)]
    driven.commits(digest=3)
    assert of(ev.Fetch, driven.came(Digests((("e", 1),), answers=True))) == []
    assert sent(Digests, driven.ticks(0.5)) == [Digests((("e", 3),), asks=True)]
    assert of(ev.Fetch, driven.came(Digests((("e", 1),), answers=True))) == [ev.Fetch(("e",))]


def test_what_came_in_part_is_not_asked_for_at_once(driven):
    def joins(digest, theirs):
        return driven.does(ev.Merged((ev.Change("e", digest, THEIRS, True),), {"e": theirs}, "s2", "b2"))

    assert of(ev.Fetch, joins(2, 1) + joins(2, 2)) == [], "the rest of it came right behind"
    assert of(ev.Fetch, joins(3, 4)) == []
    assert sent(Digests, driven.ticks(0.5)) == [Digests((("e", 3),), asks=True)]


def test_what_came_from_another_boot_than_the_peer_s_is_nothing(driven):
    for store, boot in (("s2", "b9"), ("s9", "b2")):
        assert driven.does(ev.Came(State(({},)), store, boot)) == []


def test_a_dead_node_s_cases_are_claimed_and_a_live_one_s_are_not(driven):
    driven.commits(owner=THEIRS)
    driven.came(Digests((("e", 1),)))
    assert of(ev.Claim, driven.ticks(5.0)) == []
    assert of(ev.Claim, driven.ticks(1.25, beats=False)) == []
    assert of(ev.Claim, driven.ticks(0.25, beats=False)) == [ev.Claim(("e",))]


def test_what_belongs_to_a_disk_that_is_gone_is_claimed(driven):
    driven.commits(owner=Owner(0, 1, "s0"))
    assert of(ev.Claim, driven.ticks(1.0))[0] == ev.Claim(("e",))


@pytest.mark.parametrize(("clean", "needs", "under_way", "is_given"), [
    (True, {"sms"}, False, True), (False, {"sms"}, False, False), (True, {"sms"}, True, False),
    (True, {"voice"}, False, False), (True, {"email"}, False, False),
])  # fmt: skip
def test_what_only_the_other_one_can_send_is_given(driven, clean, needs, under_way, is_given):
    both = (("email", True), ("sms", False), ("voice", False))
    driven.does(ev.Became(driven.node.local._replace(channels=both)))
    theirs = Local(channels=(("email", True), ("sms", True)), role="slave")
    driven.commits(needs=frozenset(needs), under_way=under_way)
    if clean:
        driven.came(Digests((("e", 1),)))
    gives = of(ev.Give, driven.ticks(5.0, local=theirs))
    assert gives == ([ev.Give(("e",), 1, "s2")] if is_given else [])


def test_a_standby_stores_for_the_master_and_hands_back():
    driven = Driven(is_passive=True, local=Local(channels=UP, role="slave"))
    assert driven.node.owner_for() == MINE
    driven.ticks(6.0, local=Local(channels=UP, role="master"))
    assert (driven.node.is_active, driven.node.has_duties, driven.node.owner_for()) == (False, False, THEIRS)
    driven.commits(needs=frozenset({"sms"}))
    driven.came(Digests((("e", 1),)))
    master = Local(channels=UP, role="master")
    assert of(ev.Give, driven.ticks(1.0, local=master)) == [ev.Give(("e",), 1, "s2")]
    driven.ticks(2.0, beats=False)
    assert (driven.node.is_active, driven.node.has_duties, driven.node.owner_for()) == (True, True, MINE)


def test_what_both_hear_has_one_owner(driven):
    owners = {driven.node.owner_for(f"alarm {n}") for n in range(50)}
    assert owners == {MINE, THEIRS}
    assert driven.node.owner_for() == MINE
    driven.ticks(2.0, beats=False)
    assert {driven.node.owner_for(f"alarm {n}") for n in range(50)} == {MINE}


def test_what_both_hear_is_the_other_one_s_until_that_counts_on_this_one(driven):
    """Else both send it: the other node takes it for its own as long as it knows nothing better."""
    alarms = [f"alarm {number}" for number in range(20)]
    driven.beat(counts=False)
    assert {driven.node.owner_for(one).store for one in alarms} == {"s2"}
    assert driven.node.owner_for().store == "s1", "nobody else hears of it"
    driven.beat(counts=True)
    assert {driven.node.owner_for(one).store for one in alarms} == {"s1", "s2"}


@pytest.mark.parametrize(("settled", "counts"), [(True, True), (False, False)])
def test_a_heartbeat_says_whether_it_counts_on_the_other_node(driven, settled, counts):
    said = sent(Heartbeat, driven.ticks(0.5, settled=settled))
    assert said[-1].counts_on is counts


def test_what_another_boot_of_the_node_says_of_itself_is_news_though_it_was_never_missed(driven):
    config = Config(1, 1, "edited")
    heard = driven.beat(B._replace(boot="b3"), local=Local(channels=UP, role="slave", config=config))
    assert [one.heartbeat.local.config for one in of(ev.PeerChanged, heard)] == [config]


def test_a_freeze_is_a_new_boot_that_settles_anew(driven):
    driven.now_s += 1.3
    actions = driven.does(ev.Tick())
    assert of(ev.Renew, actions) == [ev.Renew("b10")]
    assert of(ev.Settle, actions) == [ev.Settle(is_settled=False)]
    assert driven.node.standing is Standing.UP, "the silence was ours"


def test_a_host_that_is_too_slow_stays_settled_and_says_so(driven):
    for _ in range(FREEZES_COUNT):
        driven.ticks(5.5)
        driven.now_s += 1.3
        actions = driven.does(ev.Tick())
    assert of(ev.Settle, actions) == []
    assert driven.node.is_settled
    (told,) = of(ev.Tell, actions)
    assert told.is_severe


def test_a_newer_pause_is_followed_and_an_older_one_is_not(driven):
    register = Pause(3, 1, on=True, by="jane")
    paused = Local(channels=UP, role="slave", pause=register)
    assert of(ev.SetPause, driven.beat(local=paused)) == [ev.SetPause(register)]
    driven.does(ev.Became(driven.node.local._replace(pause=Pause(4, 0))))
    assert of(ev.SetPause, driven.beat(local=paused)) == []


def test_a_third_node_with_the_key_does_not_take_the_place_of_the_one_that_is_there(driven):
    third = Identity("c", 1, "s3", "b3")
    (told,) = of(ev.Tell, driven.beat(third))
    assert "third node" in told.text
    assert driven.node.peer.who == B
    driven.ticks(20.0, beats=False)
    driven.ticks(2.0, who=third)
    assert driven.node.peer.who == third, "it is the other node once that one is gone"


def test_whoever_leaves_takes_nothing_back(driven):
    driven.node.is_leaving = True
    (heartbeat,) = sent(Heartbeat, driven.ticks(0.25))
    assert not heartbeat.is_settled
    assert driven.node.owner_for() == Owner(0, 1, "s2"), "what comes in now is the other one's"
