"""From what people write to E.164; nothing else is ever dialled."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.domain.errors import ConfigError
from addispatch.runtime.numbers import DIALABLE, normalize_number

SHORT = frozenset({"7999", "112", "12a"})


@pytest.mark.parametrize(
    ("written", "region", "number"),
    [
        ("91234567", "SG", "+6591234567"), ("9123 4567", "SG", "+6591234567"), ("+65 9123-4567", "DE", "+6591234567"), ("006591234567", "DE", "+6591234567"),
        ("(030) 123456", "DE", "+4930123456"), ("0171/2345678", "DE", "+491712345678"), ("+44.20.7946.0958", "SG", "+442079460958"), ("7999", "SG", "7999"),
        ("112", "DE", "112"), ("202-456-1111", "US", "+12024561111"),
    ],
)  # fmt: skip
def test_what_people_write(written: str, region: str, number: str) -> None:
    assert normalize_number(written, region, SHORT) == number


@pytest.mark.parametrize(
    "written",
    ["", " ", "+", "12", "1234", "911", "call me", "91234567;", "91234567,1", "*100#", "AT+CFUN=0", "9123\r4567x", "+65+91234567", "٩١٢٣٤٥٦٧", "９１２３４５６７",
     "1" * 18, "1" * 100_000, "+999123456789", "91234567ext5", "12a", "tel:91234567", "65 91234567 \x00"],
)  # fmt: skip
def test_what_is_no_number_is_refused_with_a_reason(written: str) -> None:
    with pytest.raises(ConfigError, match=r"is not a phone number|is no number that exists") as caught:
        normalize_number(written, "SG", SHORT)
    assert "\n" not in str(caught.value)


def test_a_short_code_that_is_not_listed_says_what_to_do() -> None:
    with pytest.raises(ConfigError, match="short codes must be listed"):
        normalize_number("7998", "SG", SHORT)


@given(
    st.text(st.sampled_from("0123456789+-() ./*#;a\r\n"), max_size=16) | st.from_regex(r"[89][0-9]{7}", fullmatch=True)
)
def test_what_comes_out_can_be_dialled_and_goes_in_again(written: str) -> None:
    try:
        number = normalize_number(written, "SG", SHORT)
    except ConfigError:
        return
    assert DIALABLE.fullmatch(number)
    assert re.fullmatch(r"\+[1-9][0-9]{6,14}|7999|112", number)
    assert normalize_number(number, "SG", SHORT) == number
    assert normalize_number(number, "DE", SHORT) == number
