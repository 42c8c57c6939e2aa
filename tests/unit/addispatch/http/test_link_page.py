"""What the page says in each state of a case, and that nothing in an alarm can change the page."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from links import ACKED_AT, a_case

from addispatch.http.link_page import MAX_ANSWERS_COUNT, POLICY, case_page, plain_page

SINGAPORE = ZoneInfo("Asia/Singapore")
NOTE = {"at": ACKED_AT, "by": "Adam", "via": "sms", "comment": "on my way"}


def page(case: dict[str, Any], **more: Any) -> str:
    return case_page({"recipient": "Jane", "case": case}, SINGAPORE, **more)


def notices(html: str) -> list[str]:
    return re.findall(r'<p class="notice[^>]*>([^<]*)</p>', html)


def actions(html: str) -> list[str]:
    return re.findall(r'name="action" value="(\w+)"', html)


BY_ADAM = {"state": "acknowledged", "acknowledged_at": ACKED_AT, "acknowledged_by": "Adam", "acknowledgements": [NOTE]}
BY_JANE = {**BY_ADAM, "acknowledged_by": "jane", "acknowledgements": [{**NOTE, "by": "jane"}]}
CLOSED = {"state": "closed", "closed_at": "2026-11-24T01:00:00Z"}
DECLINED = {**NOTE, "by": "Jane", "action": "decline"}


@pytest.mark.parametrize(
    ("case", "said", "told", "offered"),
    [
        ({}, "", [], ["ack", "decline"]),
        ({}, "declined", ["Noted: you cannot come, Jane."], ["ack", "decline"]),
        ({"acknowledgements": [DECLINED]}, "", [], ["ack", "decline"]),
        ({}, "commented", ["Your comment was noted."], ["ack", "decline"]),
        ({}, "acknowledged", [], ["ack", "decline"]),
        ({}, "<b>", [], ["ack", "decline"]),
        (BY_ADAM, "", ["Already acknowledged by Adam at 14:02."], ["comment"]),
        (BY_ADAM, "already", ["Already acknowledged by Adam at 14:02."], ["comment"]),
        (BY_JANE, "acknowledged", ["Acknowledged. Thank you, Jane."], ["comment"]),
        (BY_JANE, "commented", ["Your comment was noted.", "Acknowledged. Thank you, Jane."], ["comment"]),
        ({**BY_JANE, "state": "open"}, "", ["Acknowledged. Thank you, Jane."], ["comment"]),
        ({**BY_ADAM, "state": "open"}, "", [], ["ack", "decline"]),
        (CLOSED, "", ["Closed at 24 Nov 09:00: nothing to do."], ["comment"]),
        ({**BY_ADAM, **CLOSED}, "", ["Already acknowledged by Adam at 14:02."], ["comment"]),
    ],
)
def test_what_is_told_and_offered(case, said, told, offered):
    html = page(a_case(**case), said=said)
    assert (notices(html), actions(html)) == (told, offered)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ({}, "not acknowledged"),
        ({**BY_ADAM, "state": "open"}, "partly acknowledged"),
        (BY_ADAM, "acknowledged"),
        ({**BY_ADAM, **CLOSED}, "acknowledged"),
        (CLOSED, "closed"),
    ],
)
def test_the_state_is_one_of_a_few_words(case, words):
    """A recall is open until everybody answered; an acknowledged case may be closed by that."""
    assert f'<span class="state">{words}</span>' in page(a_case(**case))


def test_a_problem_comes_first():
    assert notices(page(a_case(**BY_JANE), problem="comment: is empty"))[0] == "comment: is empty"


def test_the_latest_text_and_the_count_are_shown_when_they_tell_something():
    assert "Latest" not in page(a_case())
    assert "times" not in page(a_case())
    html = page(a_case(last_text="Pump 3 is on fire", count=12))
    assert "Pump 3 is on fire" in html
    assert "12 times" in html
    few = a_case()
    for key in ("last_text", "count", "audience"):
        del few[key]
    assert "Pump 3 is hot" in page(few)


def test_times_are_the_node_s_with_its_zone():
    case = {"recipient": "Jane", "case": a_case(opened_at="2026-03-29T00:59:59.999Z")}
    assert "Sun 29 Mar 2026, 01:59 (Europe/Berlin)" in case_page(case, ZoneInfo("Europe/Berlin"))
    assert "Sun 29 Mar 2026, 00:59 (UTC)" in case_page(case, ZoneInfo("UTC"))


def test_a_long_list_of_answers_is_cut():
    notes = [{**NOTE, "by": f"R{n}"} for n in range(300)]
    assert page(a_case(acknowledgements=notes)).count("<li>") == MAX_ANSWERS_COUNT


def test_a_case_without_code_has_a_page():
    assert '<span class="code"></span>' in page(a_case(code=None))


@given(st.text(max_size=200))
def test_no_text_becomes_part_of_the_page(text):
    hostile = f"{text}<script>alert(1)</script><img src=//evil.example>\"' onload=x {{{{ 7*7 }}}}"
    case = a_case(
        text=hostile, last_text=hostile + "!", audience=hostile, acknowledgements=[{**NOTE, "comment": hostile}]
    )
    html = page(case, said=hostile, problem=hostile, comment=hostile)
    harmless = page(a_case(text="x", last_text="y", audience="z", acknowledgements=[NOTE]), problem="p", comment="c")
    assert re.findall(r"<(/?\w+)", html) == re.findall(r"<(/?\w+)", harmless)
    assert "7*7" in html


def test_the_policy_lets_in_the_page_s_own_style_and_nothing_else():
    style = re.findall(r"<style>(.*?)</style>", plain_page("a", "b"), re.DOTALL)
    assert len(style) == 1
    fingerprint = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    assert f"style-src 'sha256-{fingerprint}'" in POLICY
    for word in ("unsafe", "http:", "https:", "*"):
        assert word not in POLICY


def test_nothing_is_loaded_from_anywhere():
    html = page(a_case())
    assert re.findall(r'(?:src|href|action)="([^"]*)"', html) == ["data:,"]
    assert "@import" not in html
    assert "url(" not in html
    assert "style=" not in html
    assert len(html) < 6_000
