"""By which ways an audience is reached: parallel or ladder, narrowed, each address once, and what cannot work is seen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pipelines import ADAM, person

from addispatch.domain.addressbook import Audience, Mode
from addispatch.pipeline.reach import ways
from addispatch.pipeline.route import Target

ALL = frozenset({"sms", "email", "chat", "voice", "log"})


def of(*people, channels=(), provided=ALL):
    found = ways(Target(Audience("a", "A", people), channels=channels), provided)
    return [(w.recipient.name, w.channel, w.address, w.rung) for w in found if not w.problem]


def problems(*people, channels=(), provided=ALL):
    return [w.problem for w in ways(Target(Audience("a", "A", people), channels=channels), provided) if w.problem]


def test_what_a_channel_refuses_is_a_problem_at_once_and_no_rung():
    who = person("Bo", "sms", "email", sms="+441234567", email=("b@x",), mode=Mode.LADDER)
    found = ways(
        Target(Audience("a", "A", (who,))),
        ALL,
        refuses=lambda channel, address: channel == "sms" and f"{address} is far",
    )
    assert [(way.channel, way.rung, way.problem) for way in found] == [
        ("email", 0, ""),
        ("sms", 0, "+441234567 is far"),
    ]


def test_all_channels_with_an_address_at_once_and_voice_never():
    assert of(ADAM) == [("Adam", "sms", "+6591234567", 0), ("Adam", "email", "adam@example.com", 0)]


def test_a_recipient_can_name_and_order_his_channels():
    both = person("Bo", "email", "sms", "log", sms="+6591234567", email=("b@x", "c@x"))
    assert of(both) == [
        ("Bo", "email", "b@x", 0), ("Bo", "email", "c@x", 0), ("Bo", "sms", "+6591234567", 0), ("Bo", "log", "Bo", 0),
    ]  # fmt: skip


def test_a_ladder_has_a_rung_per_channel_that_is_provided():
    climber = person("Bo", "sms", "chat", "email", mode=Mode.LADDER, sms="+6591234567", email=("b@x", "c@x"))
    assert of(climber) == [("Bo", "sms", "+6591234567", 0), ("Bo", "email", "b@x", 1), ("Bo", "email", "c@x", 1)]
    assert of(climber, provided={"email"}) == [("Bo", "email", "b@x", 0), ("Bo", "email", "c@x", 0)]


def test_a_route_narrows():
    assert of(ADAM, channels=("email",)) == [("Adam", "email", "adam@example.com", 0)]
    only_sms = person("Bo", "sms", sms="+6591234567", email=("b@x",))
    assert of(only_sms, channels=("sms", "email")) == [("Bo", "sms", "+6591234567", 0)]
    assert of(only_sms, channels=("email",)) == [("Bo", "email", "b@x", 0)], "better than not at all"


def test_an_address_shared_by_two_is_told_once():
    twin = person("Twin", sms="+6591234567")
    assert of(ADAM, twin) == of(ADAM)


def test_what_nobody_asked_for_by_name_is_left_out_where_it_is_not_provided():
    assert of(ADAM, provided={"email"}) == [("Adam", "email", "adam@example.com", 0)]
    assert problems(ADAM, provided={"email"}) == []


def test_what_was_asked_for_by_name_is_seen_to_be_missing():
    assert problems(person("Bo", "sms", sms="+6591234567"), provided={"email"}) == [
        "no plugin provides the channel sms"
    ]
    assert problems(ADAM, channels=("sms",), provided={"email"}) == ["no plugin provides the channel sms"]
    assert len(problems(ADAM, provided=frozenset())) == 2, "nothing else is left: it must be seen"


def test_nobody_and_nothing():
    assert of() == []
    assert of(person("Mute")) == []


channel = st.sampled_from(["sms", "email", "chat", "log"])
people = st.builds(
    person,
    st.sampled_from(["A", "B", "C"]),
    sms=st.sampled_from(["", "+651", "+652"]),
    email=st.lists(st.sampled_from(["a@x", "b@x"]), unique=True).map(tuple),
    mode=st.sampled_from(Mode),
)


@given(st.lists(people, max_size=4), st.lists(channel, unique=True).map(tuple), st.frozensets(channel))
def test_each_way_once_only_by_what_is_provided_and_rungs_without_gaps(everyone, narrowed, provided):
    found = ways(Target(Audience("a", "A", tuple(everyone)), channels=narrowed), provided)
    assert len({(w.channel, w.address) for w in found}) == len(found)
    for way in found:
        assert bool(way.problem) == (way.channel not in provided)
        assert way.address
        if narrowed:
            assert way.channel in narrowed
        if way.recipient.mode is Mode.PARALLEL:
            assert way.rung == 0
