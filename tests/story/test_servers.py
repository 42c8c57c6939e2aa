"""Servers and sources as people meet them: a web server that dies, a backup that does not report, restarts (SPEC 9)."""

from __future__ import annotations

import json
from pathlib import Path

from peers import Peer, answers
from pipelines import ADMIN, until
from tale import Tale, group, people, settings

TEAM = people("Adam", "Chief") + settings() + group("Team", "Adam", policy="")
BACKUP = """
[[monitor]]
name = "Backup"
probe = "heartbeat"
max_silence_s = 3600
interval_s = 0.1
retries = 0
to = ["Team"]
"""
WEB = """
[[monitor]]
name = "Web"
probe = "http"
url = "{url}"
match = "ok"
interval_s = 0.1
retries = 0
to = ["Team"]
"""


def standing(tale: Tale, name: str) -> str:
    return next((str(one["state"]) for one in tale.node.monitoring.documents() if one["name"] == name), "")


async def test_a_backup_that_does_not_report(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM + BACKUP, more="[plugin.net]") as tale:
        await until(lambda: standing(tale, "Backup") == "ok")
        tale.clock.forward(minutes=59)
        await tale.operations.monitor_beat(ADMIN, "Backup")
        tale.clock.forward(minutes=59)
        await tale.phone("Adam").is_silent()
        tale.clock.forward(minutes=1)
        await until(lambda: standing(tale, "Backup") == "down")
        await tale.quiet()
        await tale.phone("Adam").expects("Backup: no contact (no report for 3600 s)")
        await tale.restart()
        await until(lambda: standing(tale, "Backup") == "down" and bool(tale.node.monitoring.documents()[0]["read_at"]))
        await tale.quiet()
        await tale.phone("Adam").is_silent()
        await tale.operations.monitor_beat(ADMIN, "Backup")
        await until(lambda: standing(tale, "Backup") == "ok")
        await tale.quiet()
        await tale.phone("Adam").expects("Backup: contact again")
        tale.clock.forward(seconds=10)
        await tale.operations.monitor_beat(ADMIN, "Backup")
        reported_ms = tale.clock.now_ms()
        await tale.restart()
        kept = tale.node.recall("heartbeat:backup")
        assert kept is not None
        assert json.loads(kept)["heard_ms"] == reported_ms
        await tale.phone("Adam").is_silent()


async def test_a_web_server_that_says_something_else(tmp_path: Path) -> None:
    page = b"HTTP/1.0 200 OK\r\n\r\nok"
    peer = Peer()

    async def says(*talk) -> None:
        await answers(page)(*talk)

    await peer.start(says)
    async with Tale(tmp_path, TEAM + WEB.format(url=peer.url), more="[plugin.net]") as tale:
        await until(lambda: standing(tale, "Web") == "ok")
        page = b"HTTP/1.0 200 OK\r\n\r\nout of order"
        await until(lambda: standing(tale, "Web") == "down")
        await tale.quiet()
        await tale.phone("Adam").expects("Web: no contact (the text 'ok' is not in the answer)")
        page = b"HTTP/1.0 200 OK\r\n\r\nok again"
        await until(lambda: standing(tale, "Web") == "ok")
        await tale.quiet()
        await tale.phone("Adam").expects("Web: contact again")
    await peer.close()
