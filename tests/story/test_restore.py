"""A disk dies and yesterday's backup comes back: nothing old leaves before somebody has decided, everything new does."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys

import ops
import pytest
from daemon import Daemon

from addispatch.simulator.mailsink import MailSink, Stage

CONFIG = """
[dispatch]
retry_first_s = 0.2
retry_longest_s = 0.5
[plugin.smtp.primary]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "addispatch@plant.example"
"""
DIRECTORY = ops.directory(0.1, adam=ops.by_mail("Adam"), jane=ops.by_mail("Jane"))


async def command(daemon, *arguments, code=0):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "addispatch", *map(str, arguments), "--config", str(daemon.config), "--json",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == code, err.decode()
    return json.loads(out) if code == 0 else err.decode()


async def raises(daemon, text, to="Ops", **more):
    answer = await daemon.post("/alarms", {"text": text, "to": [to], **more})
    answer.raise_for_status()
    return answer.json()["cases"][0]


@pytest.fixture
async def sink():
    async with MailSink() as found:
        yield found


@pytest.fixture
async def restored(tmp_path, sink):
    """A node whose mail server was out of order when the backup was made, and whose disk then died."""
    sink.faults[Stage.CONNECT] = "421 out of order"
    daemon = Daemon(tmp_path, CONFIG.format(port=sink.port), DIRECTORY)
    async with daemon:
        await raises(daemon, "pump is hot")
        await raises(daemon, "tank is full", "Critical", key="tank")
        await daemon.event("421 out of order")
        made = await command(daemon, "backup", tmp_path / "b.tar.gz")
        assert made["parts"].keys() >= {"ledger.db", "directory/recipient.json"}
        await raises(daemon, "lost with the disk")
        refusal = await command(daemon, "restore", tmp_path / "b.tar.gz", code=1)
        assert "another addispatch is running" in refusal
        await daemon.kill()
    shutil.rmtree(daemon.data)
    done = await command(daemon, "restore", tmp_path / "b.tar.gz")
    assert done["held"] == {"cases": 2, "deliveries": 2}
    sink.faults.clear()
    sink.mails.clear()
    async with daemon:
        await daemon.event("2 case(s) with 2 message(s) are held")
        yield daemon


def texts(sink):
    return sorted(f"{mail.recipients[0].split('@')[0]} {mail.text.strip()}" for mail in sink.mails)


async def test_new_alarms_leave_and_old_ones_wait_for_a_decision(restored, sink):
    await raises(restored, "valve is stuck")
    await sink.expect("valve is stuck", timeout_s=20)
    case = await raises(restored, "tank is full again", "Critical", key="tank")
    await sink.expect("tank is full again", timeout_s=20)
    status = await restored.status()
    assert any("held after a restore" in line for line in status["warnings"])
    found = await command(restored, "restored")
    assert (found["case_count"], found["delivery_count"]) == (2, 2)
    assert {one["text"] for one in found["cases"]} == {"pump is hot", "tank is full"}
    assert all(one["deliveries"][0]["error"] == "held after a restore" for one in found["cases"])
    # Two new texts have left by the same lane: old ones would have left before them.
    assert len(sink.mails) == 2
    assert all("valve is stuck" in text or "tank is full again" in text for text in texts(sink))

    assert await command(restored, "restored", "send") == {"action": "send", "cases": 2, "deliveries": 1}
    await sink.expect("pump is hot", timeout_s=20)
    old = next(text for text in texts(sink) if "pump is hot" in text)
    assert old.startswith("adam (repeat) pump is hot")
    # Adam knows of the tank by the raise after the restore: the old case is in it.
    cases = {one["text"]: one for one in (await restored.get("/cases"))["cases"]}
    assert (cases["tank is full"]["state"], cases["tank is full"]["reason"]) == ("closed", "merged")
    assert cases["tank is full again"]["id"] == case["id"]
    assert (await command(restored, "restored"))["case_count"] == 0
