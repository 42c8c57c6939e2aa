"""The close look at a mailbox, with a real dovecot."""

from __future__ import annotations

import asyncio

import pytest
from mails import raw_mail

from addispatch_plugins.mailbox import examine, plugin

pytestmark = pytest.mark.debian


@pytest.mark.parametrize("kind", ["pop3", "imap"])
async def test_it_logs_in_and_counts_and_leaves_all_as_it_was(kind, server, config, context):
    server.deliver(raw_mail("mutt"))
    (finding,) = await plugin.create(config(kind), context).examine()
    folder = ", folder INBOX" if kind == "imap" else ""
    where = f"{kind.upper()} 127.0.0.1:{server.ports[kind]}, unencrypted, logged in as {server.user}"
    assert (finding.subject, finding.problem) == ("mailbox 127.0.0.1", "")
    assert finding.detail == f"{where}{folder}: 1 to read"
    assert len(server.mails) == 1
    assert context.messages == []


async def test_each_error_has_its_advice(server, config, context):
    async def look(**changes):
        (finding,) = await plugin.create(config("imap", **changes), context).examine()
        return finding

    refused = await look(password="wrong-secret")
    assert "login refused" in refused.problem
    assert "password" in refused.advice
    assert "wrong-secret" not in str(refused)
    assert (await look(folder="Nowhere")).advice == "see the name of the folder"
    server.kill()
    gone = await look()
    assert gone.problem == f"127.0.0.1:{server.ports['imap']}: connecting: Connection refused"
    assert "firewall" in gone.advice


async def test_while_it_runs_it_waits_for_its_turn(start, until, monkeypatch):
    monkeypatch.setattr(examine, "BUSY_S", 0.1)
    instance = await start("pop3")
    await until(lambda: instance._poller.looked_at)
    assert (await instance.examine())[0].detail.endswith(": 0 to read")
    async with instance._poller.busy:
        assert "a look goes on" in (await instance.examine())[0].detail
        instance._poller.outage.reason = "127.0.0.1: login refused"
        assert (await instance.examine())[0].problem == "127.0.0.1: login refused"
    instance._poller.outage.reason = ""
    async with asyncio.timeout(20):
        assert not (await instance.examine())[0].problem


async def test_the_poller_waits_for_its_turn_too(start, until):
    instance = await start("pop3")
    async with instance._poller.busy:  # before its first look
        await asyncio.sleep(0.5)
        assert not instance._poller.looked_at
    await until(lambda: instance._poller.looked_at)
