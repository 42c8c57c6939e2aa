"""Codes: their grammar, and that one is always found."""

from __future__ import annotations

import random
import re

from hypothesis import given
from hypothesis import strategies as st

from addispatch.domain.codes import FIRST_LETTERS, new_code

GRAMMAR = re.compile(r"[A-HJ-NP-Z]{1,2}[0-9]{3,5}")


@given(st.randoms(use_true_random=False), st.sampled_from([0, 1]))
def test_a_code_keeps_the_grammar_and_the_nodes_letters(source, rank):
    code = new_code(source.randrange, lambda _code: False, rank=rank)
    assert re.fullmatch(r"[A-HJ-NP-Z][0-9]{3}", code)
    assert code[0] in FIRST_LETTERS[rank]


def test_two_nodes_never_share_a_letter():
    assert not set(FIRST_LETTERS[0]) & set(FIRST_LETTERS[1])


def test_codes_grow_when_they_run_out():
    source = random.Random(1)
    used: set[str] = set()
    for _ in range(20_000):
        code = new_code(source.randrange, used.__contains__)
        assert code not in used
        assert GRAMMAR.fullmatch(code)
        used.add(code)
    assert max(map(len, used)) > 4
