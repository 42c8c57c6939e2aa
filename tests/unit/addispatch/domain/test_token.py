"""Tokens: what was signed is read back; anything else, altered by one character or late by one second, is nothing."""

from __future__ import annotations

import re
import uuid

from hypothesis import assume, example, given
from hypothesis import strategies as st

from addispatch.domain.token import PATTERN, Grant, make_token, mark_of, read_token

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
KEY, OTHER = bytes(range(32)), bytes(range(32, 64))
CASE = "0190b0f2-1111-5222-8333-444455556666"

keys = st.binary(min_size=32, max_size=32)
cases = st.uuids().map(str)
people = st.text(min_size=1, max_size=80)
ends = st.integers(1, 2**32 - 1)


@given(keys, cases, people, ends, st.floats(0, 1))
def test_what_was_signed_is_read_back_until_its_end(
    key: bytes, case: str, person: str, ends_at_s: int, part: float
) -> None:
    token = make_token(key, case, person, ends_at_s)
    assert re.fullmatch(PATTERN, token)
    grant = Grant(case, mark_of(person), ends_at_s)
    assert read_token([key], token, min(ends_at_s * part, ends_at_s - 1)) == grant
    assert read_token([key], token, ends_at_s - 0.001) == grant
    assert read_token([key], token, ends_at_s) is None


@given(keys, cases, people, ends, st.integers(0, 55), st.sampled_from(ALPHABET + "+/= \n\0é"))
def test_no_character_can_be_changed(
    key: bytes, case: str, person: str, ends_at_s: int, place: int, other: str
) -> None:
    token = make_token(key, case, person, ends_at_s)
    assume(token[place] != other)
    assert read_token([key], token[:place] + other + token[place + 1 :], 0) is None


@given(st.text(max_size=80) | st.text(ALPHABET, min_size=56, max_size=56))
@example("")
@example("A" * 56)
@example("=" * 56)
@example(make_token(KEY, CASE, "jane", 2**32 - 1) + "\n")
@example(make_token(KEY, CASE, "jane", 2**32 - 1) + "=")
@example(make_token(KEY, CASE, "jane", 2**32 - 1)[:-1])
@example("\ud800" * 56)
def test_rubbish_is_nothing(text: str) -> None:
    assert read_token([KEY], text, 0) is None
    assert read_token([], text, 0) is None


@given(keys, keys, keys)
def test_each_key_verifies_and_no_other(first: bytes, second: bytes, third: bytes) -> None:
    assume(third not in (first, second))
    token = make_token(second, CASE, "jane", 10)
    assert read_token([first, second], token, 0) == read_token([second], token, 0) != None  # noqa: E711
    assert read_token([first, third], token, 0) == (None if first != second else read_token([second], token, 0))
    assert read_token([], token, 0) is None, "without a key nothing is valid"
    assert read_token([], make_token(bytes(32), CASE, "jane", 10), 0) is None, "not even what no key signed"


@given(people, people)
def test_a_token_is_one_person_s(one: str, other: str) -> None:
    grant = read_token([KEY], make_token(KEY, CASE, one, 10), 0)
    assert grant is not None
    assert (grant.recipient_mark == mark_of(other)) == (one == other)


def test_the_parts_of_two_tokens_do_not_make_a_third() -> None:
    mine, yours = (make_token(KEY, str(uuid.UUID(int=n)), "jane", 10) for n in (1, 2))
    for cut in range(1, 56):
        if mine[:cut] + yours[cut:] not in (mine, yours):
            assert read_token([KEY], mine[:cut] + yours[cut:], 0) is None


def test_ends_beyond_four_bytes_are_cut() -> None:
    for asked, kept in ((2**40, 2**32 - 1), (-5, 0)):
        token = make_token(KEY, CASE, "jane", asked)
        assert read_token([KEY], token, -1) == Grant(CASE, mark_of("jane"), kept)


def test_a_case_id_reads_the_same_with_and_without_dashes() -> None:
    assert make_token(KEY, CASE.replace("-", ""), "jane", 10) == make_token(KEY, CASE, "jane", 10)
