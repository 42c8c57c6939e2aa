"""The pipe over two real brokers: first copies, second copies, a broker that dies, a stranger at the door."""

from __future__ import annotations

import asyncio
import os

import pytest
from tls import Certificates

from addispatch.cluster import path
from addispatch.cluster.envelope import BadEnvelope, Header, seal
from addispatch.cluster.keyring import Keyring, generate
from addispatch.cluster.link import ClusterLink
from addispatch.config.models import ClusterConfig
from addispatch.runtime import mqtt
from addispatch.runtime.mqtt import Message
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
        self.unprovens = Recording("unproven")

    def heard(self, path, header, kind, body):
        self.messages.add((kind, body, header, path))

    def beat(self, path, header):
        self.beats.add((path, header))

    def unproven(self, path, header, body):
        self.unprovens.add((path, header, body))

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
    def _make(node, boot=None, key=KEY, store=None, **config):
        config = ClusterConfig(role="master", key=key, brokers=[broker.url for broker in brokers], **config)
        handler = Handler()
        link = ClusterLink(config, "plant", node, store or STORES[node], boot or f"{node}-1", handler)
        link.start(supervisor)
        return link, handler

    return _make


async def meet(a, b, brokers_count=2):
    """Each names the other's boot in a heartbeat, so that both are proven."""
    await asyncio.gather(a[1].is_up(brokers_count), b[1].is_up(brokers_count))
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


async def test_each_heartbeat_is_heard_once_and_beats_on_every_path(make, brokers):
    a, b = make("node-a"), make("node-b")
    await meet(a, b)
    before = len(b[1].beats)
    a[0].send("hb", "", b'{"seen":{"boot":"node-b-1","n":2}}')
    for _ in brokers:
        await b[1].beats.wait_for(lambda item: item[1].n == a[0]._sent)
    assert {path for path, _header in b[1].beats[before:]} == {f"127.0.0.1:{broker.port}" for broker in brokers}
    heard = [header.n for kind, _body, header, _path in b[1].messages if kind == "hb"]
    assert len(heard) == len(set(heard))
    assert all(state.returned_ago_s < 5 for state in a[0].paths())  # our own came back as well


async def test_with_one_broker_dead_the_other_carries_on_and_its_return_is_noticed(make, brokers):
    a, b = make("node-a"), make("node-b")
    await meet(a, b)
    await brokers[0].kill()
    for _link, ear in (a, b):
        down = await ear.paths.wait_for(lambda event: event[0] == "down")
        assert down[1] == f"127.0.0.1:{brokers[0].port}"
    assert say(a[0], b[0], b"by one") == 1
    await b[1].hears(b"by one")
    assert a[0].paths()[0].problem
    assert a[0].paths()[1].problem == ""
    await brokers[0].start()
    for _link, ear in (a, b):
        await ear.paths.wait_for(lambda event: event == ("up", f"127.0.0.1:{brokers[0].port}"))
        await ear.is_up(3)
    assert say(a[0], b[0], b"by two") == 2
    await b[1].hears(b"by two")


async def test_a_broker_that_stays_away_is_told_once_and_asked_again_soon(make, brokers):
    await brokers[0].kill()
    _link, ear = make("node-a")
    down = await ear.paths.wait_for(lambda event: event[0] == "down")
    assert "refused" in down[2].lower()
    await asyncio.sleep(0.4)  # several tries
    assert [event[0] for event in ear.paths].count("down") == 1
    await brokers[0].start()
    await ear.is_up(2)


async def test_without_any_broker_nothing_is_sent_and_nothing_waits(make, brokers):
    for broker in brokers:
        await broker.kill()
    a = make("node-a")
    assert a[0].send("cf", "node-b", b"lost", tstore="s", tboot="b") == 0
    assert not any(one.link._outbox for one in a[0]._paths)
    for broker in brokers:
        await broker.start()
    b = make("node-b")
    await meet(a, b)
    say(a[0], b[0], b"kept")
    await b[1].hears(b"kept")
    assert all(body != b"lost" for _kind, body, _header, _path in b[1].messages)


