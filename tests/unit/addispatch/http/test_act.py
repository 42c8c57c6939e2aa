"""Acting over HTTP: every request reaches its operation as it is, and a bad one is told which field is wrong."""

from __future__ import annotations

import pytest

CASE_ID = "0190b0f2-1111-5222-8333-444455556666"
API = "/api/v1"
ALL = (f"/cases/{CASE_ID}/ack", "/ack", "/pause", "/resume", "/cancel-pending", "/unlock")


async def test_codes_are_acknowledged(local, running):
    request = {"codes": ["A123", "B456"], "by": "Jane", "comment": "on my way"}
    answer = await local.post(f"{API}/ack", json=request)
    assert answer.status_code == 200
    assert answer.json() == {
        "cases": [{"id": CASE_ID, "code": code, "result": "acknowledged"} for code in ("A123", "B456")],
        "answer": "Thank you, Jane.",
    }
    assert running.operations.calls[-1] == ("acknowledge", request)


async def test_one_case_is_acknowledged_by_its_id(local, running):
    answer = await local.post(f"{API}/cases/{CASE_ID}/ack", json={"action": "decline"})
    assert answer.status_code == 200
    assert running.operations.calls[-1] == ("acknowledge", {"action": "decline", "case": CASE_ID})
    assert (await local.post(f"{API}/cases/{CASE_ID}/ack", json={})).status_code == 200


@pytest.mark.parametrize("field", ["case", "codes", "text"])
async def test_the_path_of_a_case_names_it_and_nothing_else_may(local, running, field):
    answer = await local.post(f"{API}/cases/{CASE_ID}/ack", json={field: "A123", "comment": "x"})
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert f"{field}: does not go here, the path names the case" in answer.json()["error"]
    assert running.operations.calls == []


@pytest.mark.parametrize("path", ["/pause", "/resume", "/cancel-pending", "/unlock"])
async def test_a_field_that_is_not_known_does_nothing(local, running, path):
    """``{"discrad": true}`` must not resume without discarding."""
    answer = await local.post(API + path, json={"address": "+6591234567", "discrad": True})
    assert answer.status_code == 422
    assert answer.json()["field"] in ("address", "discrad")
    assert f"{answer.json()['field']}: is not known here" in answer.json()["error"]
    assert running.operations.calls == []


async def test_what_is_refused_names_the_field(local):
    answer = await local.post(f"{API}/ack", json={"codes": ["Z999"]})
    assert (answer.status_code, answer.json()["field"]) == (422, "codes")
    assert "there is no case with the code Z999" in answer.json()["error"]


async def test_the_roll_call(local, running):
    answer = await local.get(f"{API}/roll-call/A123")
    assert answer.json()["recalls"][0]["counts"]["acked"] == 1
    assert running.operations.calls[-1] == ("roll_call", "A123")
    missing = await local.get(f"{API}/roll-call/Z999")
    assert missing.status_code in (404, 422)
    assert "there is no recall" in missing.json()["error"]


async def test_pause_resume_and_cancel(local, running):
    assert (await local.post(f"{API}/pause")).json() == {"paused": True, "changed": True}
    assert (await local.post(f"{API}/pause", json={})).json()["changed"] is False
    assert (await local.post(f"{API}/resume", json={})).json() == {"paused": False, "changed": True, "cancelled": 0}
    assert (await local.post(f"{API}/resume", json={"discard": True})).json()["cancelled"] == 3
    assert (await local.post(f"{API}/cancel-pending")).json() == {"cancelled": 3}
    assert running.operations.calls[-3:] == [("resume", False), ("resume", True), ("cancel_pending",)]
    assert (await local.post(f"{API}/cancel-pending", json={"close_cases": True})).json()["closed"] == 1
    assert running.operations.calls[-1] == ("cancel_pending", "close_cases")


@pytest.mark.parametrize("discard", ["yes", 1, None, [True]])
async def test_discard_is_true_or_false(local, running, discard):
    """``"false"`` must not cancel everything."""
    answer = await local.post(f"{API}/resume", json={"discard": discard})
    assert (answer.status_code, answer.json()["field"]) == (422, "discard")
    assert running.operations.calls == []


async def test_unlocking(local, running):
    assert (await local.post(f"{API}/unlock", json={"address": "+6591234567"})).json() == {"address": "+6591234567"}
    for body in ({}, {"address": 5}, {"address": None}):
        answer = await local.post(f"{API}/unlock", json=body)
        assert (answer.status_code, answer.json()["field"]) == (422, "address")
    assert (await local.post(f"{API}/unlock", json={"address": "+65"})).json()["field"] == "address"
    assert [call[0] for call in running.operations.calls] == ["unlock", "unlock"]


@pytest.mark.parametrize("path", ALL)
async def test_nobody_acts_without_a_token(remote, running, path):
    assert (await remote.post(API + path, json={})).status_code == 401
    assert (await remote.get(f"{API}/roll-call/A123")).status_code == 401
    assert running.operations.calls == []


@pytest.mark.parametrize("path", ALL)
@pytest.mark.parametrize("body", [b"[]", b"{", b"5", b"\xff"])
async def test_a_body_that_is_no_document(local, running, path, body):
    answer = await local.post(API + path, content=body, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"]
    assert running.operations.calls == []
