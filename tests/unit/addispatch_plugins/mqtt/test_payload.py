"""Payloads: whatever comes, nothing is raised and the text is kept."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch_plugins.mqtt.payload import MAX_DEPTH, read


@pytest.mark.parametrize(
    ("raw", "kind", "value", "number"),
    [
        (b'{"a": 1}', "auto", {"a": 1}, None),
        (b" \n[1, 2]", "auto", [1, 2], None),
        (b'\xef\xbb\xbf{"a": 1}', "auto", {"a": 1}, None),
        (b"hot", "auto", "hot", None),
        (b"true", "auto", "true", None),
        (b'"quoted"', "auto", '"quoted"', None),
        (b"23.50", "auto", "23.50", 23.5),
        (b" -7 ", "number", " -7 ", -7),
        (b"+1e3", "number", "+1e3", 1000.0),
        (b".5", "number", ".5", 0.5),
        (b"23", "json", 23, 23),
        (b"true", "json", True, None),
        (b'{"a": 1}', "text", '{"a": 1}', None),
        (b"", "auto", "", None),
    ],
)  # fmt: skip
def test_good_payloads(raw, kind, value, number):
    payload = read(raw, kind)
    assert (payload.value, payload.number, payload.problem) == (value, number, "")


@pytest.mark.parametrize("raw", [b"nan", b"inf", b"1_0", b"0x10", b"1e999", b"one", b"", b"9" * 50, b"\xd9\xa1"])
def test_what_is_no_number(raw):
    payload = read(raw, "number")
    assert payload.number is None
    assert payload.problem == "the payload is no number"


@pytest.mark.parametrize("raw", [b"{", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": 1e999}', b"[" * 10_000, b'{"a" 1}'])
def test_what_is_no_json_is_text(raw):
    for kind in ("json", "auto"):
        payload = read(raw, kind)
        assert payload.value == payload.text == raw.decode()
        assert "no good JSON" in payload.problem


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_depth_is_bounded(opening, closing):
    def nested(depth):
        return (opening * depth + "1" + closing * depth).encode()

    assert read(nested(MAX_DEPTH), "json").problem == ""
    assert "deeper than 20" in read(nested(MAX_DEPTH + 1), "json").problem
    assert read(b"[" + b"[1]," * 100 + b"1]", "json").problem == "", "wide is not deep"


def test_bytes_that_are_no_text_are_replaced_and_flagged():
    payload = read(b'{"a": "hei\xdf"}', "json")
    assert payload.value == {"a": "hei�"}
    assert payload.replaced


@given(st.binary(max_size=300), st.sampled_from(["auto", "json", "text", "number"]))
def test_never_raises_and_a_problem_leaves_the_text(raw, kind):
    payload = read(raw, kind)
    assert payload.replaced is not _is_utf8(raw)
    if payload.problem:
        assert payload.value == payload.text


def _is_utf8(raw):
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=10),
    lambda children: st.lists(children, max_size=5) | st.dictionaries(st.text(max_size=10), children, max_size=5),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=10), json_values, max_size=5))
def test_objects_come_through(document):
    raw = orjson.dumps(document)
    payload = read(raw, "auto")
    assert (payload.value, payload.problem) == (json.loads(raw), "")
