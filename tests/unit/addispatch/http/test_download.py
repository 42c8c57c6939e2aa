from __future__ import annotations

import pytest

from addispatch.http import download


async def test_the_event_log_is_a_text_file_newest_first_in_the_node_s_time(local, running):
    running.operations.add_event("No working\nmodem \x1b[2J found.", "severe")
    answer = await local.get("/api/v1/events.txt?limit=2")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="addispatch-events.log"'
    assert answer.headers["addispatch-timezone"] == "Asia/Singapore"
    assert answer.text.splitlines() == [
        "2026.11.23 13:55:04:123 [!!!] No working modem \ufffd[2J found.",
        "2026.11.23 13:55:03:123 something happened",
    ]


async def test_it_goes_on_page_by_page_until_the_limit(local, running, monkeypatch):
    monkeypatch.setattr(download, "_PAGE", 3)
    for number in range(7):
        running.operations.add_event(f"event {number}")
    lines = (await local.get("/api/v1/events.txt?limit=8")).text.splitlines()
    assert [line.split(maxsplit=2)[2] for line in lines] == [
        *(f"event {number}" for number in reversed(range(7))), "something happened",
    ]  # fmt: skip
    assert [call[1:3] for call in running.operations.calls] == [(3, None), (3, "8"), (2, "5")]
    assert len((await local.get("/api/v1/events.txt")).text.splitlines()) == 10


async def test_what_was_stored_late_is_where_it_happened(local, running, monkeypatch):
    monkeypatch.setattr(download, "_PAGE", 3)
    for number in range(7):
        running.operations.add_event(f"event {number}")
    late = running.operations.log[3]
    late["at"] = "2026-11-23T00:00:00.000Z"
    lines = (await local.get("/api/v1/events.txt?limit=8")).text.splitlines()
    times = [line.split()[1] for line in lines]
    assert times == sorted(times, reverse=True)
    assert lines[-1].endswith(late["text"])


@pytest.mark.parametrize("limit", ["0", "100001", "many"])
async def test_limits_are_checked(local, limit):
    answer = await local.get(f"/api/v1/events.txt?limit={limit}")
    assert (answer.status_code, answer.json()["field"]) == (422, "limit")


async def test_a_refusal_is_told_as_such(local, running):
    running.operations.failure = running.store_error
    assert (await local.get("/api/v1/events.txt")).status_code == 503


async def test_it_needs_a_token_from_outside(remote):
    assert (await remote.get("/api/v1/events.txt")).status_code == 401
