"""The shipped mosquitto files for a pair: mosquitto takes them, and nobody but the nodes gets between the nodes."""

from __future__ import annotations

import asyncio
import re
import subprocess
from pathlib import Path

import pytest

from addispatch.sdk.testing.mosquitto import Mosquitto, free_port

pytestmark = pytest.mark.debian

CONFIG = Path(__file__).parents[4] / "config"
NODE, PLANT, PLC = (
    ("-u", "cluster", "-P", "node's"),
    ("-u", "addispatch", "-P", "plant's"),
    ("-u", "plc1", "-P", "plc's"),
)


@pytest.fixture
async def broker(tmp_path):
    passwords = tmp_path / "passwords"
    passwords.touch()
    for _u, user, _p, password in (NODE, PLANT, PLC):
        subprocess.run(["mosquitto_passwd", "-b", str(passwords), user, password], check=True)
    text = (CONFIG / "mosquitto.conf").read_text()
    text = re.sub(r"(?m)^(listener|allow_anonymous) .*$", "", text)  # the fixture's own
    peer = free_port()
    text += (
        (CONFIG / "mosquitto-cluster.conf").read_text().replace("listener 1884 0.0.0.0", f"listener {peer} 127.0.0.1")
    )
    text = text.replace("/etc/mosquitto/addispatch.passwd", str(passwords))
    text = text.replace("/etc/mosquitto/addispatch.acl", str(CONFIG / "mosquitto-cluster.acl"))
    lines = (*text.splitlines(), f"persistence_location {tmp_path}/")
    async with Mosquitto(tmp_path, *lines, anonymous=False) as running:
        running.peer = peer
        yield running


async def listen(broker, *options):
    """mosquitto_sub on everything it may read, once it is subscribed."""
    process = await asyncio.create_subprocess_exec(
        "stdbuf", "-oL", "mosquitto_sub", "-d", "-p", str(broker.port), "-t", "#", "-F", "got %t", *options,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    while b"Subscribed" not in await asyncio.wait_for(process.stdout.readline(), 10):
        pass
    return process


async def topics(process, last):
    """The topics it gets, up to ``last``."""
    found = []
    while last not in found:
        line = (await asyncio.wait_for(process.stdout.readline(), 10)).decode().strip()
        if line.startswith("got "):
            found.append(line[4:])
    process.terminate()
    await process.wait()
    return found


@pytest.mark.parametrize("door", ["port", "peer"])
async def test_a_stranger_is_refused_at_both_doors(broker, door):
    broker.port = getattr(broker, door)
    with pytest.raises(RuntimeError, match="not authori"):
        await broker.publish("addispatch/default/_cl/hb/node-a", "x")
    with pytest.raises(RuntimeError, match="not authori"):
        await broker.publish("addispatch/default/_cl/hb/node-a", "x", "-u", "cluster", "-P", "guess")


async def test_only_the_nodes_get_between_the_nodes(broker):
    nodes = await listen(broker, *NODE)
    for who in (PLANT, PLC, NODE):
        await broker.publish(f"addispatch/default/_cl/hb/{who[1]}", "x", *who)
    assert await topics(nodes, "addispatch/default/_cl/hb/cluster") == ["addispatch/default/_cl/hb/cluster"]


async def test_the_plant_hears_nothing_of_the_nodes_and_they_raise_no_alarm(broker):
    plant = await listen(broker, *PLANT)
    await broker.publish("addispatch/default/_cl/st/node-b", "x", *NODE)
    await broker.publish("addispatch/default/alarm/raise", "x", *NODE)
    await broker.publish("addispatch/default/alarm/raise/plc", "x", *PLC)
    await broker.publish("plant/line2/a", "x", *PLC)
    await broker.publish("last", "x", *PLANT)
    assert await topics(plant, "last") == ["addispatch/default/alarm/raise/plc", "last"]


async def test_the_other_node_comes_by_its_own_door(broker):
    nodes = await listen(broker, *NODE)
    await broker.publish("addispatch/default/_cl/hb/x", "x", "-p", str(broker.peer), *NODE)
    assert await topics(nodes, "addispatch/default/_cl/hb/x")