async def test_a_peer_that_dies_leaves_its_last_will_and_one_that_stops_does_not(make, brokers):
    a, b = make("node-a"), make("node-b")
    await meet(a, b)
    for up in (4, 6):
        for one in a[0]._paths:
            one.link._wire.abort()  # what kill -9 does to the sockets
        for _ in brokers:
            _kind, _body, header, _path = await b[1].messages.wait_for(lambda item: item[0] == "lw")
            assert (header.sender, header.boot) == ("node-a", "node-a-1")
        await a[1].is_up(up)
    await a[0].stop()
    say(b[0], b[0], b"")
    wills = [header.n for kind, _body, header, _path in b[1].messages if kind == "lw"]
    assert sorted(wills) == [1, 2, 3, 4]


async def test_a_farewell_is_a_last_will_before_its_time(make, brokers):
    a, b = make("node-a"), make("node-b")
    await meet(a, b)
    assert a[0].farewell() == 2
    await a[0].stop()  # and what was said before is not lost by it
    for _ in brokers:
        await b[1].messages.wait_for(lambda item: item[0] == "lw")


async def test_after_a_renewal_the_old_boot_is_left(make):
    a, b = make("node-a"), make("node-b")
    await meet(a, b)
    say(a[0], b[0], b"before")
    await b[1].hears(b"before")
    a[0].renew("node-a-2")
    b[0].send("ak", "node-a", b"to the old", tstore=STORES["node-a"], tboot="node-a-1")
    assert a[0].current("node-b") is None
    n = a[0]._sent
    a[0].send("hb", "", b'{"seen":{"boot":"node-b-1","n":%d}}' % (b[0]._sent + 1))
    assert n == 0
    await b[1].beats.wait_for(lambda item: item[1].boot == "node-a-2")
    assert b[0].current("node-a") == "node-a-2"
    b[0].send("hb", "", b'{"seen":{"boot":"node-a-2","n":1}}')
    await a[1].messages.wait_for(lambda item: item[0] == "hb" and b"node-a-2" in item[1])
    say(b[0], a[0], b"to the new", kind="ak")
    await a[1].messages.wait_for(lambda item: item[1] == b"to the new")
    assert all(body != b"to the old" for _kind, body, _header, _path in a[1].messages)
    a[0].boot = "node-a-1"  # what is played back
    say(a[0], b[0], b"late")
    a[0].boot = "node-a-2"
    say(a[0], b[0], b"in time")
    await b[1].hears(b"in time")
    assert all(body != b"late" for _kind, body, _header, _path in b[1].messages)


async def test_a_boot_that_never_names_ours_is_told_of(make):
    """The other node with a store that was restored from ours: it does not listen to us, so it proves nothing."""
    a, b = make("node-a"), make("node-b")
    await meet(a, b)
    restored = make("node-b", boot="node-b-9", store="77" * 16)
    await restored[1].is_up()
    restored[0].send("hb", "", b'{"seen":{"boot":"","n":0}}')
    _path, header, body = await a[1].unprovens.wait_for(lambda _item: True)
    assert (header.sender, header.boot, body[:7]) == ("node-b", "node-b-9", b'{"seen"')
    assert a[0].current("node-b") == "node-b-1"
    assert all(header.boot != "node-b-9" for _kind, _body, header, _path in a[1].messages)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [("noise", "malformed"), ("", "malformed"), ("forged", "bad seal"), ("other key", "unknown key")],
)
@pytest.mark.parametrize("kind", ["hb", "st"])
async def test_a_stranger_has_no_effect_and_is_told_once(make, brokers, kind, payload, reason):
    a, b = make("node-a"), make("node-b")
    await meet(a, b)
    caught, topic = [], f"addispatch/plant/_cl/{kind}/{'node-a' if kind == 'hb' else 'node-b'}"
    before = len(b[1].messages), len(b[1].beats)
    header = Header(1, "k1", "node-a", a[0].store, "node-a-1", 500, "node-b", b[0].store, "node-b-1", 0)
    ring = Keyring.parse(generate("k1" if payload == "forged" else "k2"))
    raw = payload if payload in ("noise", "") else seal(ring, topic, header, b'{"seen":{"boot":"node-b-1"}}')
    for _ in range(3):
        await brokers[0].publish(topic, raw)
    caught.append(await b[1].strangers.wait_for())
    say(a[0], b[0], b"after it")
    await b[1].hears(b"after it")
    while b[0].counts().get(f"refused: {reason}", 0) < 3:
        await asyncio.sleep(0.01)
    assert caught == [(reason, f"127.0.0.1:{brokers[0].port}", 1)] == list(b[1].strangers)
    assert (len(b[1].messages) - 1, len(b[1].beats)) == before


