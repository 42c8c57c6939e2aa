"""The words about acknowledgements: who, when, what; and none of them begins with a code."""

from __future__ import annotations

import pytest
from pipelines import book

from addispatch.domain.case import Case, Clear, CloseReason, Closing, Head, Note
from addispatch.domain.reply import parse_reply
from addispatch.engine.notices import ack_notice, already, comment_notice, late_comments, late_notice
from addispatch.pipeline.desk import Desk
from addispatch.store.transaction import Entry

AT_MS = 1_767_247_200_000  # 06:00 UTC, 14:00 in Singapore
DESK = Desk(directory=book(), timezone="Asia/Singapore")
HEAD = Head(alarm_id="a", audience_id="o", audience="Ops", source="mqtt", text="pump is hot", opened_at_ms=1)
ADAM, JANE = Note(AT_MS + 1, "adam", "sms", "", "Adam"), Note(AT_MS, "jane", "sms", "on my way", "Jane")
CLEAR, CLOSED = Clear(AT_MS, "mqtt"), Closing(AT_MS, CloseReason.OPERATOR)


def entry(text="pump is hot", **parts) -> Entry:
    case = Case(id="c", head=HEAD._replace(policy="{}", text=text), **{k: frozenset(v) for k, v in parts.items()})
    return Entry(1, case, "A123", {}, None)


@pytest.mark.parametrize(
    ("note", "text"),
    [
        (JANE, "Acknowledged by Jane: on my way (A123 pump is hot)"),
        (ADAM, "Acknowledged by Adam (A123 pump is hot)"),
        (ADAM._replace(name=""), "Acknowledged by adam (A123 pump is hot)"),
    ],
)
def test_who_acknowledged(note, text):
    found = ack_notice("A123", entry().case, note)
    assert (found.text, found.subject) == (text, "Acknowledged: pump is hot (A123)")


def test_who_said_what():
    found = comment_notice("A123", entry().case, JANE)
    assert (found.text, found.subject) == (
        "Comment by Jane: on my way (A123 pump is hot)", "Comment: pump is hot (A123)",
    )  # fmt: skip


def test_each_acknowledgement_and_each_comment_is_news_of_its_own():
    case = entry().case
    marks = [make("A123", case, note).mark for make in (ack_notice, comment_notice) for note in (ADAM, JANE)]
    marks.append(comment_notice("A123", case, JANE._replace(text="there")).mark)
    assert len(set(marks)) == 5
    assert ack_notice("A123", case, JANE).mark == ack_notice("A123", entry("other").case, JANE).mark


def test_the_late_one_hears_of_the_end_first_then_of_the_first_acknowledgement():
    assert late_notice(entry(acks=[ADAM, JANE]), "bo") == ack_notice("A123", entry().case, JANE)
    found = late_notice(entry(acks=[JANE], clears=[CLEAR]), "bo")
    assert (found.text, found.mark) == ("Returned to normal: pump is hot (A123)", "clear")
    assert late_notice(entry(closings=[CLOSED]), "bo") is None


def test_who_acknowledged_himself_needs_no_news_and_a_recall_has_none():
    assert late_notice(entry(acks=[JANE, ADAM]), "jane") is None
    assert late_notice(entry(acks=[JANE], clears=[CLEAR]), "jane") is not None, "that it is over is news"
    recall = entry(acks=[JANE])
    recall.case = recall.case._replace(head=HEAD._replace(policy='{"kind":"recall"}'))
    assert late_notice(recall, "adam") is None


def test_what_others_said_while_his_text_was_on_its_way():
    late = JANE._replace(at_ms=AT_MS + 9, text="gate 3")
    found = entry(comments=[late, JANE, ADAM._replace(text="my own")])
    assert late_comments(found, "adam", AT_MS) == [comment_notice("A123", found.case, note) for note in (JANE, late)]
    assert late_comments(found, "adam", AT_MS + 5) == [comment_notice("A123", found.case, late)]
    assert late_comments(entry(), "adam", 0) == []


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({"acks": [ADAM, JANE], "clears": [CLEAR]}, "Already acknowledged by Jane 14:00 (A123)."),
        ({"clears": [CLEAR]}, "Returned to normal 14:00 (A123)."),
        ({"closings": [CLOSED]}, "Closed, operator (A123)."),
        ({}, "Open (A123)."),
    ],
)
def test_what_became_of_it(parts, text):
    assert already(entry(**parts), DESK) == text


@pytest.mark.parametrize("text", ["A123 pump", "pump", "ok", "B456"])
def test_no_text_of_ours_is_a_reply(text):
    """A phone may quote it, or two daemons may talk to each other."""
    found = entry(text, acks=[JANE])
    ours = [
        ack_notice("A123", found.case, JANE).text,
        comment_notice("A123", found.case, JANE._replace(text=text)).text,
        late_notice(found, "bo").text,
        late_notice(entry(text, clears=[CLEAR]), "bo").text,
        already(found, DESK),
        already(entry(clears=[CLEAR]), DESK),
        already(entry(closings=[CLOSED]), DESK),
    ]
    assert [parse_reply(one).codes for one in ours] == [()] * len(ours)
