"""Tokens: what was signed is read back; anything else, altered by one character or late by one second, is nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import uuid

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import addispatch.domain.token as token_module
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


@pytest.mark.parametrize("keys", [[], [KEY], [OTHER], [KEY, OTHER], [OTHER, KEY]])
def test_whatever_is_wrong_costs_the_same_work(monkeypatch: pytest.MonkeyPatch, keys: list[bytes]) -> None:
    """Counted, not timed: a seal for each key, compared in constant time, over as many bytes."""
    sealed: list[tuple[bytes, int]] = []
    seal = token_module._seal
    monkeypatch.setattr(token_module, "_seal", lambda key, body: (sealed.append((key, len(body))), seal(key, body))[1])
    good = seal_of("jane", 10)
    work = []
    for text in (good, seal_of("jane", 0), good[:-1] + "_", good[:-1], "", "é" * 56, "A" * 56, seal_of("adam", 10)):
        sealed.clear()
        read_token(keys, text, 5)
        work.append(list(sealed))
    assert all(one == work[0] for one in work)
    assert len(work[0]) == max(len(keys), 1)


def seal_of(person: str, ends_at_s: int) -> str:
    raw = uuid.UUID(CASE).bytes + mark_of(person) + ends_at_s.to_bytes(4, "big")
    return base64.urlsafe_b64encode(raw + hmac.new(KEY, raw, hashlib.sha256).digest()[:16]).decode()


def test_the_form_of_a_token_does_not_change() -> None:
    """Links are out on phones when a new version comes: case, mark, end and half an HMAC-SHA256, in base64url."""
    assert make_token(KEY, CASE, "jane", 10) == seal_of("jane", 10)


def test_ends_beyond_four_bytes_are_cut() -> None:
    for asked, kept in ((2**40, 2**32 - 1), (-5, 0)):
        token = make_token(KEY, CASE, "jane", asked)
        assert read_token([KEY], token, -1) == Grant(CASE, mark_of("jane"), kept)


def test_a_case_id_reads_the_same_with_and_without_dashes() -> None:
    assert make_token(KEY, CASE.replace("-", ""), "jane", 10) == make_token(KEY, CASE, "jane", 10)
