from __future__ import annotations

PATH = "/api/v1/tokens"


async def test_tokens_are_made_listed_and_removed(local):
    made = await local.post(PATH, json={"name": "grafana", "role": "viewer"})
    assert (made.status_code, made.json()["token"]) == (201, "adt_secret")
    assert (await local.get(PATH)).json()["tokens"][0]["name"] == "grafana"
    assert (await local.delete(f"{PATH}/grafana")).status_code == 200
    assert (await local.delete(f"{PATH}/nobody")).status_code == 404


async def test_a_wrong_role_is_a_wrong_value_and_no_missing_right(local, running):
    for body, field in (({"name": "x", "role": "king"}, "role"), ({"name": "x", "role": []}, "role"), ({}, "name")):
        answer = await local.post(PATH, json=body)
        assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert running.operations.calls == []
