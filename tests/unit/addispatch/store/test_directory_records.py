"""References are found wherever they stand, and written back as names."""

from __future__ import annotations

from addispatch.store.directory_models import STORED
from addispatch.store.directory_records import (
    REFERENCES,
    Record,
    empty_tables,
    namespace,
    references,
    to_document,
    users_of,
    with_references,
)


def test_every_table_says_what_it_refers_to() -> None:
    assert set(REFERENCES) == set(STORED)


def test_references_get_replaced_taken_out_and_their_paths_told() -> None:
    body = {"name": "p", "level": [{"to": ["a", "b"]}, {"call": ["a"], "resend": True}]}
    seen = []

    def replace(reference: str, kinds: tuple[str, ...], path: str) -> str | None:
        seen.append((reference, kinds, path))
        return None if reference == "b" else reference.upper()

    assert with_references("policy", body, replace, "policy[3]") == {
        "name": "p",
        "level": [{"to": ["A"]}, {"call": ["A"], "resend": True}],
    }
    both = ("recipient", "group")
    assert seen == [
        ("a", both, "policy[3].level[0].to[0]"),
        ("b", both, "policy[3].level[0].to[1]"),
        ("a", both, "policy[3].level[1].call[0]"),
    ]
    assert body["level"][0] == {"to": ["a", "b"]}
    assert with_references("group", {"name": "g", "policy": "b"}, replace) == {"name": "g"}


def test_users_of_a_record() -> None:
    tables = empty_tables()
    tables["recipient"]["1"] = Record("1", {"name": "Adam"})
    tables["group"]["2"] = Record("2", {"name": "Ops", "members": ["1"]})
    tables["route"]["3"] = Record("3", {"name": "r", "to": ["2", "1"]})
    tables["settings"]["settings"] = Record("settings", {"system_alert_to": ["2"]})
    assert list(users_of(tables, "1")) == ["group 'Ops'", "route 'r'"]
    assert list(users_of(tables, "2")) == ["the settings", "route 'r'"]
    assert list(users_of(tables, "3")) == []
    assert references("route", tables["route"]["3"].body) == {"1", "2"}
    assert to_document(tables) == {
        "settings": {"system_alert_to": ["Ops"]},
        "recipient": [{"name": "Adam"}],
        "group": [{"name": "Ops", "members": ["Adam"]}],
        "route": [{"name": "r", "to": ["Ops", "Adam"]}],
    }


def test_an_empty_directory_is_an_empty_document() -> None:
    tables = empty_tables()
    assert to_document(tables) == {}
    tables["settings"]["settings"] = Record("settings", {})
    assert to_document(tables) == {}


def test_recipients_and_groups_share_their_names() -> None:
    assert namespace("recipient") == namespace("group") == ("recipient", "group")
    assert namespace("route") == ("route",)
