"""Names, numbers, addresses and patterns: what is taken, what is refused, and that stored values are let alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from addispatch.domain.routing import topic_matches
from addispatch.store import directory_fields as fields
from addispatch.store.directory_fields import Checks, folded, spelled

CHECKS = Checks("SG", frozenset({"7999"}))


def check(kind: object, value: object) -> str:
    return TypeAdapter(kind).validate_python(value, context=CHECKS)


def refused(kind: object, value: object) -> str:
    with pytest.raises(ValidationError) as caught:
        check(kind, value)
    return str(caught.value)


@pytest.mark.parametrize(
    "name", ["Adam", "R&D / Lab 3", "24x7", "Ölwerk", "夜班", "O'Brien", "Café №5", "A.B-C (night)"]
)
def test_names_that_are_fine(name: str) -> None:
    assert check(fields.AudienceName, name) == name


def test_a_name_gets_one_spelling() -> None:
    assert check(fields.AudienceName, "  Cafe\u0301 \u00a0 Nord ") == "Caf\u00e9 Nord"
    assert folded("STRASSE") == folded("straße")
    assert folded(" Night  shift") == folded("night\u00a0SHIFT")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "is empty"), ("   ", "is empty"), ("a\nb", "U+000A"), ("a\x00b", "U+0000"), ("a\x85b", "U+0085"),
        ("a\u2028b", "U+2028"), ("a\u202eb", "U+202E"), ("a\u200bb", "U+200B"), ("x" * 101, "100"),
        ("a@b", "'@'"), ("a,b", "','"), ("a;b", "';'"), ("a|b", "'|'"), ("91234567", "phone number"),
        ("+65 9123-4567", "phone number"), ("(065) 91.23/45", "phone number"), ("\u0661\u0662\u0663", "phone number"),
    ],
)  # fmt: skip
def test_names_that_are_refused(name: str, reason: str) -> None:
    assert reason in refused(fields.AudienceName, name)


@pytest.mark.parametrize("name", ["default", "Default", "ALL", "all"])
def test_names_that_mean_something_else_are_no_persons(name: str) -> None:
    refused(fields.PersonName, name)
    assert check(fields.AudienceName, name) == name


@pytest.mark.parametrize("name", ["a\nb", "a@b", "91234567", "default", ""])
def test_what_was_stored_is_not_checked_again(name: str) -> None:
    assert TypeAdapter(fields.PersonName).validate_python(name) == name
    assert TypeAdapter(fields.Number).validate_python("+999") == "+999"


@given(st.text(max_size=30))
def test_spelling_is_stable(name: str) -> None:
    assert spelled(spelled(name)) == spelled(name)
    assert folded(spelled(name)) == folded(name)


@given(st.text(max_size=30))
def test_an_accepted_name_is_accepted_again_unchanged(name: str) -> None:
    try:
        accepted = check(fields.PersonName, name)
    except ValidationError:
        return
    assert check(fields.PersonName, accepted) == accepted


@pytest.mark.parametrize(
    ("number", "e164"),
    [
        ("91234567", "+6591234567"),
        (" 9123 4567 ", "+6591234567"),
        ("+44 20 7946 0958", "+442079460958"),
        ("7999", "7999"),
        ("", ""),
        ("  ", ""),
    ],
)
def test_numbers(number: str, e164: str) -> None:
    assert check(fields.Number, number) == e164


def test_impossible_numbers_say_why() -> None:
    assert "short codes must be listed" in refused(fields.Number, "1234")
    assert "is not a phone number" in refused(fields.Number, "call me")
    assert "string" in refused(fields.Number, 91234567)


@pytest.mark.parametrize(
    "address",
    ["adam@example.com", "a.b+c@mail.example.co.uk", "root@localhost", "o'brien@x-y.de", "x@xn--bcher-kva.example"],
)
def test_mail_addresses(address: str) -> None:
    assert check(fields.Email, f" {address} ") == address


@pytest.mark.parametrize(
    "address",
    ["", "adam", "@x.y", "a@", "a b@x.y", "a@x..y", ".a@x.y", "a.@x.y", "a@-x.y", "a@x.y\nBcc: b@c", "a@x.y,b@c.d", "A <a@x.y>",
     "a@b@c", "ü@x.y", "a@bücher.de", f"{'a' * 65}@x.y", f"a@{'b' * 250}.com", "a|b@x.y", "a@[127.0.0.1]"],
)  # fmt: skip
def test_what_is_no_mail_address(address: str) -> None:
    refused(fields.Email, address)


@pytest.mark.parametrize("topic", ["#", "plant/#", "+", "plant/+/alarm", "+/+/#", "/", "a b/c", ""])
def test_topic_filters(topic: str) -> None:
    assert check(fields.TopicFilter, topic) == topic


@pytest.mark.parametrize("topic", ["a/#/b", "a#", "#/a", "a/b+", "+a/b", "a\x00"])
def test_bad_topic_filters(topic: str) -> None:
    refused(fields.TopicFilter, topic)


@given(st.lists(st.text("ab", min_size=1, max_size=2), min_size=1, max_size=4), st.data())
def test_an_accepted_filter_with_wildcards_takes_the_topic(levels: list[str], data: st.DataObject) -> None:
    wanted = [data.draw(st.sampled_from([level, "+"])) for level in levels]
    cut = data.draw(st.integers(0, len(levels)))
    topic = "/".join(levels)
    assert topic_matches(check(fields.TopicFilter, "/".join(wanted)), topic)
    assert topic_matches(check(fields.TopicFilter, "/".join([*wanted[:cut], "#"])), topic)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (
            fields.ChatUrl,
            ["tgram://token/chat", "https://x.y/z?a=b,c;d"],
            ["x.y", "a b://c", "x://a\nb", "x://a|b", "X://a"],
        ),
        (fields.Language, ["", "en", "pt-BR", "zh-Hant-TW"], ["English", "e", "en_US", "en-"]),
        (fields.Channel, ["sms", "email", "my-chat_2"], ["voice", "SMS", "", "2x", "a b"]),
        (fields.TimeOfDay, ["", "00:00", "23:59"], ["24:00", "7:30", "07:60", "07:30\n"]),
        (fields.ShortCode, ["7999", "123"], ["12", "+123", "12345678901", "12a", "٣٤٥"]),
        (fields.TemplateText, ["", "{{ text }}", "a\nb\tc"], ["{{ a", "{% include 'x' %}", "a\x00", "x" * 4001]),
    ],
)
def test_other_fields(kind: object, good: list[str], bad: list[str]) -> None:
    for value in good:
        assert check(kind, value) == value
    for value in bad:
        refused(kind, value)


def test_lists_lose_repetitions_and_have_a_limit() -> None:
    assert TypeAdapter(fields.UpTo10[str]).validate_python(["a", "b", "a"]) == ("a", "b")
    with pytest.raises(ValidationError):
        TypeAdapter(fields.UpTo10[str]).validate_python([str(i) for i in range(11)])
