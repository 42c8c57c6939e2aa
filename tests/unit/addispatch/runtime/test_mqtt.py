"""The link against a real mosquitto: acknowledging, coming back, back-pressure, TLS, both protocol versions."""

import asyncio
import logging
import subprocess

import pytest
from tls import Certificates

from addispatch.runtime import mqtt
from addispatch.runtime.mqtt import BrokerAddress, Message, MqttLink, MqttSettings, Publication, Tls
from addispatch.runtime.mqtt_client import PahoClient
from addispatch.runtime.tasks import Supervisor
from addispatch.sdk.testing import Recording
from addispatch.sdk.testing.mosquitto import Mosquitto, free_port

pytestmark = pytest.mark.debian


class Handler:
    """Records; acknowledges at once if told so."""

    def __init__(self) -> None:
        self.link: MqttLink | None = None
        self.acknowledge = True
        self.happened: Recording[str] = Recording("happening")
        self.messages: Recording[Message] = Recording("message")
        self.acked: list[list[Message]] = []

    def connected(self):
        self.happened.add("connected")

    def disconnected(self, reason):
        self.happened.add(f"disconnected: {reason}")

    def failed(self, reason):
        self.happened.add(f"failed: {reason}")

    def received(self, message):
        self.messages.add(message)
        self.happened.add(f"received {message.topic}")
        if self.acknowledge:
            self.link.acknowledge(message)

    def acknowledged(self, messages):
        self.acked.append(messages)

    async def sees(self, text):
        return await self.happened.wait_for(lambda item: text in item, timeout_s=10)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(mqtt, "FIRST_PAUSE_S", 0.05)


@pytest.fixture
async def broker(tmp_path):
    async with Mosquitto(tmp_path) as running:
        yield running


@pytest.fixture
async def supervisor():
    made = Supervisor()
    yield made
    await made.stop()


@pytest.fixture
def make_link(supervisor):
    def make(port, *filters, held_max_count=2000, start=True, **settings):
        settings = {"client_id": "test", "clean": False, **settings}
        address = settings.pop("address", None) or BrokerAddress("127.0.0.1", port)
        handler = Handler()
        link = MqttLink(MqttSettings(address=address, **settings), handler, held_max_count=held_max_count)
        handler.link = link
        link.subscribe([(topic, 1) for topic in filters])
        if start:
            supervisor.run(f"link {settings['client_id']}", link.run)
        return link, handler

    return make


@pytest.mark.parametrize("version", [4, 5])
async def test_receives_and_acknowledges(broker, make_link, version):
    link, handler = make_link(broker.port, "plant/#", version=version)
    await handler.sees("connected")
    await broker.publish("plant/a", "hot", "--retain")

    message = await handler.messages.wait_for()
    assert (message.topic, message.payload, message.qos) == ("plant/a", b"hot", 1)
    assert link.is_connected
    assert link.held_count == 0
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert handler.acked == [[message]]


@pytest.mark.parametrize("version", [4, 5])
async def test_other_filters_take_the_place_of_those_before(broker, make_link, version):
    link, handler = make_link(broker.port, "plant/#", "old/#", version=version)
    await handler.sees("connected")
    link.subscribe([("plant/#", 1), ("new/#", 1)])
    await broker.publish("old/a", "1")
    await broker.publish("new/a", "2")
    await handler.messages.wait_for(lambda m: m.topic == "new/a")
    link.subscribe([])
    await broker.publish("plant/a", "3")
    await link.deliver("own", b"")
    assert [message.topic for message in handler.messages] == ["new/a"]


@pytest.mark.parametrize("version", [4, 5])
async def test_what_was_not_acknowledged_comes_again_and_what_was_does_not(broker, make_link, supervisor, version):
    link, handler = make_link(broker.port, "plant/#", version=version)
    handler.acknowledge = False
    await handler.sees("connected")
    await broker.publish("plant/a", "first")
    await broker.publish("plant/b", "second")
    first = await handler.messages.wait_for(lambda m: m.payload == b"first")
    await handler.messages.wait_for(lambda m: m.payload == b"second")
    link.acknowledge(first)
    await asyncio.sleep(0.05)
    await supervisor.stop()

    _link, again = make_link(broker.port, version=version)
    message = await again.messages.wait_for()
    await broker.publish("plant/c", "third")
    await again.messages.wait_for(lambda m: m.payload == b"third")
    assert [m.payload for m in again.messages] == [b"second", b"third"]
    assert message.payload == b"second"


