from __future__ import annotations

import pytest

CASE_ID = "0190b0f2-1111-5222-8333-444455556666"


async def test_an_alarm_is_taken_with_202(local, running):
    answer = await local.post("/api/v1/alarms", json={"text": "Pump 3 is hot", "to": ["Adam"]})
    assert answer.status_code == 202
    assert answer.json() == {"id": "a1", "cases": [{"id": CASE_ID, "code": "A123"}], "mirrored": False}
    assert running.operations.alarms == [{"text": "Pump 3 is hot", "to": ["Adam"]}]


@pytest.mark.parametrize(
    ("path", "call"),
    [
        ("/status", ("status",)),
        ("/cases", ("cases", None, 50, None)),
        ("/cases?state=open&limit=5&cursor=abc", ("cases", "open", 5, "abc")),
        (f"/cases/{CASE_ID}", ("case", CASE_ID)),
        ("/deliveries?state=queued", ("deliveries", "queued", 50, None)),
        ("/received?limit=3", ("received", 3, None)),
        ("/events", ("events", 50, None, None)),
        ("/events?after=2&limit=500", ("events", 500, None, 2)),
        ("/modems", ("modems",)),
        ("/plugins", ("plugins",)),
        ("/doctor", ("doctor",)),
        ("/directory", ("directory_export",)),
        ("/directory/recipient", ("directory_entries", "recipient")),
    ],
)
async def test_reading_passes_its_parameters_on(local, running, path, call):
    answer = await local.get("/api/v1" + path)
    assert answer.status_code == 200
    assert isinstance(answer.json(), dict)
    assert call in running.operations.calls


async def test_a_list_names_where_it_goes_on(local):
    answer = await local.get("/api/v1/cases")
    assert answer.json()["next"] == "more"
    assert answer.json()["cases"][0]["code"] == "A123"


async def test_why_hands_over_the_alarm_with_its_time(local, running):
    alarm = {"text": "hot", "topic": "plant/1", "at": "2026-11-23T03:00:00Z"}
    assert (await local.post("/api/v1/why", json=alarm)).status_code == 200
    assert running.operations.calls[-1] == ("why", alarm)


@pytest.mark.parametrize("method", ["post", "get"])
async def test_a_source_reports_in_the_way_it_can(local, running, method):
    answer = await getattr(local, method)("/api/v1/monitors/Backup%20of%20A%2FB/beat")
    assert (answer.status_code, answer.json()) == (200, {"name": "Backup of A/B"})
    assert running.operations.calls[-1] == ("monitor_beat", "Backup of A/B")
    answer = await getattr(local, method)("/api/v1/monitors/gone/beat")
    assert (answer.status_code, answer.json()["field"]) == (404, "name")
