"""TOML and JSON documents: what is written is read back the same; what is broken says where."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addispatch.domain.errors import ConfigErrors
from addispatch.store import exchange
from addispatch.store.exchange import from_json, from_toml, to_json, to_toml

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = texts | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
keys = st.sampled_from(["name", "sms", "members", "continue", "after_minutes"])
flat = st.dictionaries(keys, scalars | st.lists(texts, max_size=3), max_size=4)
entries = st.dictionaries(
    keys, scalars | st.lists(texts, max_size=3) | st.lists(flat, min_size=1, max_size=3), max_size=4
)
route = st.builds(lambda entry, match: {**entry, "match": match}, flat, flat)
documents = st.fixed_dictionaries({}, optional={"settings": flat, "recipient": st.lists(entries, min_size=1, max_size=3), "route": st.lists(route, min_size=1, max_size=3)})  # fmt: skip


@given(documents)
@settings(max_examples=200)
def test_toml_comes_back_the_same(document: dict[str, Any]) -> None:
    assert from_toml(to_toml(document).encode()) == document


@given(documents)
def test_json_comes_back_the_same(document: dict[str, Any]) -> None:
    assert from_json(to_json(document).encode()) == document


def test_toml_looks_as_people_write_it_and_takes_more_at_the_end() -> None:
    document = {
        "settings": {"retention_days": 30},
        "recipient": [{"name": 'Ad"am\\', "email": ["a@b.c"]}, {"name": "Jane", "enabled": False}],
        "policy": [
            {"name": "p", "level": [{"after_minutes": 5.0, "to": ["Jane"]}, {"after_minutes": 0.5, "resend": True}]}
        ],
        "route": [{"name": "r", "match": {"topic": "a/#", "priority": ["high"]}, "to": ["Jane"], "continue": True}],
    }
    text = to_toml(document)
    assert text == (
        '[settings]\nretention_days = 30\n\n[[recipient]]\nname = "Ad\\"am\\\\"\nemail = ["a@b.c"]\n\n'
        '[[recipient]]\nname = "Jane"\nenabled = false\n\n[[policy]]\nname = "p"\n\n'
        '[[policy.level]]\nafter_minutes = 5\nto = ["Jane"]\n\n[[policy.level]]\nafter_minutes = 0.5\nresend = true\n\n'
        '[[route]]\nname = "r"\nmatch = { topic = "a/#", priority = ["high"] }\nto = ["Jane"]\ncontinue = true\n'
    )
    assert len(tomllib.loads(text + '[[recipient]]\nname = "Kim"\n')["recipient"]) == 3


def test_an_empty_document() -> None:
    assert from_toml(to_toml({}).encode()) == {}
    assert from_json(to_json({}).encode()) == {}


@pytest.mark.parametrize("read", [from_toml, from_json])
def test_a_byte_order_mark_is_no_harm(read: Any) -> None:
    assert read(b"\xef\xbb\xbf" + (b"{}" if read is from_json else b"")) == {}


@pytest.mark.parametrize(
    ("read", "data", "message"),
    [
        (from_toml, b'[[recipient]]\nname = "Ad\n', "line 2"),
        (from_toml, b'[[recipient]]\nname = "Ad', "end of document"),
        (from_toml, b"a = 1\na = 2", "valid TOML"),
        (from_toml, b"x = " + b"[" * 100_000, "nested too deeply"),
        (from_toml, b"\xff\xfea", "not UTF-8 (byte 0)"),
        (from_json, b'{\n"a": }', "line 2"),
        (from_json, b"[1]", "must be a JSON object"),
        (from_json, b'{"a": NaN}', "valid JSON"),
        (from_json, b"[" * 100_000, "valid JSON"),
        (from_json, b'{"a": "\xe9"}', "not UTF-8"),
        (from_json, b"", "valid JSON"),
    ],
)
def test_broken_files_say_where(read: Any, data: bytes, message: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        read(data, "my.file")
    (error,) = caught.value.errors
    assert str(error).startswith("my.file: ")
    assert message in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize("read", [from_toml, from_json])
def test_files_have_a_limit(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "MAX_BYTES", 10)
    with pytest.raises(ConfigErrors, match="larger than 10 bytes"):
        read(b"#" * 11)
