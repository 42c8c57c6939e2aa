from __future__ import annotations


async def test_the_openapi_document_describes_the_api_without_a_cdn(remote):
    answer = await remote.get("/api/openapi.json")
    document = answer.json()
    assert {"/api/v1/alarms", "/api/v1/events/stream", "/api/v1/directory/{table}/{name}", "/readyz"} <= set(
        document["paths"]
    )
    alarm = document["paths"]["/api/v1/alarms"]["post"]
    assert "text" in alarm["requestBody"]["content"]["application/json"]["schema"]["required"]
    assert set(alarm["responses"]["422"]["content"]["application/json"]["schema"]["properties"]) == {"error", "field"}
    assert (await remote.get("/docs")).status_code == 401


async def test_a_trailing_slash_is_no_redirect(local):
    assert (await local.get("/api/v1/status/")).status_code == 404
