"""The pipe over two real brokers: first copies, second copies, a broker that dies, a stranger at the door."""

from __future__ import annotations

import asyncio

import pytest

from addispatch.cluster.keyring import generate
from addispatch.cluster.link import ClusterLink
from addispatch.config.models import ClusterConfig
from addispatch.runtime import mqtt
from addispatch.runtime.tasks import Supervisor
from addispatch.sdk.testing import Recording
from addispatch.sdk.testing.mosquitto import Mosquitto

pytestmark = pytest.mark.debian

KEY = generate("k1")
STORES = {"node-a": "5a" * 16, "node-b": "5b" * 16}


class Handler:
    """Records."""

    def __init__(self):
        self.messages = Recording("message")
        self.beats = Recording("beat")
        self.paths = Recording("path event")
        self.strangers = Recording("stranger")

    def heard(self, path, header, kind, body):
        self.messages.add((kind, body, header, path))

    def beat(self, path, header):
        self.beats.add((path, header))

    def path_up(self, path):
        self.paths.add(("up", path))

    def path_down(self, path, reason):
        self.paths.add(("down", path, reason))

    def stranger(self, reason, path, count):
        self.strangers.add((reason, path, count))

    async def hears(self, body):
        return await self.messages.wait_for(lambda item: item[1] == body)

    async def is_up(self, count=2):
        while len([event for event in self.paths if event[0] == "up"]) < count:
            await self.paths.wait_for(lambda event: event[0] == "up")
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(mqtt, "FIRST_PAUSE_S", 0.05)


@pytest.fixture
async def brokers(tmp_path):
    async with Mosquitto(tmp_path) as one, Mosquitto(tmp_path) as two:
        yield one, two


@pytest.fixture
async def supervisor():
    made = Supervisor()
    yield made
    await made.stop()


@pytest.fixture
def make(brokers, supervisor):
    def _make(node, boot=None, key=KEY, **config):
        config = ClusterConfig(role="master", key=key, brokers=[broker.url for broker in brokers], **config)
        handler = Handler()
        link = ClusterLink(config, "plant", node, STORES.get(node, "5c" * 16), boot or f"{node}-1", handler)
        link.start(supervisor)
        return link, handler

    return _make


async def meet(a, b):
    """Each names the other's boot in a heartbeat, so that both are proven."""
    await asyncio.gather(a[1].is_up(), b[1].is_up())
    for (me, _), (other, ear) in ((a, b), (b, a)):
        while other.current(me.node) != me.boot:
            me.send("hb", "", b'{"seen":{"boot":"%s","n":1}}' % other.boot.encode())
            await ear.beats.wait_for(lambda item, me=me: item[1].sender == me.node)
            await asyncio.sleep(0.02)


def say(link, other, body, kind="st"):
    return link.send(kind, other.node, body, tstore=other.store, tboot=other.boot)


async def test_what_is_sent_on_two_brokers_is_heard_once(make):
    a, b = make("node-a"), make("node-b")
    await meet(a, b)
    assert say(a[0], b[0], b"hello") == 2
    kind, _body, header, _path = await b[1].hears(b"hello")
    assert (kind, header.sender, header.store, header.to) == ("st", "node-a", STORES["node-a"], "node-b")
    say(a[0], b[0], b"end")
    await b[1].hears(b"end")
    assert len([item for item in b[1].messages if item[1] == b"hello"]) == 1
