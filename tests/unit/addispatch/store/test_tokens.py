"""API tokens: shown once, stored as hashes, gone at once when removed, and never lost."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from addispatch.domain.errors import Refused, StoreError
from addispatch.sdk.operations import Actor, Role
from addispatch.store import tokens as module
from addispatch.store.tokens import Tokens


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tokens.json"


@pytest.fixture
def tokens(path):
    found = Tokens(path, now=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    found.load()
    return found


def test_a_token_is_whose_it_is(tokens):
    secret = tokens.add("grafana", "viewer")
    assert secret.startswith("adt_")
    assert len(secret) > 40
    assert tokens.actor(secret) == Actor("grafana", Role.VIEWER, "token")
    for wrong in ("", "adt_", secret[:-1], secret.upper(), "grafana"):
        assert tokens.actor(wrong) is None


def test_it_is_there_after_a_restart_and_its_secret_is_nowhere(tokens, path):
    secret = tokens.add("grafana", "operator")
    assert secret not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    again = Tokens(path)
    again.load()
    assert again.actor(secret) == Actor("grafana", Role.OPERATOR, "token")
    assert again.names() == [{"name": "grafana", "role": "operator", "created_at": "2026-01-02T03:04:05+00:00"}]


def test_two_are_two(tokens):
    first, second = tokens.add("a", "viewer"), tokens.add("b", "admin")
    assert (tokens.actor(first).name, tokens.actor(second).name) == ("a", "b")


def test_removed_is_gone_at_once(tokens, path):
    secret = tokens.add("grafana", "viewer")
    tokens.remove("grafana")
    assert tokens.actor(secret) is None
    again = Tokens(path)
    again.load()
    assert again.names() == []


@pytest.mark.parametrize(
    ("name", "role", "words"),
    [
        ("", "viewer", "name: must be 1 to 64 visible characters"),
        ("x" * 65, "viewer", "name: must be"),
        ("a\nb", "viewer", "name: must be"),
        ("taken", "viewer", "there is a token 'taken' already"),
        ("new", "king", "role: must be one of admin, operator, viewer"),
    ],
)
def test_mistakes_are_named(tokens, name, role, words):
    tokens.add("taken", "viewer")
    with pytest.raises(Refused, match=words):
        tokens.add(name, role)
    assert len(tokens.names()) == 1


def test_removing_what_is_not_there(tokens):
    with pytest.raises(Refused, match="there is no token 'x'"):
        tokens.remove("x")


def test_there_is_a_limit(tokens, monkeypatch):
    monkeypatch.setattr(module, "MAX_COUNT", 2)
    tokens.add("a", "viewer")
    tokens.add("b", "viewer")
    with pytest.raises(Refused, match="there are 2 tokens"):
        tokens.add("c", "viewer")


def test_what_cannot_be_stored_is_not_valid(tokens, monkeypatch):
    def full(_data):
        raise StoreError("disk full")

    monkeypatch.setattr(tokens._storage, "write", full)
    with pytest.raises(StoreError):
        tokens.add("a", "viewer")
    assert tokens.names() == []


def test_a_damaged_file_falls_back_to_the_generation_before(tokens, path):
    first = tokens.add("a", "viewer")
    tokens.add("b", "viewer")
    path.write_text(path.read_text()[:-40])
    again = Tokens(path)
    again.load()
    assert again.actor(first) is not None
