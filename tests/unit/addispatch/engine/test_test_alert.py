"""The test of the way system alerts take, on a whole node with the log channel."""

from __future__ import annotations

import pytest
from pipelines import ADMIN, until

from addispatch.sdk.protocols import Health


@pytest.fixture
async def alerted(running):
    await running.operations.directory_import(ADMIN, {"settings": {"system_alert_to": ["Bea", "Ops"]}, **BEA})
    return running


BEA = {"recipient": [{"name": "Bea", "sms": "98765432", "email": ["bea@example.com"], "channels": ["log", "sms"]}]}
TEXT = "addispatch node-a: test alert by test (test)"


async def test_everybody_is_told_by_every_channel(alerted):
    doc = await alerted.operations.test_alert(ADMIN)
    no_plugin = "no plugin provides the channel sms"
    assert doc == {
        "text": TEXT,
        "problem": "",
        "told": [
            {"recipient": "Bea", "channel": "log", "to": "Bea", "problem": "", "waits": ""},
            {"recipient": "Bea", "channel": "sms", "to": "+6598765432", "problem": no_plugin, "waits": ""},
            {"recipient": "Adam", "channel": "log", "to": "Adam", "problem": "", "waits": ""},
        ],
    }

    async def sent():
        found = (await alerted.operations.deliveries(ADMIN))["deliveries"]
        return sorted((d["recipient"], d["text"]) for d in found if d["state"] == "sent")

    await until(sent)
    await until(lambda: _equal(sent, [("Adam", TEXT), ("Bea", TEXT)]))
    events = (await alerted.operations.events(ADMIN))["events"]
    (event,) = [event for event in events if event["kind"] == "TestAlert"]
    assert (event["text"], event["severity"]) == ("Test alert by test (test): Bea by log, Adam by log", "info")


async def _equal(found, wanted):
    return await found() == wanted


async def test_a_channel_that_is_down_is_used_all_the_same_and_said(alerted, monkeypatch):
    channel = alerted.host.channels()["log"]
    monkeypatch.setattr(type(channel), "health", Health(up=False, reason="the disk is full"))
    (way, *_) = (await alerted.operations.test_alert(ADMIN))["told"]
    assert way["waits"] == "log is down: the disk is full"
    monkeypatch.setattr(alerted.host, "channels", dict)
    (way, *_) = (await alerted.operations.test_alert(ADMIN))["told"]
    assert way["waits"] == "the plugin with the channel log does not run"


async def test_during_a_pause_it_waits(alerted):
    await alerted.operations.pause(ADMIN)
    (way, *_) = (await alerted.operations.test_alert(ADMIN))["told"]
    assert way["waits"].startswith("emergency pause")


async def test_nobody_to_tell_is_a_problem_and_an_event(running):
    doc = await running.operations.test_alert(ADMIN)
    assert doc["told"] == []
    assert doc["problem"].startswith("system_alert_to in the directory's [settings] is empty")
    events = (await running.operations.events(ADMIN))["events"]
    assert ("Test alert by test (test): it reaches nobody", "warning") in [(e["text"], e["severity"]) for e in events]


async def test_somebody_without_a_usable_way_is_another(running):
    entries = {"recipient": [{"name": "Cy", "sms": "98765432"}], "settings": {"system_alert_to": ["Cy"]}}
    await running.operations.directory_import(ADMIN, entries)
    doc = await running.operations.test_alert(ADMIN)
    assert doc["problem"] == "nobody in system_alert_to has a number or address that can be used"
    assert [way["problem"] for way in doc["told"]] == ["no plugin provides the channel sms"]