async def test_a_heartbeat_played_back_on_the_path_it_came_by_is_no_beat(make, brokers):
    a, b = make("node-a"), make("node-b")
    await meet(a, b)
    topic, body = "addispatch/plant/_cl/hb/node-a", b'{"seen":{"boot":"node-b-1","n":50}}'
    listening = asyncio.get_running_loop().create_task(brokers[0].wait_for(topic))
    while not listening.done():
        a[0].send("hb", "", body)
        await asyncio.sleep(0.05)
    recorded = await listening
    a[0].send("hb", "", body)
    for _ in brokers:
        await b[1].beats.wait_for(lambda item: item[1].n == a[0]._sent)
    before, duplicates = len(b[1].beats), b[0].counts()["duplicate"]
    for _ in range(2):
        await brokers[0].publish(topic, recorded)
    while b[0].counts()["duplicate"] < duplicates + 2:
        await asyncio.sleep(0.01)
    assert len(b[1].beats) == before


async def test_what_one_node_says_on_the_topic_of_another_is_no_message(make):
    a, b = make("node-a"), make("node-b")
    await meet(a, b)
    beats = len(b[1].beats)
    for kind, who in (("hb", "node-c"), ("st", "node-c")):
        topic = f"addispatch/plant/_cl/{kind}/{who}"
        header = Header(1, "k1", "node-a", a[0].store, "node-a-1", 500, "node-b", b[0].store, "node-b-1", 0)
        b[0]._paths[0].received(Message(topic, seal(a[0].keyring, topic, header, b"{}"), 0, False, 0, 0))
    assert b[0].counts()["refused: malformed"] == 2
    assert len(b[1].beats) == beats
    assert all(header.n != 500 for _kind, _body, header, _path in b[1].messages)


async def test_what_a_stranger_recorded_and_plays_back_has_no_effect(make, brokers):
    a, b = make("node-a"), make("node-b")
    await meet(a, b)
    topic = "addispatch/plant/_cl/st/node-b"
    recording = asyncio.get_running_loop().create_task(brokers[0].wait_for(topic))
    while not recording.done():
        say(a[0], b[0], b"once")
        await asyncio.sleep(0.05)
    recorded = await recording
    say(a[0], b[0], b"end")
    await b[1].hears(b"end")
    before, passed = len(b[1].messages), b[0].counts()["passed over"]
    for broker in brokers:
        await broker.publish(topic, recorded)
    while b[0].counts()["passed over"] < passed + 2:
        await asyncio.sleep(0.01)
    assert len(b[1].messages) == before
    assert list(b[1].strangers) == []


async def test_another_node_of_my_name_is_told(make):
    _link, ear = make("node-a")
    twin, other = make("node-a", boot="twin", store="77" * 16)
    await asyncio.gather(ear.is_up(), other.is_up())
    twin.send("hb", "", b"{}")
    assert (await ear.strangers.wait_for())[0] == "own name"
    assert list(ear.beats) == list(other.beats) == []


