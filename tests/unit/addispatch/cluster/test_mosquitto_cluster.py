"""The shipped mosquitto files for a pair: mosquitto takes them, and nobody but the nodes gets between the nodes."""

from __future__ import annotations

import asyncio
import re
import subprocess
from pathlib import Path

import pytest

from addispatch.cluster.keyring import generate
from addispatch.cluster.link import ClusterLink
from addispatch.config.models import ClusterConfig
from addispatch.runtime.tasks import Supervisor
from addispatch.sdk.testing import Recording
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


class Ear:
    """Hears and counts."""

    def __init__(self):
        self.messages, self.events = Recording("message"), Recording("path event")

    def heard(self, path, header, kind, body):
        self.messages.add((kind, body))

    def beat(self, path, header): ...

    def path_up(self, path):
        self.events.add("up")

    def path_down(self, path, reason):
        self.events.add(reason)

    def unproven(self, path, header, body):
        pass

    def stranger(self, reason, path, count):
        self.events.add(f"stranger: {reason}")


@pytest.fixture
async def pair(broker):
    """Two nodes that speak by this broker, one by each door, and know each other."""
    key, supervisor, made = generate("k1"), Supervisor(), []
    for node, port in (("a", broker.port), ("b", broker.peer)):
        config = ClusterConfig(
            role="master", key=key, brokers=[f"mqtt://127.0.0.1:{port}"], user="cluster", password="node's"
        )
        made.append(ClusterLink(config, "default", node, f"store-{node}", f"{node}1", Ear()))
        made[-1].start(supervisor)
    a, b = made
    await asyncio.gather(a.handler.events.wait_for(), b.handler.events.wait_for())
    while not (a.current("b") and b.current("a")):
        a.send("hb", "", b'{"seen":{"boot":"b1"}}')
        b.send("hb", "", b'{"seen":{"boot":"a1"}}')
        await asyncio.sleep(0.02)
    yield made
    await supervisor.stop()


async def test_what_the_nodes_tell_each_other_is_not_written_to_the_disk_of_the_broker(broker, pair, tmp_path):
    a, b = pair
    database = tmp_path / "mosquitto.db"

    async def tell(kind):
        for number in range(10):
            said = kind, b"%d" % number
            a.send(kind, "b", said[1], tstore="store-b", tboot="b1")
            await b.handler.messages.wait_for(lambda item, said=said: item == said)

    await broker.publish("state", "kept", "--retain", *PLANT)
    await tell("ak")  # and so often round its loop, in which it also writes
    assert b"kept" in database.read_bytes()
    before = database.stat().st_ino, database.stat().st_mtime_ns
    await tell("st")
    await tell("ak")
    assert (database.stat().st_ino, database.stat().st_mtime_ns) == before


async def test_a_wrong_password_is_said(broker):
    supervisor, ear = Supervisor(), Ear()
    url = f"mqtt://cluster:guess@127.0.0.1:{broker.peer}"
    link = ClusterLink(ClusterConfig(role="master", key=generate("k1"), brokers=[url]), "default", "a", "s", "b", ear)
    link.start(supervisor)
    reason = await ear.events.wait_for()
    await supervisor.stop()
    assert "authori" in reason
    assert "guess" not in f"{reason} {link.paths()}"
