"""The text for each channel: folded and cut for SMS, templated where a route says so, raw when a template fails."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pipelines import ADAM, alarm, book

from addispatch.domain.addressbook import Audience, TextTemplate
from addispatch.domain.alarm import Priority
from addispatch.domain.text import segment_count
from addispatch.pipeline.compose import SUBJECT_CHARS, Composer, default_subject
from addispatch.pipeline.route import Target

OPS = Audience("ops", "Ops", (ADAM,))


def template(text, subject="", max_segments=4):
    return TextTemplate(id="t", name="t", text=text, subject=subject, max_segments=max_segments)


def compose(the_alarm, channel, *templates, name="", max_segments=6):
    events = []
    text = Composer(book(*templates), "node-a", max_segments).compose(
        the_alarm, Target(OPS, template=name), channel, events
    )
    return text, [event.line for event in events]


def test_an_sms_is_folded_and_has_no_subject():
    text, events = compose(alarm("“Boiler” – 98 °C…"), "sms")
    assert (text.text, text.subject, events) == ('"Boiler" - 98 C...', "", [])


def test_a_mail_is_not():
    text, _ = compose(alarm("“Boiler” – 98 °C…", priority=Priority.HIGH), "email")
    assert text.text == "“Boiler” – 98 °C…"
    assert text.subject == "[HIGH] “Boiler” – 98 °C…"


def test_an_sms_keeps_to_its_budget():
    text, _ = compose(alarm("x" * 4000), "sms", max_segments=2)
    assert segment_count(text.text) == 2
    assert text.text.endswith("x...")
    text, _ = compose(alarm("hot " * 300), "sms", template("{{ text }}", max_segments=1), name="t")
    assert segment_count(text.text) == 1


def test_a_subject_is_one_short_line():
    subject = default_subject(alarm("first line\nBcc: everyone@example.com\n" + "x" * 200))
    assert "\n" not in subject
    assert len(subject) == SUBJECT_CHARS
    assert subject.startswith("[MEDIUM] first line Bcc: everyone@example.com")
    text, _ = compose(alarm("a"), "email", template("b", subject="x\n y {{ text }}"), name="t")
    assert text.subject == "x y a"


def test_everything_a_template_can_name():
    full = alarm(
        "hot", id="7", key="k", topic="a/b", priority=Priority.LOW, ts=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        data={"unit": "C", "text": "not this one", "deep": {"n": 1}},
    )  # fmt: skip
    source = (
        "{{ text }}|{{ source }}|{{ topic }}|{{ key }}|{{ id }}|{{ priority }}|{{ state }}|{{ time }}|{{ audience }}|{{ node }}"
        "|{{ unit }}|{{ deep.n }}|{{ data.text }}"
    )
    text, events = compose(full, "log", template(source), name="t")
    assert text.text == "hot|mqtt|a/b|k|7|low|raised|2026-01-02T03:04:05+00:00|Ops|node-a|C|1|not this one"
    assert events == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ missing }}", "missing"),
        ("{% for a in data.many %}{% for b in data.many %}x{% endfor %}{% endfor %}", "loop turns"),
        ("{{ data.many.1 ** 1000 }}", "power"),
        ("  {# nothing #} ", "empty"),
    ],
)
def test_a_template_that_fails_falls_back_to_the_raw_text_and_says_so(source, words):
    text, events = compose(alarm("hot", data={"many": list(range(500))}), "sms", template(source), name="t")
    assert text.text == "hot"
    (line,) = events
    assert line.startswith("Template t failed, sending the raw text.")
    assert words in line


def test_a_template_that_is_gone_is_told():
    text, events = compose(alarm("hot"), "sms", name="ghost")
    assert (text.text, events) == (
        "hot",
        ["Template ghost failed, sending the raw text. There is no template of that name."],
    )
