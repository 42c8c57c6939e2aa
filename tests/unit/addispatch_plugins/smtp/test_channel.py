"""EmailChannel: which server a mail goes by."""

from __future__ import annotations

import asyncio

import pytest

from addispatch.sdk import InDoubt, Sent, Temporary
from addispatch.sdk.testing import make_delivery
from addispatch.simulator.mailsink import Fault, MailSink, Stage


def to(**changes):
    return make_delivery("email", "adam@example.com", **changes)


@pytest.fixture
async def second():
    async with MailSink() as sink:
        yield sink


@pytest.fixture
async def channel(start, sink, second, table):
    servers = {"primary": table(sink, connections=2, timeout_s=5), "secondary": table(second, connections=8)}
    return (await start(**servers)).channels[0]


async def test_the_primary_is_preferred(channel, sink, second):
    assert (await channel.send(to())).by == "primary"
    assert (channel.window, len(sink.mails), len(second.mails)) == (8, 1, 0)


async def test_the_one_that_failed_last_is_avoided(channel, second):
    assert (await channel.send(to(avoid="primary"))).by == "secondary"
    assert (await channel.send(to(avoid="secondary"))).by == "primary"


async def test_a_dead_primary_hands_over_and_takes_back(channel, sink, second, context):
    await sink.stop()
    receipt = await channel.send(to())
    assert isinstance(receipt, Temporary)
    event = await context.wait_for_event("mail server primary in trouble")
    assert (event.severity, event.text.rpartition("; ")[2]) == ("warning", "mail goes by secondary")
    problem = context.conditions[f"smtp 127.0.0.1:{sink.port}"]
    assert problem.startswith("mail server primary not available: 127.0.0.1:")
    assert problem.endswith("; mail goes by secondary")
    assert channel.window == 8
    assert channel.health.up
    assert channel.health.reason.startswith("primary: ")
    assert (await channel.send(to(avoid=receipt.by))).by == "secondary"
    assert (await channel.send(to())).by == "secondary"
    await sink.start()
    await context.wait_for_event("works again; mail goes by primary")
    assert not any(context.conditions.values())
    assert channel.window == 8
    assert (await channel.send(to())).by == "primary"


async def test_a_primary_that_swallows_mails_hands_over(channel, sink, second):
    sink.faults[Stage.DATA] = Fault.DROP
    receipt = await channel.send(to())
    assert isinstance(receipt, InDoubt)
    repeat = await channel.send(to(repeat=True, avoid=receipt.by))
    assert repeat.by == "secondary"


async def test_at_its_cap_the_primary_hands_over(start, sink, second, table, context):
    [channel] = (await start(primary=table(sink, daily_cap=5), secondary=table(second))).channels
    used = [(await channel.send(to())).by for _ in range(7)]
    assert used == ["primary"] * 5 + ["secondary"] * 2
    assert (await context.wait_for_event("4 of 5")).severity == "warning"


async def test_a_disabled_secondary_is_not_used(start, sink, second, table):
    [channel] = (await start(primary=table(sink), secondary=table(second, enabled=False))).channels
    await sink.stop()
    await channel.send(to())
    assert isinstance(await channel.send(to()), Temporary)
    assert second.connection_count == 0


async def test_stopped_it_sends_nothing(start, sink, table):
    instance = await start(primary=table(sink))
    [channel] = instance.channels
    assert isinstance(await channel.send(to()), Sent)
    await instance.stop()
    assert isinstance(await channel.send(to()), Temporary)
    assert channel.window == 0
    assert not channel.health.up


async def test_the_core_waits_a_little_longer_than_we_do(start, sink, table):
    [channel] = (await start(primary=table(sink, timeout_s=7), secondary=table(sink, timeout_s=20))).channels
    assert channel.deadline_s == 25


async def test_with_both_down_people_hear_that_mail_waits(channel, sink, second, context):
    await sink.stop()
    await channel.send(to())
    await second.stop()
    await channel.send(to())
    names = [f"smtp 127.0.0.1:{one.port}" for one in (sink, second)]
    assert [context.conditions[name].rpartition("; ")[2] for name in names] == ["mail waits", "mail waits"]


async def test_a_probe_that_gets_through_says_that_all_is_well(start, sink, table, context):
    """After a restart nobody else would tell that what the last process told is over."""
    await start(primary=table(sink))
    while "smtp 127.0.0.1" not in context.conditions:
        await asyncio.sleep(0.01)
    assert context.conditions == {"smtp 127.0.0.1": ""}
