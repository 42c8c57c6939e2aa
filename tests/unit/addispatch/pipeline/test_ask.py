"""Messages that ask: the text, what goes under it, how both fit, and which of them wait for a later rung."""

from __future__ import annotations

import dataclasses

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pipelines import ADAM, JANE, book, group, person
from rooms import KEY, SMS_ADAM, SMS_JANE, mobilise, usual

from addispatch.domain.addressbook import Audience, Mode
from addispatch.domain.alarm import Priority
from addispatch.domain.case import Case, DeliveryState, Fact, Head, Position
from addispatch.domain.delivery import Kind
from addispatch.domain.policy import Policy
from addispatch.domain.text import segment_count
from addispatch.pipeline.ask import (
    Question,
    ask,
    footnote,
    once_each,
    question_of,
    reachable,
    subject_of,
    urgency_of,
    with_footnote,
    without_footnote,
)
from addispatch.pipeline.desk import Desk

CASE = "0190b0f2-1111-5222-8333-444455556666"
ALL = frozenset({"sms", "email", "voice"})
STEP = Position(0, 1)
LADDER = person("Bo", "sms", "email", mode=Mode.LADDER, sms=SMS_ADAM, email=("b@x", "c@x"))


def question(policy: Policy | None = None, text: str = "hot", **head) -> Question:
    values = {"alarm_id": "a", "audience_id": "o", "audience": "Ops", "source": "mqtt", "opened_at_ms": 1000}
    frozen = orjson.dumps(policy or usual()).decode()
    case = Case(id=CASE, head=Head(text=text, policy=frozen, **{**values, **head}))
    return question_of(case, "A123", 60_000)


def desk(*entries, provided=ALL, **fields) -> Desk:
    return Desk(directory=dataclasses.replace(book(*entries), link_keys=(KEY,)), provided=provided, **fields)


def asked(audience_or_person, question_=None, desk_=None, **options):
    audience = audience_or_person
    if not isinstance(audience, Audience):
        audience = Audience("o", "Ops", (audience,))
    return ask(question_ or question(), desk_ or desk(), audience, STEP, **options)


# -- what goes under the text --------------------------------------------------------------------------------------------


def test_how_to_acknowledge_depends_on_the_channel():
    assert footnote(question(), desk(), "sms", "adam") == "ACK: Reply A123 + msg"
    assert footnote(question(), desk(takes_mail=True), "email", "adam") == "ACK: Reply A123 + msg"
    own = question(usual(footnote="Reply {CODE}{PEER_NUMBER} now "))
    assert footnote(own, desk(), "sms", "adam") == "Reply A123 now"


def test_a_mail_that_cannot_be_answered_names_only_what_its_reader_has():
    mailer = person("Mailer", email=("m@x",))
    here = desk(ADAM, mailer)
    assert footnote(question(), here, "email", "adam") == "Code A123: acknowledge by SMS"
    assert footnote(question(), here, "email", "mailer") == "Code A123: acknowledge at the console"
    assert footnote(question(), here, "email", "m@x") == "Code A123: acknowledge at the console", "not in the book"
    only_mail = desk(ADAM, provided=frozenset({"email"}))
    assert footnote(question(), only_mail, "email", "adam") == "Code A123: acknowledge at the console"
    linked = question(usual(append_link=True))
    assert footnote(linked, here, "email", "adam").startswith("Code A123: acknowledge by SMS or by the link")
    assert footnote(linked, here, "email", "mailer").startswith("Code A123: acknowledge by the link\n")


def test_a_footnote_comes_off_though_its_reader_got_a_phone_meanwhile():
    text = with_footnote("hot", "Code A123: acknowledge at the console", "email", 9)
    assert without_footnote(text, "Code A123: acknowledge by SMS") == "hot"


def test_a_policy_may_want_no_footnote():
    assert footnote(question(usual(footnote="")), desk(), "sms", "adam") == ""
    assert footnote(question(usual(footnote="")), desk(), "email", "adam") == ""


def test_a_link_is_a_line_of_its_own_and_each_person_s_own():
    here = desk(public_url="https://alarms.example")
    adam, jane = (footnote(question(), here, "sms", who).split("\n") for who in ("adam", "jane"))
    assert adam[0] == jane[0] == "ACK: Reply A123 + msg"
    assert adam[1].startswith("https://alarms.example/a/")
    assert adam[1] != jane[1]
    only = footnote(question(usual(footnote="")), here, "sms", "adam")
    assert only == adam[1]


# -- text and footnote ---------------------------------------------------------------------------------------------------

texts = st.text(st.sampled_from("abcdef é–“€{°\n😀ж"), min_size=1, max_size=900)
foots = st.sampled_from(
    ["ACK: Reply A123 + msg", "x", "Antwort: A123 – danke", "ждём A123\nhttps://a.example/a/" + "T" * 56]
)


@given(texts, foots, st.integers(1, 6))
def test_the_footnote_is_always_whole_and_both_fit_the_budget(text, foot, most):
    assume(segment_count(f"...\n{foot}") <= most)
    whole = with_footnote(text, foot, "sms", most)
    assert segment_count(whole) <= most
    assert whole.endswith(("\n" + foot, "\n" + foot.replace("–", "-")))
    assert with_footnote(text, "", "sms", most) == text, "what goes out without footnote was cut before"


