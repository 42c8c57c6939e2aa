from __future__ import annotations


async def test_an_admin_has_a_new_key_made(local, running):
    answer = await local.post("/api/v1/link-key/rotate")
    assert (answer.status_code, answer.json()) == (200, {"keys_count": 2})
    assert running.operations.calls == [("link_key_rotate",)]
    assert (await local.get("/api/v1/link-key/rotate")).status_code == 405


async def test_others_may_not(remote):
    assert (await remote.post("/api/v1/link-key/rotate")).status_code == 401
    viewer = {"authorization": "Bearer looking-only"}
    answer = await remote.post("/api/v1/link-key/rotate", headers=viewer)
    assert (answer.status_code, answer.json()["field"]) == (403, "role")