async def test_an_acknowledgement_for_an_earlier_connection_is_not_sent(broker, make_link, supervisor):
    link, handler = make_link(broker.port, "plant/#")
    handler.acknowledge = False
    await handler.sees("connected")
    await broker.publish("plant/a", "x")
    old = await handler.messages.wait_for()
    await broker.kill()
    await handler.sees("disconnected")
    await broker.start()
    await handler.sees("connected")
    link.acknowledge(old)
    assert link._wire.unsent == 0
    await asyncio.sleep(0.05)
    assert handler.acked == []
    assert link.held_count == 0


async def test_all_acknowledgements_of_a_turn_leave_in_one_send(broker, make_link, monkeypatch):
    link, handler = make_link(broker.port, "plant/#")
    handler.acknowledge = False
    await handler.sees("connected")
    for number in range(5):
        await broker.publish(f"plant/{number}", "x")
    await handler.messages.wait_for(lambda m: m.topic == "plant/4")
    flushes = []
    wire = link._wire
    flush = wire.flush
    monkeypatch.setattr(wire, "flush", lambda: (flushes.append(wire.unsent), flush())[1])
    for message in list(handler.messages):
        link.acknowledge(message)
    await asyncio.sleep(0.05)
    monkeypatch.undo()
    assert [size for size in flushes if size] == [5 * 4]
    assert len(handler.acked) == 1


async def test_waits_for_a_broker_that_is_not_there_yet(tmp_path, make_link):
    broker = Mosquitto(tmp_path)
    link, handler = make_link(broker.port, "plant/#")
    await handler.sees("failed: Connection refused")
    assert link.problem == "Connection refused"
    assert link.publish("plant/waiting", b"kept", qos=1)
    assert not link.publish("plant/waiting", b"dropped", qos=0)
    async with broker:
        await handler.sees("connected")
        message = await handler.messages.wait_for()
        assert message.payload == b"kept"


async def test_comes_back_and_subscribes_again_after_the_broker_died(broker, make_link):
    link, handler = make_link(broker.port, "plant/#")
    await handler.sees("connected")
    await broker.kill()
    await handler.sees("disconnected: connection lost")
    assert not link.is_connected
    await broker.start()
    await handler.sees("connected")
    await broker.publish("plant/a", "again", "--retain")
    await handler.messages.wait_for(lambda m: m.payload == b"again")
    assert [word.split()[0] for word in handler.happened if "failed" not in word][:4] == [
        "connected", "disconnected:", "connected", "received",
    ]  # fmt: skip


async def test_the_handler_hears_of_the_connection_before_any_message(broker, make_link, supervisor):
    _link, _handler = make_link(broker.port, "plant/#")
    await _handler.sees("connected")
    await supervisor.stop()
    await broker.publish("plant/a", "while away")
    _link, handler = make_link(broker.port, "plant/#")
    await handler.messages.wait_for()
    assert handler.happened[:2] == ["connected", "received plant/a"]


@pytest.mark.parametrize("version", [4, 5])
async def test_a_wrong_password_is_named(tmp_path, make_link, version):
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "jane", "secret"], check=True)
    async with Mosquitto(tmp_path, f"password_file {passwords}", anonymous=False) as broker:
        address = BrokerAddress("127.0.0.1", broker.port, False, "jane", "wrong")
        link, handler = make_link(broker.port, address=address, version=version)
        await handler.sees("failed: the broker refused us: Not authorized")
        assert not link.is_connected

        address = BrokerAddress("127.0.0.1", broker.port, False, "jane", "secret")
        _link, handler = make_link(broker.port, address=address, version=version, client_id="other")
        await handler.sees("connected")


