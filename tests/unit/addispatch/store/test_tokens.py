"""API tokens: shown once, kept as hashes, gone at once when removed."""

from __future__ import annotations

import pytest

from addispatch.domain.errors import Refused
from addispatch.sdk.operations import Actor, Role
from addispatch.store.tokens import Tokens


@pytest.fixture
def tokens(tmp_path):
    made = Tokens(tmp_path / "tokens.json")
    made.load()
    return made


def test_a_token_opens_with_its_role_also_after_a_restart(tokens, tmp_path):
    secret = tokens.add("scada", "operator")
    assert tokens.actor(secret) == Actor("scada", Role.OPERATOR, "token")
    again = Tokens(tmp_path / "tokens.json")
    again.load()
    assert again.actor(secret) == Actor("scada", Role.OPERATOR, "token")


def test_nothing_else_opens(tokens):
    secret = tokens.add("scada", "viewer")
    for wrong in ("", "x", secret[:-1], secret + "x", secret.upper()):
        assert tokens.actor(wrong) is None


def test_the_secret_is_on_no_disk(tokens, tmp_path):
    secret = tokens.add("scada", "viewer")
    for file in tmp_path.iterdir():
        assert secret.encode() not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0
    assert [set(row) for row in tokens.names()] == [{"name", "role", "created_at"}]


def test_a_removed_token_opens_no_more(tokens):
    secret, other = tokens.add("one", "admin"), tokens.add("two", "admin")
    tokens.remove("one")
    assert tokens.actor(secret) is None
    assert tokens.actor(other) is not None


@pytest.mark.parametrize(
    ("name", "role", "field"),
    [("", "viewer", "name"), ("a\nb", "viewer", "name"), ("x" * 65, "viewer", "name"), ("ok", "root", "role")],
)
def test_a_mistake_is_refused_by_its_field(tokens, name, role, field):
    with pytest.raises(Refused) as refused:
        tokens.add(name, role)
    assert refused.value.field == field
    assert tokens.names() == []


def test_names_are_unique_and_must_exist(tokens):
    tokens.add("scada", "viewer")
    with pytest.raises(Refused, match="already"):
        tokens.add("scada", "viewer")
    with pytest.raises(Refused, match="no token"):
        tokens.remove("other")
