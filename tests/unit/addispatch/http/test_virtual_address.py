from __future__ import annotations

import pytest

API = "/api/v1/virtual-address"


@pytest.mark.parametrize("address", ["10.0.0.100", "fd00::100"])
async def test_keepalived_tells_where_the_address_is(local, running, address):
    answer = await local.post(f"{API}/{address}?is_here=true")
    assert (answer.status_code, answer.json()) == (200, {"address": address, "is_here": True, "changed": True})
    assert running.operations.calls == [("virtual_address", address, True)]


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/10.0.0.100", 422, "is_here"),
        ("/10.0.0.100?is_here=x", 422, "is_here"),
        ("/plant?is_here=true", 404, "address"),
    ],
)
async def test_what_is_wrong_is_named(local, path, status, field):
    answer = await local.post(f"{API}{path}")
    assert (answer.status_code, answer.json()["field"]) == (status, field)


async def test_strangers_may_not(remote):
    assert (await remote.post(f"{API}/10.0.0.100?is_here=true")).status_code == 401
