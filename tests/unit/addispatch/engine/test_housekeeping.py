"""What the ticks do: expire, close, prune, stamp, and feed the watchdog only while loop and ledger move."""

from __future__ import annotations

import os
import time

import pytest
from channels import ScriptedChannel, keeper, open_sending
from pipelines import ADAM, BrokenDisk, book, group

from addispatch.domain.errors import StoreError
from addispatch.domain.policy import Policy
from addispatch.engine import housekeeping as module
from addispatch.engine.housekeeping import alive_at_ms
from addispatch.runtime import sdnotify


@pytest.fixture
async def node(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 3)
    directory = book(ADAM, Policy(id="p", name="p", close_after_h=2), group("Ops", "Adam", policy="p"))
    async with open_sending(tmp_path, ScriptedChannel("sms", 0), directory=directory) as node:
        node.keep = keeper(node, tmp_path)
        yield node


async def test_what_nobody_sent_in_time_expires_even_if_its_channel_is_down(node):
    for number in range(8):
        await node.accept(f"{number}", to=("Adam",), ttl_s=60 if number < 7 else 600)
    node.clock.forward(seconds=61)
    await node.keep.sweep()
    assert [d["state"] for d in await node.deliveries()] == ["expired"] * 7 + ["queued"]
    assert len(await node.events("AlarmReachesNobody")) == 7


async def test_what_nobody_acknowledges_closes_in_the_end(node):
    for number in range(5):
        await node.accept(f"{number}", to=("Ops",))
    node.clock.forward(hours=1)
    await node.accept("later", to=("Ops",))
    node.clock.forward(hours=1)
    await node.keep.sweep()
    assert [(c["state"], c["reason"]) for c in await node.cases()] == [("closed", "expired")] * 5 + [("open", None)]
    assert (await node.events("CaseClosed"))[0]["text"] == "Case for Ops closed (nobody acknowledged): 0"


async def test_a_sweep_finds_what_a_lane_missed(node):
    await node.accept(to=("Adam",))
    channel = node.dispatcher.lanes["sms"].channel
    channel.window = 1
    await node.keep.sweep()
    await node.quiet()
    assert channel.texts == ["hot"]


async def test_old_things_go_after_the_retention_time(node):
    node.keep.retention_days = 10
    node.dispatcher.lanes["sms"].channel.window = 8
    await node.accept("old", to=("Adam",))
    await node.quiet()
    node.clock.forward(days=11)
    await node.accept("new", to=("Adam",))
    await node.quiet()
    await node.keep.retain()
    assert [c["text"] for c in await node.cases()] == ["new"]
    assert {e["text"] for e in await node.events()} == {
        "mqtt: new -> Adam (1 to send)",
        "sms to Adam sent by sms1: new",
    }


async def test_the_alive_stamp(node, tmp_path):
    assert alive_at_ms(tmp_path) == 0
    await node.keep.stamp()
    assert abs(alive_at_ms(tmp_path) - time.time() * 1000) < 5000
    os.utime(tmp_path / "alive", (1000, 1000))
    assert alive_at_ms(tmp_path) == 1_000_000
    await node.keep.stamp()
    assert alive_at_ms(tmp_path) > 1_000_000
    assert (tmp_path / "alive").stat().st_mode & 0o777 == 0o600


async def test_a_stamp_that_cannot_be_written_is_no_news(node, tmp_path):
    """The disk's own tick tells of it; a failed tick each second would be a flood."""
    (tmp_path / "alive").unlink(missing_ok=True)
    (tmp_path / "alive").symlink_to(tmp_path / "gone" / "alive")
    await node.keep.stamp()
    assert alive_at_ms(tmp_path) == 0


async def test_the_watchdog_is_fed_after_a_commit_only(node, monkeypatch):
    fed = []
    monkeypatch.setattr(sdnotify, "watchdog", lambda: fed.append(1))
    await node.keep.watchdog()
    assert fed == [1]
    with BrokenDisk(node.ledger):
        with pytest.raises(StoreError):
            await node.keep.watchdog()
        assert fed == [1]
        node.ledger.intake_problem = "only 3 MiB are free"  # a restart would not help
        await node.keep.watchdog()
        assert fed == [1, 1]
