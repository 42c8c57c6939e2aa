"""The pings of a node that is well, and the silence of one that is not."""

from __future__ import annotations

import asyncio

import pytest

from addispatch.domain.errors import StoreError
from addispatch_plugins.deadman import instance as module
from addispatch_plugins.deadman import plugin


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "START_S", 0)


async def arrived(service):
    assert await asyncio.to_thread(service.arrived.wait, 5)


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_node_that_is_well_pings(start, service, context):
    instance = await start()
    await arrived(service)
    await until(lambda: "pinged" in instance.status_line())
    assert context.conditions == {"dead-man ping": ""}
    assert [(one.subject, one.problem) for one in await instance.examine()] == [("dead-man ping", "")]
    assert context.events == []


@pytest.mark.parametrize("trouble", [{"reason": "the disk is full"}, {"error": StoreError("the disk is full")}])
async def test_a_node_that_is_not_is_silent_until_it_is(start, service, context, trouble):
    for name, value in trouble.items():
        setattr(context.operations, name, value)
    instance = await start()
    await context.wait_for_event("no dead-man pings while this node is not well: the disk is full")
    assert "silent" in instance.status_line()
    assert "the disk is full" in (await instance.examine())[0].problem
    assert service.paths == []
    context.operations.reason, context.operations.error = "", None
    await instance._beat()
    assert service.paths == ["/secret-id"]
    assert context.events[-1].text == "dead-man pings again"


async def test_a_standby_is_well(start, service, context):
    context.operations.reason, context.operations.standby = "Passive Slave (standby)", True
    instance = await start()
    await instance._beat()
    assert service.paths[0] == "/secret-id"


async def test_a_ledger_that_does_not_answer_is_not_well(start, service, context):
    context.operations.error = TimeoutError()
    await start()
    await context.wait_for_event("the ledger does not answer")
    assert service.paths == []


async def test_a_ping_that_fails_is_a_condition_until_one_gets_through(start, service, context):
    service.answer = lambda handler: handler.reply(500)
    instance = await start(grace_s=7)
    _, problem = await context.condition_changes.wait_for(lambda change: change[1])
    assert problem == "dead-man ping to 127.0.0.1 fails: answered 500"
    (finding,) = await instance.examine()
    assert (finding.problem, bool(finding.advice)) == ("127.0.0.1: answered 500", True)
    service.answer = lambda handler: handler.reply(200)
    await instance._beat()
    assert context.conditions == {"dead-man ping": ""}


async def test_nothing_shows_the_secret_address(start, service, context, caplog):
    service.answer = lambda handler: handler.reply(500)
    instance = await start()
    await context.condition_changes.wait_for(lambda change: change[1])
    shown = [
        instance.status_line(),
        str(await instance.examine()),
        caplog.text,
        str(context.conditions),
        repr(instance._config),
    ]
    assert "secret-id" not in " ".join([*shown, *(event.text for event in context.events)])


async def test_before_the_start_it_only_knocks(context, service):
    """A ping would say that a daemon lives which does not."""
    instance = plugin.create(plugin.config(url=service.url), context)
    assert (await instance.examine())[0].detail == "127.0.0.1 can be reached; no ping yet"
    service.close()
    assert (await instance.examine())[0].problem == "127.0.0.1: Connection refused"
    assert service.paths == []


async def test_a_trial_does_not_speak_for_the_daemon(start, service, context):
    context.is_trial = True
    instance = await start()
    assert "no ping yet" in instance.status_line()
    assert not await asyncio.to_thread(service.arrived.wait, 0.3)