async def test_a_flood_of_bad_seals_is_not_opened_and_heartbeats_still_are(make, brokers, monkeypatch):
    monkeypatch.setattr(path, "BAD_PER_S", 5)
    a, b = make("node-a"), make("node-b")
    await meet(a, b)
    for allowance in b[0]._paths[0]._allowance.values():
        allowance._monotonic_s = lambda then_s=allowance._at_s: then_s  # none is given back during this test
    header = Header(1, "k1", "node-a", a[0].store, "node-a-1", 500, "node-b", b[0].store, "node-b-1", 0)
    topic = "addispatch/plant/_cl/st/node-b"
    forged = seal(Keyring.parse(generate("k1")), topic, header, b"{}")
    for _ in range(8):
        b[0]._paths[0].received(Message(topic, forged, 0, False, 0, 0))
    counts = b[0].counts()
    assert (counts["refused: bad seal"], counts["not opened"]) == (5, 3)
    assert b[1].strangers[0][0] == "bad seal"
    seen = len(b[1].beats)
    a[0].send("hb", "", b'{"seen":{"boot":"node-b-1","n":99}}')
    while len(b[1].beats) < seen + 2:  # by both paths
        await asyncio.sleep(0.01)
    say(a[0], b[0], b"by the other")
    assert (await b[1].hears(b"by the other"))[3] == f"127.0.0.1:{brokers[1].port}"


async def test_a_handler_that_fails_ends_no_connection(make, caplog):
    a, b = make("node-a"), make("node-b")
    await meet(a, b)
    heard = b[1].heard
    b[0].handler.heard = lambda *_what: 1 / 0
    say(a[0], b[0], b"one")
    while "could not be handled" not in caplog.text:
        await asyncio.sleep(0.01)
    b[0].handler.heard = heard
    say(a[0], b[0], b"two")
    await b[1].hears(b"two")
    assert [state.problem for state in b[0].paths()] == ["", ""]
    assert all(p.link.held_count == 0 for p in b[0]._paths)


async def test_kinds_and_topics_nobody_knows_are_passed_over(make, brokers):
    a, b = make("node-a"), make("node-b")
    await meet(a, b)
    with pytest.raises(KeyError):
        a[0].send("xx", "node-b", b"")
    for topic in ("addispatch/plant/_cl/xx/node-b", "addispatch/plant/_cl", "elsewhere"):
        b[0]._paths[0].received(Message(topic, b"?", 0, False, 0, 0))
    assert b[0].counts()["ignored"] == 3
    assert list(b[1].strangers) == []


async def test_a_body_that_is_too_large_is_refused_when_sending(make):
    link, _ear = make("node-a")
    with pytest.raises(BadEnvelope, match="too large"):
        link.send("cf", "node-b", os.urandom(70_000), tstore="s", tboot="b")


async def test_over_tls_with_certificates_two_nodes_hear_each_other_and_who_has_none_hears_nothing(
    tmp_path, supervisor
):
    certificates = Certificates(tmp_path)
    mine = certificates.client
    files = {"ca_file": mine.ca_file, "cert_file": mine.cert_file, "key_file": mine.key_file}
    async with certificates.broker(tmp_path) as broker:
        url = broker.url.replace("mqtt:", "mqtts:")

        def make(node, **tls):
            config = ClusterConfig(role="master", key=KEY, brokers=[url], **tls)
            handler = Handler()
            link = ClusterLink(config, "plant", node, STORES[node], f"{node}-1", handler)
            link.start(supervisor)
            return link, handler

        a, b = make("node-a", **files), make("node-b", **files)
        await meet(a, b, 1)
        say(a[0], b[0], b"hello")
        await b[1].hears(b"hello")
        _bare, ear = make("node-b", ca_file=files["ca_file"])
        await ear.paths.wait_for(lambda event: event[0] == "down")
        assert [event for event in ear.paths if event[0] == "up"] == []
