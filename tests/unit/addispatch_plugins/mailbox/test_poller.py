"""Poller against servers that misbehave: silent, dropping, refusing one mail, speaking nonsense."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager

import pytest
from mails import raw_mail
from scripted import Scripted, pop3

from addispatch_plugins.mailbox import border, outage, plugin, poller
from addispatch_plugins.mailbox.config import MailboxConfig

MAIL = raw_mail("mutt").decode()


@asynccontextmanager
async def polling(context, script, **changes):
    async with Scripted(script) as server:
        table = {
            "kind": "pop3",
            "host": "127.0.0.1",
            "port": server.port,
            "security": "none",
            "user": "a",
            "password": "b",
        }
        instance = plugin.create(MailboxConfig(**{**table, "poll_s": 1, "timeout_s": 1, **changes}), context)
        await instance.start()
        yield server, instance
        await instance.stop()
        await context.stop()


def answers(**changes):
    return {
        "UIDL": "+OK\r\n1 first\r\n2 second\r\n.", "LIST": "+OK\r\n1 100\r\n2 100\r\n.", "RETR": f"+OK\r\n{MAIL}.",
        **changes,
    }  # fmt: skip


@pytest.mark.parametrize("command", ["", "USER", "UIDL", "RETR"])
async def test_a_silent_server_is_an_outage(context, command):
    async with polling(context, pop3(answers(**{command: ""}), [])):
        assert "no answer within 1 s" in (await context.wait_for_event("not available")).text
        assert context.messages == []


async def test_a_server_that_drips_meets_the_deadline_and_leaves_no_thread(context, monkeypatch, until):
    monkeypatch.setattr(poller, "LOOK_DEADLINE_S", 0.5)
    monkeypatch.setattr(outage, "FIRST_PAUSE_S", 0.1)
    async with polling(context, pop3(answers(RETR="~"), [])) as (server, _instance):
        assert "not done within 0.5 s" in (await context.wait_for_event("not available")).text
        await until(lambda: server.connection_count >= 4)
        threads = [thread for thread in threading.enumerate() if thread.name == "mailbox"]
        assert len(threads) <= border.MAX_LEFT_BEHIND + 1
    await until(lambda: not any(thread.name == "mailbox" for thread in threading.enumerate()))


async def test_a_server_that_drips_its_greeting_blocks_nothing_for_ever(context, monkeypatch, until):
    """Nothing can be shut there: poplib gives its socket away only after the greeting."""
    monkeypatch.setattr(poller, "LOOK_DEADLINE_S", 0.2)
    monkeypatch.setattr(border, "ABORT_WAIT_S", 0.1)
    monkeypatch.setattr(outage, "FIRST_PAUSE_S", 0.1)
    async with polling(context, pop3({"": "~"}, [])) as (server, instance):
        await until(lambda: "connections hang" in instance.status_line())
        assert server.connection_count == border.MAX_LEFT_BEHIND
    await until(lambda: not any(thread.name == "mailbox" for thread in threading.enumerate()))


async def test_a_mail_the_server_refuses_stops_no_other(context, until):
    said = []
    script = pop3(answers(**{"RETR 1": "-ERR damaged"}), said)
    async with polling(context, script):
        event = await context.wait_for_event("cannot be fetched and stays there")
        assert "damaged" in event.text
        await context.messages.wait_for()
        await until(lambda: "DELE 2" in said)
        await until(lambda: said.count("QUIT") >= 3)
        # It is left alone for an hour, and told once.
        assert said.count("RETR 1") == 1
        assert "DELE 1" not in said
        assert len(context.events) == 1


async def test_a_mail_that_makes_the_server_silent_stops_no_other(context, monkeypatch, until):
    monkeypatch.setattr(outage, "FIRST_PAUSE_S", 0.1)
    said = []
    async with polling(context, pop3(answers(**{"RETR 1": ""}), said)):
        await context.messages.wait_for(timeout_s=10)
        await until(lambda: "DELE 2" in said)
        assert "DELE 1" not in said
        await context.wait_for_event("available again")


async def test_nonsense_is_an_outage_too(context):
    async with polling(context, pop3({"": "SSH-2.0-OpenSSH_9.2"}, [])):
        assert "connecting: SSH-2.0-OpenSSH_9.2" in (await context.wait_for_event("not available")).text


async def test_a_failed_delete_hands_nothing_over_twice(context, monkeypatch, until):
    monkeypatch.setattr(outage, "FIRST_PAUSE_S", 0.1)
    said = []
    replies = answers(DELE="-ERR busy")
    async with polling(context, pop3(replies, said)):
        await context.wait_for_event("deleting mails: -ERR busy")
        replies["DELE"] = "+OK"
        await context.wait_for_event("available again")
        assert len(context.messages) == 2
        assert said.count("RETR 1") == 1
        await until(lambda: said.count("DELE 2") == 1)


async def test_more_mails_than_one_look_takes(context, monkeypatch, until):
    monkeypatch.setattr("addispatch_plugins.mailbox.collect.MAX_MAILS", 1)
    said = []
    replies = answers()

    def gone():
        return "DELE 1" in said

    async def script(reader, writer):
        if gone():
            replies["UIDL"], replies["LIST"] = "+OK\r\n1 second\r\n.", "+OK\r\n1 100\r\n."
        await pop3(replies, said)(reader, writer)

    began_s = asyncio.get_running_loop().time()
    async with polling(context, script, poll_s=30):
        await until(lambda: len(context.messages) == 2)
    # At once, not after the pause.
    assert asyncio.get_running_loop().time() - began_s < 5


async def test_stopping_ends_a_connection_that_hangs(context, until):
    async with polling(context, pop3(answers(RETR=""), []), timeout_s=60) as (server, _instance):
        await until(lambda: server.connection_count == 1)
    await until(lambda: not any(thread.name == "mailbox" for thread in threading.enumerate()))