async def test_stops_reading_while_too_much_is_held_and_loses_nothing(broker, make_link):
    link, handler = make_link(broker.port, "plant/#", held_max_count=20)
    handler.acknowledge = False
    await handler.sees("connected")
    sender, _ = make_link(broker.port, client_id="sender")
    await _.sees("connected")
    for number in range(300):
        sender.publish(f"plant/{number}", b"x" * 100)
    await handler.messages.wait_for(lambda m: m.topic == "plant/19")
    await asyncio.sleep(0.2)
    assert len(handler.messages) == 20
    assert link.is_paused

    while len(handler.messages) < 300:
        assert link.held_count <= 20
        for message in [m for m in handler.messages if m.token is None]:
            message.token = "done"
            link.acknowledge(message)
        await asyncio.sleep(0.005)
    assert {m.topic for m in handler.messages} == {f"plant/{n}" for n in range(300)}


async def test_stays_connected_while_reading_is_stopped(broker, make_link):
    """The broker hears pings although paho would not see the answers; a broker that dies meanwhile is noticed."""
    link, handler = make_link(broker.port, "plant/#", held_max_count=1, keepalive_s=1)
    handler.acknowledge = False
    await handler.sees("connected")
    await broker.publish("plant/a", "x")
    message = await handler.messages.wait_for()
    assert link.is_paused
    await asyncio.sleep(4)
    assert link.is_connected
    link.acknowledge(message)
    await broker.publish("plant/b", "y")
    await handler.messages.wait_for(lambda m: m.payload == b"y")
    assert [item for item in handler.happened if item.startswith("disconnected")] == []


async def test_deliver_waits_for_the_broker(broker, make_link):
    link, handler = make_link(broker.port, start=False)
    with pytest.raises(ConnectionError, match="not connected yet"):
        await link.deliver("a", b"b")
    link, handler = make_link(broker.port)
    await handler.sees("connected")
    await link.deliver("state/x", b"kept", retain=True)
    assert await broker.wait_for("state/x") == b"kept"


async def test_the_publish_queue_is_bounded(tmp_path, make_link):
    link, _handler = make_link(1, start=False, publish_max_count=2)
    assert [link.publish("a", b"", qos=1) for _ in range(3)] == [True, True, False]


async def test_the_last_will_is_sent_when_the_line_breaks_and_not_after_a_goodbye(broker, make_link, supervisor):
    will = Publication("node/a", b"offline", 1, retain=True)
    link, handler = make_link(broker.port, will=will)
    await handler.sees("connected")
    await link.deliver("node/a", b"online", retain=True)
    _watcher, seen = make_link(broker.port, "node/#", client_id="watcher")
    await seen.messages.wait_for(lambda m: m.payload == b"online")
    link._wire.abort()  # the line breaks: no goodbye
    await seen.messages.wait_for(lambda m: m.payload == b"offline")
    await supervisor.stop()

    link, handler = make_link(broker.port, will=will)
    await handler.sees("connected")
    await link.deliver("node/a", b"online", retain=True)
    await supervisor.stop()
    assert await broker.wait_for("node/a") == b"online"
    assert handler.happened[-1] == "disconnected: ", "an end we wanted has no reason"
    assert not link.is_connected


async def test_another_last_will_counts_from_the_next_connection(broker, make_link):
    link, handler = make_link(broker.port, will=Publication("will", b"first"))
    await handler.sees("connected")
    _watcher, seen = make_link(broker.port, "will", client_id="watcher")
    await broker.publish("will", "none yet", "--retain")
    await seen.messages.wait_for(lambda m: m.payload == b"none yet")
    link.leave_will(Publication("will", b"second"))
    for will in (b"first", b"second"):
        link._wire.abort()
        assert (await seen.messages.wait_for()).payload == will
        await handler.happened.wait_for(lambda item: item == "connected")


async def test_the_pause_before_the_next_try_has_its_limit(make_link):
    _link, handler = make_link(free_port(), longest_pause_s=0.1)
    async with asyncio.timeout(3):  # doubling, the eighth would come after six seconds
        for _ in range(8):
            await handler.sees("failed")


