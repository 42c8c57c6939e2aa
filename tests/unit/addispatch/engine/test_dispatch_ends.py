"""Dispatch through crashes, a full disk and stops: nothing is lost, and what is in doubt is repeated once."""

from __future__ import annotations

import asyncio

import pytest
from channels import ScriptedChannel, open_sending
from pipelines import BrokenDisk, until

from addispatch.domain.alarm import Priority
from addispatch.domain.delivery import RetryRules
from addispatch.engine import dispatch as module


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "LEDGER_PAUSE_S", 0.02)


def states(deliveries):
    return [(d["text"], d["state"]) for d in deliveries]


async def crash_in_mid_send(folder, **options):
    channel = ScriptedChannel("log", 2)
    channel.gate.clear()
    async with open_sending(folder, channel, **options) as node:
        for text in ("a", "b", "c"):
            await node.accept(text)
        await until(lambda: channel.under_way == 2)
        await node.dispatcher.stop(0)  # like a crash: what was under way is not settled
    assert channel.ended == []


async def test_after_a_crash_what_was_under_way_is_repeated_once_and_marked(tmp_path):
    await crash_in_mid_send(tmp_path)
    channel = ScriptedChannel("log", 2)
    async with open_sending(tmp_path, channel) as node:
        await until(lambda: len(channel.ended) == 3)
        assert sorted(channel.texts) == ["(repeat) a", "(repeat) b", "c"]
        await node.quiet()
        assert [(d["state"], d["repeat"]) for d in await node.deliveries()] == [
            ("sent", True),
            ("sent", True),
            ("sent", False),
        ]
        told = [e["text"] for e in await node.events("DeliverySent")]
        assert sum("log to Adam sent by log1 (repeat)" in line for line in told) == 2
        events = [e["text"] for e in await node.events("DeliveryInDoubt")]
        assert all("the daemon ended while it was being sent" in text for text in events)
        assert len(events) == 2


async def test_two_crashes_in_mid_send_lose_nothing_and_cost_two_repeats(tmp_path):
    await crash_in_mid_send(tmp_path)
    channel = ScriptedChannel("log", 3)
    channel.gate.clear()
    async with open_sending(tmp_path, channel) as node:
        await until(lambda: channel.under_way == 3)
        await node.dispatcher.stop(0)
    last = ScriptedChannel("log", 3)
    async with open_sending(tmp_path, last) as node:
        await node.forward(minutes=1)
        assert sorted(last.texts) == ["(repeat) a", "(repeat) b", "(repeat) c"]
        assert states(await node.deliveries()) == [("a", "sent"), ("b", "sent"), ("c", "sent")]


async def test_after_a_crash_doubt_is_held_where_so_configured(tmp_path):
    rules = RetryRules(resend_in_doubt=dict.fromkeys(Priority, False))
    await crash_in_mid_send(tmp_path, rules=rules)
    channel = ScriptedChannel("log", 2)
    async with open_sending(tmp_path, channel, rules=rules) as node:
        await node.forward(hours=1)
        assert channel.texts == ["c"]
        assert states(await node.deliveries()) == [("a", "in_doubt"), ("b", "in_doubt"), ("c", "sent")]
    async with open_sending(tmp_path, channel, rules=rules) as node:
        assert len(await node.events("DeliveryInDoubt")) == 2, "told once, not at every start"


async def test_an_outcome_is_not_forgotten_while_the_disk_is_full(tmp_path):
    channel = ScriptedChannel("log", 2)
    channel.gate.clear()
    async with open_sending(tmp_path, channel) as node:
        for text in ("a", "b", "c"):
            await node.accept(text)
        await until(lambda: channel.under_way == 2)
        with BrokenDisk(node.ledger):
            channel.gate.set()
            await until(lambda: len(channel.ended) == 2)
            await asyncio.sleep(0.06)  # a few attempts to store
            assert node.outcomes == []
            # Between two attempts: while one is under way the places count as free.
            await until(lambda: node.dispatcher.lanes["log"].in_flight == 2)
        await until(lambda: len(node.outcomes) == 3)
        assert channel.texts == ["a", "b", "c"], "each once"
        assert {d["state"] for d in await node.deliveries()} == {"sent"}


async def test_claiming_goes_on_by_itself_after_the_disk_was_full(tmp_path):
    channel = ScriptedChannel("log", 0)
    async with open_sending(tmp_path, channel) as node:
        await node.accept()
        channel.window = 1
        with BrokenDisk(node.ledger):
            node.dispatcher.poke_all()
            await asyncio.sleep(0.05)
            assert channel.begun == []
        await until(lambda: channel.ended)


async def test_a_stop_lets_end_what_is_under_way_and_takes_nothing_new(tmp_path):
    channel = ScriptedChannel("log", 2)
    channel.gate.clear()
    async with open_sending(tmp_path, channel) as node:
        for text in ("a", "b", "c"):
            await node.accept(text)
        await until(lambda: channel.under_way == 2)
        stopping = asyncio.gather(node.dispatcher.stop(5))
        await asyncio.sleep(0)
        channel.gate.set()
        await stopping
        await node.quiet()
        assert states(await node.deliveries()) == [("a", "sent"), ("b", "sent"), ("c", "queued")]


async def test_a_stop_gives_back_what_was_claimed_and_not_begun(tmp_path):
    """Even at the last attempt: stopping is no failure."""
    channel = ScriptedChannel("log", 4)
    rules = RetryRules(max_attempts=1)
    async with open_sending(tmp_path, channel, rules=rules) as node:
        lane = node.dispatcher.lanes["log"]
        lane._hire_more = lambda: None  # one worker: the others wait claimed
        channel.gate.clear()
        for text in ("a", "b", "c"):
            await node.accept(text)
        lane.poke()
        await until(lambda: len(lane._claimed) >= 1 or len(channel.begun) == 3)
        await node.quiet()
        await node.dispatcher.stop(0)
    channel = ScriptedChannel("log", 4)
    async with open_sending(tmp_path, channel, rules=rules) as node:
        await node.quiet()
        assert sorted(channel.texts) == ["(repeat) a", "b", "c"], "at once, and only what had begun is a repeat"
        assert {d["state"] for d in await node.deliveries()} == {"sent"}
