"""Two real daemons and two real brokers: what one holds, the other does; what one cannot do, the other does."""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio
from pair import open_pair

pytestmark = [pytest.mark.debian, pytest.mark.asyncio(loop_scope="module")]

#: What both nodes hear.
MQTT = "[plugin.mqtt]\nurl = '{url}'\n[[plugin.mqtt.subscribe]]\ntopic = 'plant/+'\nto = ['Ops']\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory):
    async with open_pair(tmp_path_factory.mktemp("pair"), extra=MQTT) as pair:
        yield pair


@pytest_asyncio.fixture(loop_scope="module")
async def pair(shared):
    """An active/active pair, together. Other tests had it: each has texts of its own."""
    await shared.up()
    return shared


async def eventually(holds, timeout_s=15.0):
    async with asyncio.timeout(timeout_s):
        while not holds():
            await asyncio.sleep(0.05)


async def publishes(pair, words, count):
    """Publish so many alarms on a broker both nodes hear, as a PLC would."""
    for node in (pair.a, pair.b):
        await node.event("Connected to MQTT broker")
    publisher = await asyncio.create_subprocess_exec(
        "mosquitto_pub", "-p", str(pair.brokers[0].port), "-q", "1", "-t", "plant/pump", "-l",
        stdin=asyncio.subprocess.PIPE,
    )  # fmt: skip
    await publisher.communicate("".join(f"{words} {n}\n" for n in range(count)).encode())


async def test_an_alarm_is_on_both_nodes_and_leaves_once(pair):
    answer = await pair.a.raises("pump is hot")
    assert answer["mirrored"] is True
    ident = answer["cases"][0]["id"]
    await eventually(lambda: pair.sent()["pump is hot"] == 1)
    assert (await pair.b.get(f"/cases/{ident}"))["text"] == "pump is hot"
    async with asyncio.timeout(10):
        while (await pair.b.get(f"/cases/{ident}"))["state"] != "closed":
            await asyncio.sleep(0.05)
    assert pair.a.sent()["pump is hot"] == 1
    assert pair.b.sent()["pump is hot"] == 0


async def test_what_both_hear_is_told_once(pair):
    """SHARED and PAIRING: a publish on one broker comes to both nodes, without an id."""
    await publishes(pair, "both hear", 40)
    await eventually(lambda: len(pair.sent("both hear")) == 40)
    await asyncio.gather(pair.a.idle(), pair.b.idle())
    assert set(pair.sent("both hear").values()) == {1}
    assert min(len(pair.a.sent("both hear")), len(pair.b.sent("both hear"))) > 5, "each sends about half"


async def test_an_ack_counts_on_either_node(pair):
    case = (await pair.a.raises("tank is full", "Critical"))["cases"][0]
    assert case["code"][0] in "ABCDEFGHJKLM"
    await eventually(lambda: pair.sent("tank is full").total() == 1)
    (await pair.b.post(f"/cases/{case['id']}/ack", {"comment": "on my way"})).raise_for_status()
    async with asyncio.timeout(10):
        while (await pair.a.get(f"/cases/{case['id']}"))["state"] == "open":
            await asyncio.sleep(0.05)


async def test_the_survivor_sends_and_escalates(pair):
    before = (await pair.b.events())[-1]["id"]
    case = (await pair.a.raises("fire", "Critical"))["cases"][0]
    await eventually(lambda: pair.sent("fire").total() == 1)
    await pair.a.kill()
    await pair.b.event("Took over", after=before)
    found = await pair.b.get(f"/cases/{case['id']}")
    assert found["next_step_at"]


async def test_a_standby_holds_and_hands_back(tmp_path):
    async with open_pair(tmp_path, mode="active/passive") as pair:
        await pair.b.cluster(lambda doc: doc["state"] == "Passive Slave (standby)")
        await pair.b.raises("came to the standby")
        await eventually(lambda: pair.a.sent()["came to the standby"] == 1)
        await pair.a.kill()
        await pair.b.cluster(lambda doc: doc["state"] == "Passive Slave (failover)")
        await pair.b.raises("while the master is away")
        await eventually(lambda: pair.b.sent()["while the master is away"] == 1)
        await pair.a.start()
        await pair.together()
        await pair.b.cluster(lambda doc: doc["state"] == "Passive Slave (standby)")
        await pair.b.raises("and back")
        await eventually(lambda: pair.a.sent()["and back"] == 1)
        assert set(pair.sent().values()) == {1}


async def test_a_pause_holds_on_both_nodes_and_ends_on_both(pair):
    (await pair.a.post("/pause", {})).raise_for_status()
    await pair.b.until(lambda status: status["paused"])
    await pair.b.raises("during the pause")
    assert not pair.sent("during the pause")
    (await pair.b.post("/resume", {})).raise_for_status()
    await pair.a.until(lambda status: not status["paused"])
    await eventually(lambda: pair.sent()["during the pause"] == 1)


async def test_the_directory_is_edited_on_the_master_and_promoting_turns_that_round(pair):
    refused = await pair.b.post("/directory/import", {"recipient": [{"name": "Bo", "channels": ["log"]}]})
    assert "edit on the master" in refused.text
    (await pair.b.post("/cluster/promote", {})).raise_for_status()
    await pair.a.cluster(lambda doc: doc["role"] == "slave" and doc["directory"]["same"])
    assert (await pair.b.get("/cluster"))["role"] == "master"


async def test_an_orderly_restart_under_load_loses_and_repeats_nothing(pair):
    texts = [f"load {number}" for number in range(60)]

    async def raise_all():
        for text in texts:
            await pair.b.raises(text)

    raising = asyncio.get_running_loop().create_task(raise_all())
    assert await pair.a.stop() == 0
    await pair.a.start()
    await raising
    await pair.together()
    case = (await pair.a.raises("load and a question", "Critical"))["cases"][0]
    await eventually(lambda: len(pair.sent("load")) == 61)
    assert await pair.a.stop() == 0
    await pair.a.start()
    await pair.together()
    assert set(pair.sent("load").values()) == {1}
    assert (await pair.b.get(f"/cases/{case['id']}"))["state"] == "open"


async def test_without_mirroring(tmp_path):
    """What both hear is told once as well; only what is handed over is on the other node."""
    async with open_pair(tmp_path, extra=f"mirror = false\n{MQTT}") as pair:
        await publishes(pair, "both hear", 10)
        await eventually(lambda: len(pair.sent()) == 10)
        await asyncio.gather(pair.a.idle(), pair.b.idle())
        assert set(pair.sent().values()) == {1}
        held = await pair.b.get("/cases")
        case = (await pair.a.raises("fire", "Critical"))["cases"][0]
        await eventually(lambda: pair.sent("fire").total() == 1)
        assert await pair.b.get("/cases") == held
        assert await pair.a.stop() == 0
        async with asyncio.timeout(10):
            while case["id"] not in {one["id"] for one in (await pair.b.get("/cases"))["cases"]}:
                await asyncio.sleep(0.05)
        found = await pair.b.get(f"/cases/{case['id']}")
        assert found["state"] == "open"
        assert found["next_step_at"]
        assert pair.sent("fire").total() == 1
