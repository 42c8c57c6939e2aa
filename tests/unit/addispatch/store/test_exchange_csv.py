"""Recipients and groups through a spreadsheet: round trips, formulas, half tables, mistakes with their lines."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from addispatch.domain.errors import ConfigErrors
from addispatch.store.directory_fields import Checks
from addispatch.store.directory_models import MODELS
from addispatch.store.exchange_csv import COLUMNS, from_csv, to_csv

DOCUMENT = {
    "recipient": [
        {
            "name": "Adam", "sms": "+6591234567", "phone": "+442079460958", "email": ["a@b.c", "d@e.f"],
            "chat": ["x://y?a,b;c"], "language": "en", "department": 'Boiler, "east"', "enabled": False, "policy": "p",
            "channels": ["email", "sms"], "mode": "ladder", "step_after_s": 90.0,
        },
        {"name": "Jane"},
    ],
    "group": [{"name": "Ops", "members": ["Adam", "Jane"], "policy": "p"}, {"name": "Nobody"}],
}  # fmt: skip


def checked(table: str, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return entries as the directory would store them (numbers as text become numbers there)."""
    return [MODELS[table].model_validate(e).model_dump(mode="json", exclude_defaults=True) for e in entries]


def mistakes(text: str | bytes) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        from_csv(text if isinstance(text, bytes) else text.encode(), {})
    return [str(error) for error in caught.value.errors]


def test_the_columns_are_the_keys() -> None:
    for table, columns in COLUMNS.items():
        assert list(columns) == list(MODELS[table].model_fields)


@pytest.mark.parametrize("table", ["recipient", "group"])
def test_a_round_trip(table: str) -> None:
    read = from_csv(to_csv(DOCUMENT, table).encode(), {})
    assert read.table == table
    assert checked(table, read.document[table]) == DOCUMENT[table]
    assert from_csv(to_csv(DOCUMENT, table).encode(), DOCUMENT).document == read.document


field = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("'=+-@\"|,;\r\n\t"), min_size=1, max_size=12)


@given(st.text(st.sampled_from("ab'=+-@\",; \u00e9"), min_size=1, max_size=8), field)
def test_any_text_that_may_be_stored_survives(name: str, department: str) -> None:
    try:
        entry = {"name": name, "department": department.strip()}
        stored = MODELS["recipient"].model_validate(entry, context=Checks("SG")).model_dump(exclude_defaults=True)
    except ValidationError:
        return
    text = to_csv({"recipient": [stored]}, "recipient")
    assert from_csv(text.encode(), {}).document["recipient"] == [stored]


@given(st.lists(field, min_size=4, max_size=4))
def test_no_cell_begins_like_a_formula(values: list[str]) -> None:
    entry = dict(zip(("name", "department", "sms", "policy"), values, strict=True))
    for row in csv.reader(
        io.StringIO(to_csv({"recipient": [{**entry, "email": ["=x", "@y"]}]}, "recipient"), newline="")
    ):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


@pytest.mark.parametrize(
    ("number", "read"),
    [
        ("'+6591234567", "+6591234567"),
        ("+6591234567", "+6591234567"),
        ("91234567", "91234567"),
        ("''+65", "'+65"),
        ("'t Hof", "'t Hof"),
    ],
)
def test_the_apostrophe_goes_as_it_came(number: str, read: str) -> None:
    assert from_csv(f"name,sms\nA,{number}\n".encode(), {}).document["recipient"][0]["sms"] == read


@pytest.mark.parametrize(
    "data",
    [
        b"name,sms,email\nAdam,91234567,a@b.c|d@e.f\n\n,,\nJane,,\n",
        b"\xef\xbb\xbfName;SMS;Email\r\nAdam;91234567; a@b.c | d@e.f |\r\n Jane\r\n",
        b'"name"\t"sms"\t"email"\n"Adam"\t"91234567"\t"a@b.c|d@e.f"\nJane\t\t',
        b"email,name,sms\r\na@b.c|d@e.f,Adam,91234567\r\n,Jane,\r\n",
    ],
)
def test_what_spreadsheets_write(data: bytes) -> None:
    assert from_csv(data, {}).document == {
        "recipient": [{"sms": "91234567", "email": ["a@b.c", "d@e.f"], "name": "Adam"}, {"name": "Jane"}]
    }


def test_columns_that_are_not_there_keep_their_values_and_empty_cells_empty_them() -> None:
    read = from_csv(b"name,sms,department\nADAM,,East\nNew,91112222,\n", DOCUMENT).document["recipient"]
    assert read[0] == {
        **{k: v for k, v in DOCUMENT["recipient"][0].items() if k != "sms"},
        "name": "ADAM",
        "department": "East",
    }
    assert read[1] == {"name": "New", "sms": "91112222"}


@pytest.mark.parametrize(
    ("cell", "value"), [("yes", True), ("TRUE", True), ("1", True), ("No", False), ("false", False), ("0", False)]
)
def test_switches(cell: str, value: bool) -> None:
    assert from_csv(f"name,enabled\nA,{cell}\n".encode(), {}).document["recipient"][0]["enabled"] is value


def test_mistakes_have_lines() -> None:
    assert mistakes('name,enabled\nA,maybe\n"B\nC",yes\nD,no,x\nE,perhaps\n') == [
        "line 2: enabled: 'maybe' is neither yes nor no",
        "line 5: 3 cells, but the header has 2",
        "line 6: enabled: 'perhaps' is neither yes nor no",
    ]
    assert mistakes("name,fone,name\nA,1,B\n") == [
        "line 1: unknown column 'fone' (did you mean \"phone\"?)",
        "line 1: column 'name' is there twice",
    ]
    assert mistakes("sms\n1\n") == ["line 1: has no column 'name' (the first line must name the columns)"]
    assert "line 2: is no valid CSV" in mistakes('name\n"A"x"\n')[0]
    assert "line 2: is no valid CSV" in mistakes("name\n" + "x" * 200_000)[0]
    assert "not UTF-8" in mistakes("name\nJosé".encode("latin-1"))[0]
    assert "not UTF-8" in mistakes("name\nA".encode("utf-16"))[0]
    assert mistakes("")
    assert mistakes("\n\n")


def test_paths_of_later_mistakes_become_lines() -> None:
    read = from_csv(b'name,department\nA,"x\ny"\n\nB,z\n', {})
    assert read.lines == (2, 5)
    assert read.place("recipient[1].email[0]") == "line 5: email[0]"
    assert read.place("recipient[0]") == "line 2: entry"
    assert read.place("settings.x") == "settings.x"
    assert from_csv(b"name,members\nG,A|B\n", {}).place("group[0].members[1]") == "line 2: members[1]"
