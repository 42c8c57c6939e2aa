from __future__ import annotations


async def test_entries_are_added_read_replaced_and_removed(local, running):
    jane = {"name": "Jane/2", "sms": "+6598765432"}
    assert (await local.post("/api/v1/directory/recipient", json=jane)).status_code == 200
    assert (await local.get("/api/v1/directory/recipient/jane%2F2")).json() == jane
    put = await local.put("/api/v1/directory/recipient/Bob", json={"sms": "91234567"})
    assert put.json() == {"sms": "91234567", "name": "Bob"}
    gone = await local.delete("/api/v1/directory/recipient/Bob")
    assert (gone.status_code, gone.json()) == (200, {"deleted": "Bob"})


async def test_a_whole_document_is_imported(local, running):
    document = {"recipient": [{"name": f"r{n}", "note": "x" * 300} for n in range(1000)]}
    answer = await local.post("/api/v1/directory/import", json=document)
    assert (answer.status_code, answer.json()) == (
        200,
        {"recipient": {"added": 1000, "changed": 0, "unchanged": 0}},
    )


async def test_all_mistakes_of_an_import_are_told_at_once(local):
    answer = await local.post("/api/v1/directory/import", json={"recipent": []})
    assert answer.status_code == 422
    assert answer.json()["field"] == "recipent"
    assert [e["field"] for e in answer.json()["errors"]] == ["recipent", "group[0].members"]


async def test_what_is_not_there_is_404_and_what_is_wrong_is_422(local):
    base = "/api/v1/directory"
    assert (await local.get(f"{base}/nonsense")).status_code == 404
    assert (await local.get(f"{base}/recipient/Nobody")).json()["field"] == "name"
    assert (await local.delete(f"{base}/recipient/Nobody")).status_code == 404
    assert (await local.delete(f"{base}/recipient/Used")).status_code == 422
    assert (await local.post(f"{base}/recipient", json={"sms": "1"})).status_code == 422
    renamed = await local.put(f"{base}/recipient/Adam", json={"name": "Eve"})
    assert (renamed.status_code, renamed.json()["field"]) == (422, "name")
