"""The plugin as the host sees it."""

import asyncio

from addispatch_plugins.modbus_server import plugin
from addispatch_plugins.modbus_server import server as module


async def test_it_says_where_it_listens_and_to_how_many(serve):
    async with serve() as running:
        client = await running.client()
        await client.ask("04 0000 0001")
        assert running.instance.status_line() == f"listening on 127.0.0.1:{running.port}, 1 connections"
        (finding,) = await running.instance.examine()
        assert (finding.problem, finding.detail) == ("", running.instance.status_line())
    assert await client.is_closed()


async def test_a_port_that_cannot_be_had_is_a_finding(context, serve, monkeypatch):
    async with serve() as running:
        second = plugin.create(plugin.config(listen=f"127.0.0.1:{running.port}"), context)
        (finding,) = await second.examine()
        assert finding.detail == f"will listen on 127.0.0.1:{running.port}"
        monkeypatch.setattr(module, "AGAIN_S", 30)
        await second.start()
        await context.condition_changes.wait_for(lambda change: "already in use" in change[1])
        (finding,) = await second.examine()
        assert "Address already in use" in finding.problem
        assert "ss -ltnp" in finding.advice
        assert second.status_line() == finding.problem
        await second.stop()


async def test_a_trial_takes_no_port(context):
    context.is_trial = True
    instance = plugin.create(plugin.config(), context)
    await instance.start()
    await asyncio.sleep(0)  # its task would have begun
    assert context._supervisor._tasks == {}
    assert instance.status_line() == "not listening on 127.0.0.1:1502"
    await instance.stop()


async def test_an_orderly_stop_is_no_failure(context, serve):
    async with serve() as running:
        task = context._supervisor._tasks["server"]
        await running.instance.stop()
        await asyncio.wait([task], timeout=3)
        assert task.done()
        assert not task.cancelled()  # the host would take it for a task that was cancelled from inside
