"""Identifiers: valid UUIDs, ordered or derived."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from addispatch.domain.ids import alarm_id, case_id, entry_id, ordered_id

bits = st.integers(0, 2**74 - 1)


@given(st.integers(0, 2**48 - 1), bits)
def test_an_ordered_id_is_a_uuid_of_version_7_with_its_time(now_ms, random_bits):
    parsed = uuid.UUID(ordered_id(now_ms, random_bits))
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == now_ms
    assert str(parsed) == ordered_id(now_ms, random_bits)


@given(st.integers(0, 2**47), bits, bits)
def test_a_later_id_sorts_behind(now_ms, one, two):
    assert ordered_id(now_ms, one) < ordered_id(now_ms + 1, two)


def test_derived_ids_are_the_same_everywhere_and_differ_by_each_part():
    assert entry_id("group", "ops") == entry_id("group", "ops")
    assert len({entry_id("group", "ops"), entry_id("group", "op"), entry_id("route", "ops")}) == 3
    assert uuid.UUID(entry_id("group", "ops")).version == 5
    assert alarm_id("plc", "17") == alarm_id("plc", "17")
    assert len({alarm_id("plc", "17"), alarm_id("plc", "18"), alarm_id("plc1", "7"), case_id("plc", "17")}) == 4


@given(st.text(st.characters(codec="utf-8"), max_size=20), st.text(st.characters(codec="utf-8"), max_size=20))
def test_a_derived_id_is_what_the_standard_library_makes(source, source_id):
    namespace = uuid.UUID("0b6f3c9e-7f1d-5a6f-8f0e-2f7b1d7c1e01")
    assert alarm_id(source, source_id) == str(uuid.uuid5(namespace, f"{source}\x00{source_id}"))
