"""Rows hold all of a case: whatever two nodes could know of one survives writing and reading."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import new_case, new_delivery, open_ledger
from strategies import cases, heads

from addispatch.domain.case import Case, CloseReason, Closing, Fact, Head, Note
from addispatch.domain.case_state import state_of
from addispatch.domain.delivery import Kind
from addispatch.store import schema
from addispatch.store.rows import (
    case_row,
    delivery_row,
    extra_json,
    options_json,
    pack_id,
    read_case,
    unpack_id,
)

ALARM = "0190b0f2-1111-7222-8333-444455556666"


def rows_of(case: Case, code=None):
    """Write and read by column names, as the ledger does."""
    row = dict(zip([c.name for c in schema.cases.columns], case_row(7, case, code, state_of(case), 1000), strict=True))
    row["extra"] = extra_json(case)  # case_row writes what a new case can have; joins write the rest
    names = [c.name for c in schema.deliveries.columns]
    parts = []
    for number, (key, state) in enumerate(case.deliveries.items()):
        new = new_delivery(key=key, state=state)
        parts.append(dict(zip(names, delivery_row(number, 7, new, 1000), strict=True)))
    return row, parts


@given(cases, heads)
def test_a_case_survives_writing_and_reading(case, head):
    full = case._replace(id=ALARM, head=head._replace(alarm_id=ALARM))
    assert read_case(*rows_of(full)) == full


def test_notes_of_an_older_version_have_no_name():
    case = Case(id=ALARM, head=new_case([]).head._replace(alarm_id=ALARM))
    row, parts = rows_of(case)
    row["extra"] = '{"acks":[[5,"adam","sms","on my way"]],"closings":[[7,"operator",""]]}'
    found = read_case(row, parts)
    assert found.acks == {Note(5, "adam", "sms", "on my way", "")}
    assert found.closings == {Closing(7, CloseReason.OPERATOR)}


@pytest.mark.parametrize("field", ["policy", "body", "subject", "exempt"])
def test_each_rare_part_of_a_head_is_kept_by_itself(field):
    head = new_case([]).head._replace(alarm_id=ALARM, **{field: "{}"})
    assert options_json(head)
    assert read_case(*rows_of(Case(id=ALARM, head=head))).head == head


def test_when_the_next_step_is_due_and_what_a_delivery_is_for():
    names = [c.name for c in schema.cases.columns]
    case = Case(id=ALARM, head=new_case([]).head._replace(alarm_id=ALARM, policy="{}"))
    row = dict(zip(names, case_row(7, case, "A123", state_of(case), 1000, 77), strict=True))
    assert row["next_at_ms"] == 77
    names = [c.name for c in schema.deliveries.columns]
    row = dict(zip(names, delivery_row(1, 7, new_delivery(kind=Kind.NOTICE), 1000), strict=True))
    assert (row["kind"], row["queued_at_ms"]) == (2, 1000)


@given(st.uuids())
def test_ids_are_sixteen_bytes(ident: uuid.UUID):
    assert len(pack_id(str(ident))) == 16
    assert unpack_id(pack_id(str(ident))) == str(ident)
    assert pack_id(ident.hex) == pack_id(str(ident))


def test_what_is_not_set_costs_nothing():
    case = new_case([new_delivery()])
    assert options_json(case.head) == ""
    assert extra_json(case) is None


def test_what_a_policy_says_is_stored_with_the_case():
    head = new_case([]).head._replace(alarm_id=ALARM, policy='{"name":"p"}', close_on_clear=False, close_after_s=60.0)
    case = Case(id=ALARM, head=head)
    assert read_case(*rows_of(case)) == case


def test_the_columns_queries_look_at():
    head = Head(
        alarm_id=ALARM, audience_id="ops", audience="Ops", source="mqtt", text="hot", opened_at_ms=5000, key="k",
        ack_required=True, close_after_s=10.0,
    )  # fmt: skip
    case = Case(id=ALARM, head=head, codes=frozenset({"A123"}))
    row, _ = rows_of(case, "A123")
    assert (row["code"], row["state"], row["reason"], row["closed_at_ms"]) == ("A123", "open", None, None)
    assert (row["close_at_ms"], row["priority"], row["key"]) == (15_000, 2, "k")
    without = Case(id=ALARM, head=head._replace(ack_required=False))
    row, _ = rows_of(without)
    assert row["close_at_ms"] is None


@settings(max_examples=25, deadline=None)
@given(cases, heads)
async def test_the_ledger_gives_back_what_was_joined(tmp_path_factory, case, head):
    """Through the real tables: open with the head, join everything else, forget the cache, read."""
    folder = tmp_path_factory.mktemp("ledger")
    head = head._replace(alarm_id=ALARM)
    parts = [new_delivery(key=key) for key in case.deliveries]
    opened = Case(id=ALARM, head=head, deliveries={p.key: p.state for p in parts})
    delta = case._replace(id=ALARM, head=None)
    async with open_ledger(folder) as ledger:
        await ledger.submit(lambda tx: tx.join(tx.open_case(opened, None, parts, 1000), delta, 2000))
        expected = (await ledger.submit(lambda tx: tx.entry(1))).case
    async with open_ledger(folder) as ledger:
        entry = await ledger.submit(lambda tx: tx.entry(1))
    assert entry.case == expected
    assert entry.state == state_of(expected)


def test_a_delivery_whose_way_cannot_work_is_final_at_once():
    queued = new_delivery()
    assert queued.unless("") is queued
    failed = queued.unless("no plugin")
    assert (failed.state.fact, failed.due_at_ms, failed.error) == (Fact.FAILED, None, "no plugin")
