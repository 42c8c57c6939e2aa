"""What follows from a case: open, acknowledged or closed and why, who was contacted, who answered a recall."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from strategies import cases, living_cases

from addispatch.domain.case import (
    NOTICE_CYCLE,
    Case,
    CaseState,
    Clear,
    CloseReason,
    Closing,
    DeliveryKey,
    DeliveryState,
    Fact,
    Head,
    Note,
    Phase,
    Position,
    Repeat,
)
from addispatch.domain.case_state import (
    Answer,
    asks,
    contacted,
    everybody_declined,
    is_answered,
    is_cleared,
    policy_of,
    roll_call,
    state_of,
)
from addispatch.domain.policy import NO_POLICY, Policy, PolicyKind

KEY = DeliveryKey(0, 0, "adam", "sms", "+6591234567")
OTHER = DeliveryKey(0, 0, "jane", "email", "jane@example.com")
HEAD = Head(alarm_id="a", audience_id="g", audience="Ops", source="mqtt", text="hot", opened_at_ms=1)
ASKING = HEAD._replace(policy="{}")
OPEN, SENT = (CaseState.OPEN, None), DeliveryState(Fact.SENT)
SENDING, FAILED = DeliveryState(Fact.NONE, 0, Phase.SENDING), DeliveryState(Fact.FAILED)


def a_case(head: Head = HEAD, **parts) -> Case:
    return Case(id="c", head=head, **parts)


def recall(deliveries, head=HEAD, acks=(), declines=(), **options) -> Case:
    policy = Policy(id="r", name="r", kind=PolicyKind.RECALL, **options)
    return a_case(
        head._replace(policy=orjson.dumps(policy).decode()),
        deliveries=deliveries, acks=frozenset(acks), declines=frozenset(declines),
    )  # fmt: skip


def note(at_ms: int, by: str, text: str = "") -> Note:
    return Note(at_ms, by, "sms", text, by.title())


# -- the state -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ((Fact.SENT, Fact.FAILED), CloseReason.SENT),
        ((Fact.DELIVERED,), CloseReason.SENT),
        ((Fact.UNDELIVERED,), CloseReason.SENT),
        ((Fact.FAILED, Fact.EXPIRED), CloseReason.FAILED),
        ((Fact.EXPIRED,), CloseReason.EXPIRED),
        ((Fact.CANCELLED, Fact.FAILED), CloseReason.CANCELLED),
        ((Fact.FILTERED, Fact.FAILED), CloseReason.FILTERED),
    ],
)
def test_a_case_without_policy_closes_when_all_deliveries_are_final(facts, reason):
    deliveries = {KEY._replace(recipient=str(n)): DeliveryState(fact) for n, fact in enumerate(facts)}
    assert state_of(a_case(deliveries=deliveries)) == (CaseState.CLOSED, reason)


def test_a_case_with_a_waiting_delivery_is_open():
    deliveries = {KEY: DeliveryState(Fact.SENT), OTHER: DeliveryState()}
    assert state_of(a_case(deliveries=deliveries)) == (CaseState.OPEN, None)


def test_a_case_without_any_delivery_is_closed_as_failed():
    assert state_of(a_case()) == (CaseState.CLOSED, CloseReason.FAILED)


def test_a_case_that_needs_an_acknowledgement_stays_open_when_all_is_sent():
    head = HEAD._replace(ack_required=True)
    assert state_of(a_case(head, deliveries={KEY: DeliveryState(Fact.SENT)})) == (CaseState.OPEN, None)


def test_an_acknowledgement_closes_a_case_without_key_only():
    ack = frozenset({Note(5, "adam", "sms")})
    plain, keyed = HEAD._replace(policy="{}"), HEAD._replace(policy="{}", key="boiler")
    assert state_of(a_case(plain, acks=ack)) == (CaseState.CLOSED, CloseReason.ACKNOWLEDGED)
    assert state_of(a_case(keyed, acks=ack)) == (CaseState.ACKNOWLEDGED, None)


def test_a_clear_closes_unless_the_plant_latches():
    clear = frozenset({Clear(5, "mqtt")})
    usual = HEAD._replace(policy="{}", key="boiler")
    latching = usual._replace(close_on_clear=False)
    assert state_of(a_case(usual, clears=clear)) == (CaseState.CLOSED, CloseReason.CLEARED)
    assert state_of(a_case(latching, clears=clear)) == (CaseState.OPEN, None)
    acked = frozenset({Note(6, "adam", "sms")})
    assert state_of(a_case(latching, clears=clear, acks=acked)) == (CaseState.CLOSED, CloseReason.CLEARED)


def test_the_earliest_closing_names_the_reason():
    closings = frozenset({Closing(9, CloseReason.EXPIRED), Closing(3, CloseReason.OPERATOR, "jane")})
    assert state_of(a_case(closings=closings)) == (CaseState.CLOSED, CloseReason.OPERATOR)


def test_a_case_that_is_only_a_stub_is_open():
    assert state_of(Case(id="c", acks=frozenset({note(5, "adam")}))) == OPEN


@given(cases)
def test_every_case_has_a_state_and_a_reason_only_when_closed(case):
    state, reason = state_of(case)
    assert (reason is not None) == (state is CaseState.CLOSED)


@given(living_cases)
def test_what_closed_a_case_can_be_seen_in_it(case):
    state, reason = state_of(case)
    seen = {
        None: state is CaseState.OPEN or case.head.key is not None,
        CloseReason.CLEARED: bool(case.clears),
        CloseReason.ACKNOWLEDGED: bool(case.acks or case.declines) and case.head.key is None,
        CloseReason.CANCELLED: any(key.cycle >= 0 and s.fact is Fact.CANCELLED for key, s in case.deliveries.items()),
    }
    assert seen[reason]


def test_an_exempt_text_closes_as_such_once_all_is_final():
    exempt = HEAD._replace(exempt="normal")
    assert state_of(a_case(exempt, deliveries={KEY: SENT})) == (CaseState.CLOSED, CloseReason.EXEMPT)
    assert state_of(a_case(exempt, deliveries={KEY: SENT, OTHER: SENDING})) == OPEN


def test_answers_and_notices_count_for_nothing():
    notice = KEY._replace(cycle=NOTICE_CYCLE, level=77)
    told = a_case(deliveries={KEY: SENT, notice: DeliveryState()})
    assert state_of(told) == (CaseState.CLOSED, CloseReason.SENT)
    cancelled = a_case(ASKING, deliveries={KEY: DeliveryState(Fact.CANCELLED), notice: SENT})
    assert state_of(cancelled) == (CaseState.CLOSED, CloseReason.CANCELLED)
    assert [key for key, _ in asks(told)] == [KEY]
    assert contacted(cancelled) == set()


@pytest.mark.parametrize(
    ("others", "state"),
    [
        ({}, (CaseState.CLOSED, CloseReason.CANCELLED)),
        ({OTHER: FAILED}, (CaseState.CLOSED, CloseReason.CANCELLED)),
        ({OTHER: DeliveryState()}, OPEN),
        ({OTHER: SENDING}, OPEN),
        ({OTHER: DeliveryState(Fact.FAILED, 3)}, OPEN),
        ({OTHER: SENT}, OPEN),
    ],
)
def test_cancelled_is_a_case_of_which_nobody_can_know(others, state):
    """In doubt, who was tried knows of it: then it goes on escalating."""
    assert state_of(a_case(ASKING, deliveries={KEY: DeliveryState(Fact.CANCELLED), **others})) == state


def test_a_case_of_which_every_message_failed_goes_on():
    assert state_of(a_case(ASKING, deliveries={KEY: FAILED, OTHER: DeliveryState(Fact.EXPIRED)})) == OPEN


def test_a_decline_alone_is_no_acknowledgement():
    assert state_of(a_case(ASKING, declines=frozenset({note(5, "adam")}))) == OPEN


# -- recalls -------------------------------------------------------------------------------------------------------------


def test_a_recall_is_over_when_nobody_is_pending():
    both = {KEY: SENT, OTHER: SENT}
    assert state_of(recall(both)) == OPEN
    assert state_of(recall(both, acks=[note(5, "adam")])) == OPEN
    done = recall(both, acks=[note(5, "adam")], declines=[note(6, "jane")])
    assert state_of(done) == (CaseState.CLOSED, CloseReason.ACKNOWLEDGED)
    keyed = recall(both, HEAD._replace(key="boiler"), acks=[note(5, "adam"), note(6, "jane")])
    assert state_of(keyed) == (CaseState.ACKNOWLEDGED, None)


def test_who_cannot_be_reached_holds_up_no_recall_but_somebody_must_answer():
    assert state_of(recall({KEY: SENT, OTHER: FAILED}, acks=[note(5, "adam")]))[1] is CloseReason.ACKNOWLEDGED
    assert state_of(recall({KEY: FAILED, OTHER: FAILED})) == OPEN
    assert state_of(recall({})) == OPEN, "nobody is asked: nobody has answered"


def test_a_supervisor_s_answer_ends_no_recall():
    supervisor = KEY._replace(level=2, recipient="chief")
    case = recall({KEY: SENT, supervisor: SENT}, acks=[note(5, "chief")])
    assert state_of(case) == OPEN
    assert roll_call(case).answers == {"adam": Answer.PENDING}


@pytest.mark.parametrize(
    ("states", "answer"),
    [
        ((DeliveryState(),), Answer.PENDING),
        ((SENDING,), Answer.PENDING),
        ((SENT,), Answer.PENDING),
        ((FAILED,), Answer.UNDELIVERABLE),
        ((DeliveryState(Fact.CANCELLED),), Answer.UNDELIVERABLE),
        ((DeliveryState(Fact.FILTERED),), Answer.UNDELIVERABLE),
        ((DeliveryState(Fact.UNDELIVERED),), Answer.UNDELIVERABLE),
        ((FAILED, SENT), Answer.PENDING),
        ((FAILED, DeliveryState(Fact.EXPIRED)), Answer.UNDELIVERABLE),
    ],
)
def test_one_way_that_works_makes_somebody_reachable(states, answer):
    found = {KEY._replace(channel=str(number)): state for number, state in enumerate(states)}
    assert roll_call(recall(found)).answers == {"adam": answer}


def test_a_reminder_makes_somebody_reachable_again():
    assert roll_call(recall({KEY: FAILED, KEY._replace(level=1): SENT})).answers == {"adam": Answer.PENDING}


def test_the_roll_call_has_the_members_in_their_order_with_their_last_words():
    deliveries = {OTHER: SENT, KEY: SENT, KEY._replace(recipient="bo"): FAILED}
    acks = [note(9, "adam", "now"), note(5, "adam", "in 10 min")]
    found = roll_call(recall(deliveries, acks=acks, declines=[note(3, "adam", "no")]))
    assert list(found.answers.items()) == [
        ("jane", Answer.PENDING), ("adam", Answer.ACKED), ("bo", Answer.UNDELIVERABLE),
    ]  # fmt: skip
    assert found.notes["adam"].text == "now"
    assert (found.count(Answer.ACKED), found.count(Answer.DECLINED)) == (1, 0)


@pytest.mark.parametrize(
    ("acked_at", "declined_at", "answer"),
    [(5, 6, Answer.DECLINED), (6, 5, Answer.ACKED), (5, 5, Answer.DECLINED)],
)
def test_the_last_word_counts_and_in_doubt_the_no(acked_at, declined_at, answer):
    case = recall({KEY: SENT}, acks=[note(acked_at, "adam")], declines=[note(declined_at, "adam")])
    assert roll_call(case).answers == {"adam": answer}


# -- a condition that came back ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("raised_ms", "cleared"), [(4, True), (5, True), (6, False)])
def test_a_clear_from_before_the_last_raise_says_nothing_any_more(raised_ms, cleared):
    repeats = {"s1": Repeat(1, 1, "hot", 2), "s2": Repeat(1, raised_ms, "hot", 2)}
    case = a_case(ASKING, clears=frozenset({Clear(3, "mqtt"), Clear(5, "mqtt")}), repeats=repeats)
    assert is_cleared(case) == cleared
    assert (state_of(case)[0] is CaseState.CLOSED) == cleared
    assert not is_cleared(a_case(repeats=repeats))


# -- declined by all -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deliveries", "position", "declined"),
    [
        ({KEY: SENT}, (0, 0), True),
        ({KEY: SENDING}, (0, 0), True),
        ({KEY: SENT, OTHER: SENT}, (0, 0), False),
        ({KEY: SENT, OTHER: FAILED}, (0, 0), True),
        ({KEY: SENT, OTHER: DeliveryState(Fact.FAILED, 3)}, (0, 0), True),
        ({KEY: SENT, OTHER: DeliveryState()}, (0, 0), False),
        ({KEY: SENT}, (0, 1), False),
        ({KEY: SENT, OTHER._replace(level=1): SENT}, (0, 0), True),
        ({}, (0, 0), False),
    ],
)
def test_everybody_asked_at_a_level_has_declined(deliveries, position, declined):
    case = a_case(ASKING, deliveries=deliveries, declines=frozenset({note(5, "adam")}), position=Position(*position))
    assert everybody_declined(case) == declined


# -- whom to ask ---------------------------------------------------------------------------------------------------------


def test_asking_is_too_late_once_it_is_acknowledged_unless_the_policy_goes_on():
    going_on = HEAD._replace(policy='{"continue_unsent":true}')
    ack = frozenset({note(5, "jane")})
    assert not is_answered(a_case(ASKING, deliveries={KEY: SENT}), "adam")
    assert is_answered(a_case(ASKING, acks=ack), "adam")
    assert is_answered(a_case(ASKING._replace(key="boiler"), acks=ack), "adam")
    assert not is_answered(a_case(going_on, acks=ack), "adam")
    assert not is_answered(a_case(going_on._replace(key="boiler"), acks=ack), "adam")
    for over in (
        {"clears": frozenset({Clear(5, "mqtt")})},
        {"closings": frozenset({Closing(5, CloseReason.OPERATOR)})},
    ):
        assert is_answered(a_case(going_on, **over), "adam"), "only an acknowledgement lets it go on"


def test_a_text_that_only_tells_is_never_too_late():
    assert not is_answered(a_case(deliveries={KEY: SENT}), "adam")
    assert not is_answered(Case(id="c"), "adam")


def test_in_a_recall_everybody_s_own_answer_counts():
    both = {KEY: SENT, OTHER: SENT}
    for answer in ({"acks": [note(5, "adam")]}, {"declines": [note(5, "adam")]}):
        case = recall(both, **answer)
        assert is_answered(case, "adam")
        assert not is_answered(case, "jane")
        assert not is_answered(recall(both, continue_unsent=True, **answer), "adam")


def test_the_policy_is_the_one_that_was_frozen():
    assert policy_of(a_case()) == policy_of(Case(id="c")) == NO_POLICY
    assert policy_of(a_case(HEAD._replace(policy='{"name":"night","repeat":2}'))).repeat == 2
