"""Policies as they are frozen into cases: read back as they were, also those of a newer or older version."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from strategies import policies

from addispatch.domain.policy import EXEMPT_KEYWORDS, FOOTNOTE, NO_POLICY, Level, Policy, PolicyKind, read_policy


def frozen(policy: Policy) -> str:
    """As ``pipeline.open`` writes it."""
    return orjson.dumps(policy).decode()


@given(policies)
def test_a_frozen_policy_reads_back_as_it_was(policy):
    found = read_policy(frozen(policy))
    assert found == policy
    assert isinstance(found.kind, PolicyKind), "and not just its word"
    assert hash(found) == hash(policy), "nothing in it is a list"


def test_no_policy_has_the_usual_options():
    assert read_policy("") is NO_POLICY
    assert read_policy("{}") == Policy(id="", name="")
    assert (NO_POLICY.footnote, NO_POLICY.exempt_keywords) == (FOOTNOTE, EXEMPT_KEYWORDS)
    assert not NO_POLICY.is_recall
    assert NO_POLICY.notify_contacted


def test_keys_of_a_newer_version_are_left_out_and_those_an_older_one_lacks_have_their_default():
    text = '{"name":"p","kind":"recall","shines":true,"levels":[{"to":["jane"],"sings":1},{"call":["adam"]}]}'
    found = read_policy(text)
    assert (found.id, found.name, found.is_recall, found.max_send_wait_s) == ("", "p", True, 120)
    assert found.levels == (Level(after_minutes=15, to=("jane",)), Level(after_minutes=15, call=("adam",)))


@pytest.mark.parametrize(
    ("level", "is_empty"),
    [
        (Level(), True),
        (Level(after_minutes=1), True),
        (Level(to=("a",)), False),
        (Level(call=("a",)), False),
        (Level(resend=True), False),
    ],
)
def test_a_level_is_empty_when_it_asks_nobody(level, is_empty):
    assert level.is_empty == is_empty
