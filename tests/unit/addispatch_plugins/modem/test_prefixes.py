import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from addispatch_plugins.modem.prefixes import Prefix, groups, matching

MODEMS = [("sg", ("+65",)), ("mobile", ("+659", "+658")), ("any", ()), ("de", ("+49", "110"))]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("+6591234567", [["mobile"], ["sg"], ["any"], ["de"]]),
        ("+6561234567", [["sg"], ["any"], ["mobile", "de"]]),
        ("+4915112345678", [["de"], ["any"], ["sg", "mobile"]]),
        ("110", [["de"], ["any"], ["sg", "mobile"]]),
        ("+33612345678", [["any"], ["sg", "mobile", "de"]]),
        ("6591234567", [["any"], ["sg", "mobile", "de"]]),
    ],
)
def test_the_longest_match_then_the_others(number, expected):
    assert groups(number, MODEMS) == expected


def test_modems_meant_for_the_same_numbers_are_one_group():
    assert groups("+6591234567", [("a", ("+65",)), ("b", ("+65", "+49"))]) == [["a", "b"]]


@given(st.from_regex(r"\+?[0-9]{3,15}", fullmatch=True), st.lists(st.lists(st.sampled_from(["+65", "+6", "1", "+"]))))
def test_every_modem_is_in_one_group(number, prefixes):
    modems = list(enumerate(map(tuple, prefixes)))
    found = [modem for group in groups(number, modems) for modem in group]
    assert sorted(found) == list(range(len(modems)))


def test_matching():
    assert matching("+6591234567", ("+65", "+6591", "+66")) == 5
    assert matching("+6591234567", ()) == 0


@pytest.mark.parametrize("wrong", ["", "+", "65;", "+65\n", "+65 9", "x", "+123456789012345", "٦٥"])
def test_what_is_no_prefix_is_refused(wrong):
    with pytest.raises(ValidationError, match="no prefix of a number; write it like"):
        TypeAdapter(Prefix).validate_python(wrong)


@pytest.mark.parametrize("good", ["+65", "110", "+4915"])
def test_what_is_a_prefix(good):
    assert TypeAdapter(Prefix).validate_python(good) == good
