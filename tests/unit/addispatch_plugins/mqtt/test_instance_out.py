"""What the mqtt plugin tells by a real mosquitto: states, events, its life and its end; never an address."""

import asyncio
import json
import os
import signal
import sys
import textwrap

import pytest

from addispatch.sdk.testing import EmptyOperations, RecordingContext

pytestmark = [pytest.mark.debian, pytest.mark.usefixtures("quick_link")]

PREFIX = "addispatch/default"
CASE = {
    "id": "c1", "code": "A123", "text": "Boiler", "priority": "high", "key": "k", "source": "plc", "state": "open",
    "level": 0, "opened_at": "2026-01-01T00:00:00Z", "acknowledged_at": None, "acknowledged_by": "+6591234567",
    "closed_at": None, "acknowledgements": [],
    "deliveries": [{"state": "sent", "to": "+6591234567"}, {"state": "failed", "to": "adam@example.com"}],
}  # fmt: skip


class Operations(EmptyOperations):
    def __init__(self):
        self.known = {"c1": dict(CASE)}

    async def case(self, actor, case_id):
        return self.known[case_id] if case_id in self.known else await super().case(actor, case_id)

    async def cases(self, actor, *, state=None, limit=50, cursor=None):
        return {"cases": [c for c in self.known.values() if c["state"] == state], "next": None}

    async def status(self, actor):
        return {
            "state": "Server running", "cases": {"open": 3, "unacknowledged": 1, "acknowledged": 0},
            "queue": {"queued": 2, "sending": 1}, "queue_oldest_s": None,
            "modems": [{"name": "sim/1", "state": "online", "imei": "123456789012345", "signal": 70}],
        }  # fmt: skip


@pytest.fixture
async def full(tmp_path):
    async with RecordingContext(tmp_path, name="mqtt", operations=Operations()) as context:
        yield context


async def test_status_node_modem_and_cases_go_out_without_addresses(start, broker, full):
    instance = await start(publish=True, context=full)
    assert await broker.wait_for(f"{PREFIX}/node/node-a/online") == b"online"
    status = json.loads(await broker.wait_for(f"{PREFIX}/status"))
    assert (status["open"], status["unacknowledged"], status["queue"]) == (3, 1, 3)
    modem = await broker.wait_for(f"{PREFIX}/node/node-a/modem/sim-1")
    assert json.loads(modem)["state"] == "online"
    assert b"123456789012345" not in modem
    state = await broker.wait_for(f"{PREFIX}/case/c1/state")
    assert json.loads(state)["code"] == "A123"
    assert json.loads(state)["deliveries"] == {"sent": 1, "failed": 1}
    assert b"91234567" not in state
    assert b"adam@" not in state
    await instance.stop()
    assert await broker.wait_for(f"{PREFIX}/node/node-a/online") == b"offline"


async def test_events_of_cases_go_out_without_addresses(start, broker, full):
    await start(publish=True, context=full)
    watcher = RecordingContext(full.data_dir, name="watch")
    await start({"topic": "addispatch/+/case/+/event"}, context=watcher, client_id="w", topic_prefix="other")
    text = "sms to Adam (+65 9123 4567, adam@example.com) sent"
    full.publish({"id": 7, "at": "t", "severity": "info", "kind": "DeliverySent", "text": text, "case_id": "c1"})
    alarm = await watcher.wait_for_alarm()
    assert alarm.topic == f"{PREFIX}/case/c1/event"
    assert alarm.text == "sms to Adam ([hidden], [hidden]) sent"
    await watcher.stop()


async def test_states_of_archived_and_unknown_cases_are_removed(start, broker, full):
    await broker.publish(f"{PREFIX}/case/gone/state", "{}", "--retain")
    await broker.publish(f"{PREFIX}/case/old/state", "{}", "--retain")
    await broker.publish(f"{PREFIX}/case/new/state", "{}", "--retain")
    now = full.clock.now().isoformat()
    full.operations.known["old"] = {**CASE, "id": "old", "state": "closed", "closed_at": "2026-01-01T00:00:00Z"}
    full.operations.known["new"] = {**CASE, "id": "new", "state": "closed", "closed_at": now}
    await start(publish=True, context=full)
    async with asyncio.timeout(10):
        while json.loads(await broker.wait_for(f"{PREFIX}/case/new/state")).get("closed_at") != now:
            await asyncio.sleep(0.1)
    for gone in ("gone", "old"):
        with pytest.raises(TimeoutError):
            await broker.wait_for(f"{PREFIX}/case/{gone}/state", timeout_s=1)


async def test_a_storm_of_events_costs_little_and_is_coalesced(start, broker, full):
    instance = await start(publish=True, context=full)
    begin = asyncio.get_running_loop().time()
    for number in range(10_000):
        full.publish({"id": number, "case_id": f"c{number % 500}", "text": "x", "kind": "k"})
    assert asyncio.get_running_loop().time() - begin < 0.5
    publisher = instance._publisher
    assert len(publisher._marked) <= 500
    assert len(publisher._events) <= 2000


async def test_the_last_will_tells_of_a_killed_daemon(broker, tmp_path):
    script = textwrap.dedent(f"""
        import asyncio, pathlib
        from addispatch.sdk.testing import RecordingContext
        from addispatch_plugins.mqtt import plugin

        async def main():
            context = RecordingContext(pathlib.Path({str(tmp_path)!r}))
            instance = plugin.create(plugin.config(url={broker.url!r}), context)
            await instance.start()
            await asyncio.sleep(60)

        asyncio.run(main())
    """)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
    assert await broker.wait_for(f"{PREFIX}/node/node-a/online") == b"online"
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    async with asyncio.timeout(20):
        while await broker.wait_for(f"{PREFIX}/node/node-a/online") != b"offline":
            pass
