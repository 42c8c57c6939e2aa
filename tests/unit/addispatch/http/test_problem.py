from __future__ import annotations

import pytest

from addispatch.http.problem import MAX_ERROR_CHARS, answer


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/api/v1/cases?limit=0", 422, "limit"),
        ("/api/v1/cases?limit=many", 422, "limit"),
        ("/api/v1/cases?limit=501", 422, "limit"),
        ("/api/v1/cases?state=sideways", 422, "state"),
        ("/api/v1/cases?cursor=" + "x" * 300, 422, "cursor"),
        ("/api/v1/events?after=-1", 422, "after"),
        ("/api/v1/events?after=99999999999999999999", 422, "after"),
        ("/api/v1/cases/none-such", 404, "id"),
        ("/api/v1/nowhere", 404, ""),
        ("/api/v1/cases/", 404, None),
        ("/", 404, ""),
    ],
)
async def test_bad_requests_are_json_with_the_field(local, path, status, field):
    reply = await local.get(path)
    assert reply.status_code == status
    assert set(reply.json()) == {"error", "field"}
    assert field is None or reply.json()["field"] == field


async def test_a_parameter_is_refused_in_the_words_of_the_configuration(local):
    for given, words in (("0", "at least 1"), ("501", "at most 500"), ("many", "a whole number")):
        assert (await local.get(f"/api/v1/cases?limit={given}")).json()["error"] == f"limit: must be {words}"


async def test_a_wrong_method_says_which_are_right(local):
    reply = await local.delete("/api/v1/alarms")
    assert reply.status_code == 405
    assert reply.headers["allow"] == "POST"
    assert "error" in reply.json()


async def test_a_store_that_cannot_write_is_503(local, running):
    running.operations.failure = running.store_error
    reply = await local.post("/api/v1/alarms", json={"text": "x"})
    assert (reply.status_code, reply.json()["error"]) == (503, "the disk is full")
    assert "retry-after" in reply.headers


def test_an_error_is_one_bearable_line():
    body = bytes(answer(400, "one\ntwo\r\n" + "x" * 2000 + "\ud800").body).decode()
    assert "\\n" not in body
    assert len(body) < MAX_ERROR_CHARS + 60
