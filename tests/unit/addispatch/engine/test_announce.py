"""What a start leaves in the event log."""

from __future__ import annotations

import asyncio

from pipelines import ADMIN

from addispatch.engine import announce


async def lines(node, kind):
    await node.ledger.submit(lambda _transaction: None)  # what was said before is committed then
    return [e["text"] for e in (await node.operations.events(ADMIN, limit=100))["events"] if e["kind"] == kind]


async def test_version_node_plugins_and_people_are_in_the_log(running):
    found = await lines(running, "Start")
    assert found[-1].startswith("Engine initialized. [Build ")
    assert "Plugins: log" in found
    assert any("recipients: 1, groups: 1, policies: 0, routes: 1, monitors: 0;" in line for line in found)


async def test_without_modems_it_says_so(running):
    assert await lines(running, "ServiceStarted") == ["Service Started with no modems enabled!"]


async def test_it_waits_until_the_modems_are_up(running, monkeypatch):
    sim1 = {"name": "sim1", "state": "probing", "error": ""}
    sim2 = {"name": "sim2", "state": "broken", "error": "no SIM card"}
    monkeypatch.setattr(running.host, "modems", lambda: [sim1, sim2])
    saying = asyncio.get_running_loop().create_task(announce.modems(running))
    await asyncio.sleep(0)
    assert not saying.done()
    sim1["state"] = "online"
    await saying
    assert "Service Started! Modems initialized successfully - sim1" in await lines(running, "ServiceStarted")


async def test_when_none_works_it_is_the_banner(running, monkeypatch):
    monkeypatch.setattr(
        running.host, "modems", lambda: [{"name": "sim1", "state": "absent", "error": "there is no such port"}]
    )
    await announce.modems(running)
    told = await lines(running, "ServiceStarted")
    assert "Service Started. No working modem found. sim1: there is no such port" in told