async def test_a_bug_in_the_handler_does_not_end_the_connection(broker, make_link, caplog, monkeypatch):
    link, handler = make_link(broker.port, "plant/#")
    await handler.sees("connected")
    monkeypatch.setattr(handler, "received", lambda _message: 1 / 0)
    await broker.publish("plant/a", "x")
    async with asyncio.timeout(20):
        while "could not be handled" not in caplog.text:
            await asyncio.sleep(0.01)
    assert link.is_connected
    assert link.held_count == 0


async def test_works_with_a_paho_that_does_not_take_our_socket(broker, make_link, monkeypatch, caplog):
    monkeypatch.delattr(PahoClient, "_create_socket")
    caplog.set_level(logging.WARNING)
    link, handler = make_link(broker.port, "plant/#", held_max_count=5)
    await handler.sees("connected")
    for number in range(8):
        await broker.publish("plant/a", str(number))
    await handler.messages.wait_for(lambda m: m.payload == b"7")
    await asyncio.sleep(0.05)
    assert link._wire is None
    assert "does not take our socket" in caplog.text
    assert len([m for batch in handler.acked for m in batch]) == 8


async def test_a_silent_server_is_given_up(make_link):
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", port := free_port())
    async with server:
        link, handler = make_link(port, connect_timeout_s=0.2)
        await handler.sees("failed: no answer")
        await handler.sees("failed: no answer")
        assert not link.is_connected


async def fake_broker(conversation):
    """A server that takes a CONNECT and goes on as told; returns it and its port."""

    async def serve(reader, writer):
        await reader.read(1000)
        writer.write(b"\x20\x02\0\0")
        await conversation(reader, writer)
        writer.close()

    port = free_port()
    return await asyncio.start_server(serve, "127.0.0.1", port), port


async def test_a_broker_that_falls_silent_is_given_up(make_link):
    async def silent(reader, _writer):
        while await reader.read(1000):
            pass

    server, port = await fake_broker(silent)
    async with server:
        link, handler = make_link(port, keepalive_s=1)
        await handler.sees("connected")
        await handler.sees("disconnected: nothing heard of the broker for 2 s")
        assert not link.is_connected
        await handler.sees("connected")


@pytest.mark.parametrize(
    "garbage", [b"\x32\x01\x00", b"\x32\x04\x00\x09ab", b"\xf0\x00", b"\x32\xff\xff\xff\xff\x01", b"\x90\x00"]
)
async def test_a_broker_that_sends_garbage_is_left(make_link, garbage, monkeypatch):
    async def talk(reader, writer):
        writer.write(garbage + b"x" * 100)
        await reader.read(1000)

    server, port = await fake_broker(talk)
    async with server:
        _link, handler = make_link(port)
        await handler.sees("connected")
        await handler.sees("disconnected")
        await handler.sees("connected")
        assert handler.messages == []


# -- TLS -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
async def tls_broker(tmp_path, certificates):
    async with certificates.broker(tmp_path) as broker:
        yield broker


@pytest.mark.parametrize("version", [4, 5])
async def test_tls_with_a_client_certificate(tls_broker, certificates, make_link, version):
    link, handler = make_link(tls_broker.port, "plant/#", tls=certificates.client, version=version)
    await handler.sees("connected")
    for number in range(50):
        link.publish(f"plant/{number}", b"y" * 20_000)
    await handler.messages.wait_for(lambda m: m.topic == "plant/49")
    assert len(handler.messages) == 50
    assert handler.messages[-1].payload == b"y" * 20_000


async def test_tls_refuses_a_certificate_nobody_vouches_for(tls_broker, make_link):
    link, handler = make_link(tls_broker.port, tls=Tls())
    await handler.sees("certificate verify failed")
    assert not link.is_connected


async def test_tls_files_that_are_missing_are_named(tls_broker, tmp_path, make_link):
    _link, handler = make_link(tls_broker.port, tls=Tls(ca_file=tmp_path / "nothing.pem"))
    await handler.sees("No such file")
