"""Rows made of drafts: due now, after their step, held, or final already; nobody twice at one address."""

from __future__ import annotations

import orjson
import pytest
from pipelines import alarm, desk
from rooms import PHONE_ADAM, mobilise, usual

from addispatch.domain.addressbook import Audience
from addispatch.domain.alarm import Priority
from addispatch.domain.case import Case, DeliveryState, Fact, Head, Note
from addispatch.domain.delivery import Kind
from addispatch.pipeline.draft import TOLD_ALREADY, Draft, new_deliveries, reaches_anybody
from addispatch.pipeline.route import Target
from addispatch.pipeline.shared import SHARED

#: No code, so nobody is asked anything.
HERE = {"desk": desk(), "case": Case(id="1")}


def draft(channel="sms", **fields) -> Draft:
    values = {"recipient_id": "adam", "recipient": "Adam", "address": f"adam@{channel}", "text": "hot", "subject": ""}
    return Draft(channel=channel, **{**values, **fields})


@pytest.mark.parametrize(("after_s", "dues"), [(None, (1000, None, None)), (60.0, (1000, 61_000, 121_000))])
def test_later_rungs_are_held_or_go_after_their_time(after_s, dues):
    drafts = [draft(channel, rung=n, step_after_s=after_s) for n, channel in enumerate(("sms", "chat", "email"))]
    assert tuple(row.due_at_ms for row in new_deliveries(alarm(), drafts, set(), 1000, **HERE)) == dues


def test_a_ladder_begins_with_the_first_rung_that_can_go():
    """Rung 0 is filtered, so rung 1 goes now; rung 2 waits for it."""
    drafts = [draft("sms", filtered="night"), draft("chat", rung=1), draft("email", rung=2)]
    rows = new_deliveries(alarm(), drafts, set(), 1000, **HERE)
    assert [(row.state.fact, row.due_at_ms) for row in rows] == [
        (Fact.FILTERED, None),
        (Fact.NONE, 1000),
        (Fact.NONE, None),
    ]
    others = [draft("sms"), draft("email", rung=1, recipient_id="jane")]
    assert [row.due_at_ms for row in new_deliveries(alarm(), others, set(), 1000, **HERE)] == [1000, 1000]


def test_time_to_live_and_final_rows():
    good, bad = new_deliveries(alarm(ttl_s=2.5), [draft(), draft("email", problem="no plugin")], set(), 1000, **HERE)
    assert (good.expires_at_ms, good.state) == (3500, DeliveryState())
    assert (bad.due_at_ms, bad.state.fact, bad.error) == (None, Fact.FAILED, "no plugin")


def asking(policy=None, **head) -> Case:
    frozen = orjson.dumps(policy or usual()).decode()
    values = {"alarm_id": "a", "audience_id": "o", "audience": "Ops", "source": "mqtt", "text": "hot"}
    return Case(id="0190b0f2-1111-5222-8333-444455556666", head=Head(**values, opened_at_ms=1, policy=frozen, **head))


def test_with_a_code_they_ask_for_an_acknowledgement():
    drafts = [draft("sms"), draft("email", subject="[HIGH] hot")]
    sms, email = new_deliveries(alarm(), drafts, set(), 1000, desk=desk(), case=asking(), code="A123")
    assert (sms.text, sms.subject, sms.kind) == ("hot\nACK: Reply A123 + msg", "", Kind.ASK)
    assert (email.text, email.subject) == ("hot\n\nCode A123: acknowledge at the console", "[HIGH] hot (A123)")
    (plain,) = new_deliveries(alarm(), [draft()], set(), 1000, desk=desk(), case=asking())
    assert (plain.text, plain.kind) == ("hot", Kind.PLAIN)


def test_what_asks_in_a_recall_is_an_emergency():
    (row,) = new_deliveries(alarm(), [draft()], set(), 1, desk=desk(), case=asking(mobilise()), code="A123")
    assert row.queue_class == 0
    (row,) = new_deliveries(alarm(), [draft()], set(), 1, desk=desk(), case=asking(), code="A123")
    assert row.queue_class == 1
    (row,) = new_deliveries(alarm(priority=Priority.CRITICAL), [draft()], set(), 1, **HERE)
    assert row.queue_class == 0


def test_who_is_told_of_it_by_another_case_is_told_once():
    told = set()
    (first,) = new_deliveries(alarm(), [draft()], told, 1, **HERE)
    again, other = new_deliveries(alarm(), [draft(), draft("email")], told, 1, level=-2, **HERE)
    assert (first.state, again.state, again.due_at_ms) == (DeliveryState(), DeliveryState(Fact.FILTERED), None)
    assert again.error == TOLD_ALREADY
    assert (other.state, other.key.level) == (DeliveryState(), -2)


def test_who_is_asked_by_another_case_waits_for_what_becomes_of_its_message():
    told = set()
    (first,) = new_deliveries(alarm(), [draft()], told, 1, desk=desk(), case=asking(), code="A123")
    (again,) = new_deliveries(alarm(), [draft()], told, 1, desk=desk(), case=asking(), code="A123")
    assert (first.state, first.due_at_ms, first.error) == (DeliveryState(), 1, None)
    assert (again.state, again.due_at_ms, again.error, again.kind) == (DeliveryState(), None, SHARED, Kind.ASK)


def test_a_shared_message_is_no_rung_that_goes():
    """The ladder of the second case begins where its own first message can go."""
    told = {("sms", "adam@sms")}
    drafts = [draft("sms"), draft("email", rung=1)]
    sms, email = new_deliveries(alarm(), drafts, told, 1, desk=desk(), case=asking(), code="A123")
    assert (sms.due_at_ms, email.due_at_ms) == (None, 1)


def test_news_of_a_case_that_is_acknowledged_asks_nobody():
    case = asking(key="boiler")._replace(acks=frozenset({Note(1, "jane", "sms")}))
    (row,) = new_deliveries(alarm(), [draft()], set(), 1, desk=desk(), case=case, code="A123", level=-2)
    assert (row.text, row.kind) == ("hot", Kind.PLAIN)


@pytest.mark.parametrize("final", [{"filtered": "night"}, {"problem": "no plugin"}])
def test_who_is_not_told_hides_nobody_else_at_his_address(final):
    """Two people with one phone, in two groups: the message to one is filtered."""
    told = set()
    new_deliveries(alarm(), [draft(**final)], told, 1, **HERE)
    (row,) = new_deliveries(alarm(), [draft(recipient_id="jane", recipient="Jane")], told, 1, **HERE)
    assert row.state == DeliveryState()


def test_a_plan_reaches_somebody_if_any_way_can_work():
    target = Target(Audience("o", "Ops", (PHONE_ADAM,)))
    assert not reaches_anybody([])
    assert not reaches_anybody([(target, [draft(problem="no plugin")]), (target, [])])
    assert reaches_anybody([(target, [draft(problem="no plugin")]), (target, [draft(filtered="night")])])
