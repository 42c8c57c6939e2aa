"""Rows of mixed generations become a directory without dangling references, and every mend is told."""

from __future__ import annotations

from typing import Any

from addispatch.store.directory_records import Record
from addispatch.store.directory_repair import read_rows, to_row


def row(ident: str, **body: Any) -> dict[str, Any]:
    return to_row(Record(ident, body))


def test_fitting_rows_come_back_as_they_were() -> None:
    rows = {
        "recipient": [row("1", name="Adam", sms="+6591234567", policy="3")],
        "group": [{**row("2", name="Ops", members=["1"]), "provisioned": True}],
        "policy": [row("3", name="p", level=[{"after_minutes": 5.0, "to": ["2"]}])],
    }
    tables, notes, mended = read_rows(rows)
    assert (notes, mended) == ([], set())
    assert {table: [to_row(r) for r in tables[table].values()] for table in rows} == rows


def test_lost_references_are_taken_out() -> None:
    tables, notes, mended = read_rows(
        {
            "recipient": [row("1", name="Adam", policy="gone")],
            "group": [row("2", name="Ops", members=["gone", "1", "2"])],
            "policy": [
                row("3", name="p", level=[{"after_minutes": 5.0, "to": ["gone"]}, {"after_minutes": 9.0, "to": ["2"]}])
            ],
            "route": [row("4", name="half", to=["gone", "1"], template="gone"), row("5", name="lost", to=["gone"])],
            "settings": [row("settings", system_alert_to=["gone"])],
        }
    )
    assert tables["recipient"]["1"].body == {"name": "Adam"}
    assert tables["group"]["2"].body["members"] == ["1"], "a group is no member"
    assert tables["policy"]["3"].body["level"][1] == {"after_minutes": 9.0, "to": ["2"]}
    assert tables["route"]["4"].body == {"name": "half", "to": ["1"]}
    assert "5" not in tables["route"], "it would swallow alarms"
    assert mended == {"recipient", "group", "policy", "route", "settings"}
    assert "group 'Ops': members[0] names a lost recipient: taken out" in notes
    assert "route 'lost': nobody is left to tell: taken out" in notes
    assert len(notes) == 9


def test_twins_get_different_names() -> None:
    tables, notes, mended = read_rows(
        {
            "recipient": [row("1", name="Ops"), row("2", name="ops (2)")],
            "group": [row("3", name="OPS"), row("4", name="ops")],
            "policy": [row("5", name="Ops")],
        }
    )
    assert [r.name for r in tables["group"].values()] == ["OPS (3)", "ops (4)"]
    assert [r.name for r in tables["recipient"].values()] == ["Ops", "ops (2)"]
    assert mended == {"group"}
    assert len(notes) == 2


def test_unusable_rows_are_left_out_and_named() -> None:
    good = row("1", name="Adam")
    bad: list[Any] = [
        row("2", name="Eve", later="x"),
        row("3"),
        {"id": "4"},
        None,
        [],
        row("5", name="Bob", email=3),
        {**good, "body": 3},
    ]
    tables, notes, mended = read_rows({"recipient": [*bad, good], "group": [row("9", name="g", members=["1", "2"])]})
    assert list(tables["recipient"]) == ["1"]
    assert mended == {"recipient", "group"}
    assert notes[0].startswith("recipient 'Eve' cannot be used and is left out: ")
    assert len(notes) == len(bad) + 1


def test_what_later_rules_forbid_is_still_read() -> None:
    """A stricter version, or new phone metadata, must not take anybody out of the address book."""
    tables, notes, _ = read_rows({"recipient": [row("1", name="a@b", sms="+650000", email=["no mail"])]})
    assert notes == []
    assert tables["recipient"]["1"].body == {"name": "a@b", "sms": "+650000", "email": ["no mail"]}
