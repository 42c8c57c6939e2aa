"""The whole program: a real daemon, and every command against it."""

from __future__ import annotations

import asyncio
import signal
import sys

import pytest

CONFIG = """
[node]
data_dir = "data"
[http]
listen = ""
[plugin.log]
"""
DIRECTORY = """
[[recipient]]
name = "Adam"
sms = "91234567"
channels = ["log"]
[[group]]
name = "Ops"
members = ["Adam"]
"""


@pytest.fixture
async def daemon(tmp_path, alone):
    """Run ``addispatch run`` and return a function that runs a command against it."""
    config = tmp_path / "addispatch.toml"
    config.write_text(CONFIG)
    (tmp_path / "directory.toml").write_text(DIRECTORY)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "addispatch", "run", "--config", str(config), stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    log = []
    async with asyncio.timeout(30):
        async for line in process.stderr:
            log.append(line.decode())
            if "Engine initialized" in log[-1]:
                break
    assert "Engine initialized" in log[-1], log

    async def command(*arguments):
        done = await alone(*arguments, "--config", config)
        assert "Traceback" not in done.err, done.err
        return done

    yield command
    process.send_signal(signal.SIGTERM)
    rest = (await asyncio.wait_for(process.communicate(), 20))[1].decode()
    assert process.returncode == 0, rest
    assert "Traceback" not in rest
    assert not (tmp_path / "data" / "addispatch.sock").exists()


async def test_a_message_goes_its_way_and_every_view_shows_it(daemon, tmp_path):
    sent = await daemon("send", "--to", "Ops", "--wait", "--priority", "high", "Pump", "is", "hot")
    assert (sent.code, sent.err) == (0, "")
    assert sent.out.splitlines() == ["case for Ops closed: 1 delivery sent", "  log to Adam: sent"]
    for command, words in (
        ("status", "Server running  node-a"),
        ("cases", "Pump is hot"),
        ("deliveries", "log"),
        ("received", "no messages"),
        ("modems", "no modems"),
        ("plugins", "enabled"),
        ("events", "cli: Pump is hot -> Ops (1 to send)"),
        ("why --text hot --to Ops", "It goes to Ops, named by the alarm itself"),
        ("directory export", 'members = ["Adam"]'),
        (f"directory import {tmp_path / 'directory.toml'}", "recipient: 1 unchanged"),
        ("token add grafana --role viewer", "adt_"),
        ("token list", "grafana"),
        ("token remove grafana", "removed"),
        ("check", "good:"),
    ):
        done = await daemon(*command.split())
        assert done.code == 0, (command, done.err)
        assert words in done.out, (command, done.out)


async def test_what_the_daemon_refuses_is_one_line(daemon):
    for command, words in (
        ("send --to Ops --priority urgent hot", "priority: must be one of critical, high, medium, low"),
        ("cases --state sideways", "state: must be one of open, acknowledged, closed"),
        ("deliveries --cursor x", "cursor: is not one this server gave"),
        ("token add x --role king", "role: must be one of admin, operator, viewer"),
        ("token remove x", "name: there is no token 'x'"),
        ("run", "another addispatch is running"),
    ):
        done = await daemon(*command.split())
        assert done.code in (1, 78)
        assert words in done.err, (command, done.err)