@given(st.text("abc é", min_size=1, max_size=900), foots)
def test_as_much_of_the_text_is_kept_as_fits(text, foot):
    whole = with_footnote(text, foot, "sms", 2)
    kept = whole.split("\n")[0].removesuffix("...")
    assert text.startswith(kept)
    if len(kept) < len(text.rstrip()):
        longer = f"{text[: len(kept) + 4]}...\n{foot}"
        assert segment_count(longer) > 2 or text[len(kept) : len(kept) + 4].strip() == ""


@given(texts, foots)
def test_a_mail_is_never_cut(text, foot):
    assert with_footnote(text, foot, "email", 1) == f"{text}\n\n{foot}"


@given(st.text("abc \n", min_size=1), st.sampled_from(["ACK: Reply A123 + msg", "Code A123\nhttps://a.example/a/x"]))
def test_a_footnote_comes_off_again(text, foot):
    assume(text == text.rstrip())
    for channel in ("sms", "email"):
        assert without_footnote(with_footnote(text, foot, channel, 99), foot) == text
    assert without_footnote(text, "") == text
    assert without_footnote("other", foot) == "other"


# -- the messages of a step ----------------------------------------------------------------------------------------------


def test_everybody_is_asked_by_each_channel_with_his_footnote():
    audience = book(ADAM, JANE, group("Ops", "Adam", "Jane")).audience("ops")
    rows = asked(audience, opening="Unacknowledged for 5 min: ")
    assert [(r.recipient, r.key.channel, r.key[:2]) for r in rows] == [
        ("Adam", "sms", STEP), ("Adam", "email", STEP), ("Jane", "sms", STEP), ("Jane", "email", STEP),
    ]  # fmt: skip
    sms, email = rows[:2]
    assert sms.text == "Unacknowledged for 5 min: hot\nACK: Reply A123 + msg"
    assert (sms.subject, sms.kind, sms.due_at_ms, sms.expires_at_ms) == ("", Kind.ASK, 60_000, None)
    assert email.subject == "[MEDIUM] Unacknowledged for 5 min: hot (A123)"


def test_what_the_template_made_is_told_again():
    (row,) = asked(person("Bo", "email", email=("b@x",)), question(body="Boiler 3 is hot", subject="Boiler 3"))
    assert row.text.startswith("Boiler 3 is hot\n\n")
    assert row.subject == "Boiler 3 (A123)"


def test_an_sms_is_folded_and_cut_to_the_budget():
    (row,) = asked(person("Bo", sms=SMS_ADAM), question(text="“hot” – " * 100), desk(max_segments=2))
    assert row.text.startswith('"hot" - "hot"')
    assert segment_count(row.text) == 2
    assert row.text.endswith("\nACK: Reply A123 + msg")


def test_a_call_goes_to_the_phone_and_nowhere_else():
    (row,) = asked(dataclasses.replace(ADAM, phone="+6561234567"), call=True)
    assert (row.key.channel, row.key.address) == ("voice", "+6561234567")
    (row,) = asked(ADAM, call=True)
    assert row.key.address == SMS_ADAM
    assert asked(person("Bo", email=("b@x",)), call=True) == []


@pytest.mark.parametrize(("after_s", "dues"), [(None, (60_000, None, None)), (30.0, (60_000, 90_000, 90_000))])
def test_a_later_rung_waits(after_s, dues):
    rows = asked(dataclasses.replace(LADDER, step_after_s=after_s))
    assert [row.rung for row in rows] == [0, 1, 1]
    assert tuple(row.due_at_ms for row in rows) == dues


def test_a_ladder_whose_first_rung_no_plugin_provides_begins_with_the_second():
    rows = asked(LADDER, desk_=desk(provided=frozenset({"email"})))
    found = {row.key.address: (row.rung, row.due_at_ms, row.state.fact) for row in rows}
    assert found == {
        "b@x": (0, 60_000, Fact.NONE), "c@x": (0, 60_000, Fact.NONE), SMS_ADAM: (0, None, Fact.FAILED),
    }  # fmt: skip
    assert "no plugin provides the channel sms" in {row.error for row in rows}


def test_recalls_and_critical_alarms_are_emergencies():
    assert urgency_of(usual(), Priority.HIGH) == 1
    assert urgency_of(usual(), Priority.CRITICAL) == 0
    assert urgency_of(mobilise(), Priority.LOW) == 0


# -- small parts ---------------------------------------------------------------------------------------------------------


@given(
    st.text(max_size=200), st.sampled_from(Priority), st.text(min_size=1, max_size=200), st.sampled_from(["", "A123"])
)
def test_a_subject_is_one_short_line_that_ends_in_the_code(subject, priority, text, code):
    line = subject_of(subject, priority, text, code)
    assert len(line) <= 78
    assert line.endswith(f"({code})" if code else "")
    if not subject:
        assert "\n" not in line


def test_groups_overlap():
    both = [*asked(ADAM), *asked(JANE), *asked(ADAM)]
    rows = once_each(both)
    assert sorted(row.key.address for row in rows) == sorted({row.key.address for row in both})
    assert once_each([]) == []
    other = both[0]._replace(text="second")
    assert once_each([both[0], other])[0].text == both[0].text, "the first one stays"


def test_a_step_can_go_if_any_message_can_or_a_sibling_told():
    (row,) = asked(person("Bo", sms=SMS_JANE))
    failed = row._replace(state=DeliveryState(Fact.FAILED))
    assert not reachable([])
    assert not reachable([failed])
    assert reachable([failed, row])
    assert reachable([row._replace(due_at_ms=None)]), "it shares the message of another case"
