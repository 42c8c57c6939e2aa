"""CPU per message of the MQTT side: socket to ``accept``, and the acknowledgement back.

    python benchmarks/mqtt_intake.py [--messages 40000] [--version 4|5] [--rule json|native|text|link] [--commit 64]

A child process plays the broker on loopback: it sends publishes of 200 bytes at QoS 1 as fast as the window of 1000
un-acknowledged ones lets it. ``accept`` is a stub that resolves its futures in groups, as the ledger's commits do.
``link`` measures the link alone: every message is acknowledged in the next turn of the loop.
"""

import argparse
import asyncio
import logging
import multiprocessing
import socket
import struct
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from addispatch.runtime.mqtt import BrokerAddress, MqttLink, MqttSettings
from addispatch.sdk import Accepted
from addispatch.sdk.testing import RecordingContext
from addispatch_plugins.mqtt import plugin

WINDOW = 1000
RULES = {
    "json": {"topic": "plant/{site}/{line}/alarm", "text": "{{ site }} {{ line }}: {{ payload.message }}",
             "key": "{{ topic }}", "priority": "high", "to": ["CriticalAlarms"]},
    "native": {"topic": "plant/#"},
    "text": {"topic": "plant/#", "payload": "text", "text": "{{ topic }}: {{ payload }}"},
}  # fmt: skip


def length(number):
    out = bytearray()
    while True:
        number, digit = divmod(number, 128)
        out.append(digit | (128 if number else 0))
        if not number:
            return bytes(out)


def publishes(count, version, start):
    """Packets of about 200 bytes of payload on 50 topics."""
    packets = []
    for number in range(start, start + count):
        topic = f"plant/site{number % 5}/line{number % 10}/alarm".encode()
        payload = b'{"message": "Temperature of boiler %d is %d C, above the limit", "text": "hot", "n": %d' % (
            number % 10, number % 90, number)  # fmt: skip
        payload += b', "pad": "' + b"x" * (188 - len(payload)) + b'"}'
        body = struct.pack("!H", len(topic)) + topic + struct.pack("!H", number % 65535 + 1)
        body += (b"\0" if version == 5 else b"") + payload
        packets.append(b"\x32" + length(len(body)) + body)
    return packets


def broker(port, count, version, ready):
    """One client, no parsing worth the name: CONNACK, SUBACK, then publishes against PUBACKs."""
    packets = publishes(count, version, 0)
    with socket.create_server(("127.0.0.1", port)) as server:
        ready.set()
        client, _ = server.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.recv(4096)
        client.sendall(b"\x20\x03\0\0\0" if version == 5 else b"\x20\x02\0\0")
        client.recv(4096)
        sent = acked = 0
        rest = b""
        while acked < count:
            room = min(WINDOW - (sent - acked), count - sent)
            if room > 0:
                client.sendall(b"".join(packets[sent : sent + room]))
                sent += room
            data = rest + client.recv(65536)
            whole = len(data) // 4 * 4
            acked += sum(1 for at in range(0, whole, 4) if data[at] == 0x40)
            rest = data[whole:]
        client.recv(1)


class StubContext(RecordingContext):
    """Resolves what was accepted in groups, from the loop, like a writer's commit."""

    def start(self, commit_count):
        self.commit_count, self.waiting, self.taken_count, self.confirmed_count = commit_count, [], 0, 0
        self.result = Accepted(alarm_id="x")

    def accept(self, _alarm):
        future = asyncio.get_running_loop().create_future()
        if not self.waiting:
            asyncio.get_running_loop().call_soon(self.commit)
        self.waiting.append(future)
        self.taken_count += 1
        return future

    def commit(self):
        waiting, self.waiting = self.waiting, []
        for future in waiting:
            future.set_result(self.result)

    def confirmed(self, _path, _fingerprint):
        self.confirmed_count += 1

    def event(self, text, **_more):
        print("event:", text, file=sys.stderr)


class LinkOnly:
    """The least a user of a link can do."""

    def __init__(self):
        self.due, self.confirmed_count = [], 0

    def connected(self): ...
    def disconnected(self, reason): ...
    def failed(self, reason): ...

    def received(self, message):
        if not self.due:
            asyncio.get_running_loop().call_soon(self.acknowledge)
        self.due.append(message)

    def acknowledge(self):
        due, self.due = self.due, []
        for message in due:
            self.link.acknowledge(message)

    def acknowledged(self, messages):
        self.confirmed_count += len(messages)


async def measure(arguments, port):
    with TemporaryDirectory() as folder:
        context = StubContext(Path(folder))
        context.start(arguments.commit)
        if arguments.rule == "link":
            watched = LinkOnly()
            settings = MqttSettings(address=BrokerAddress("127.0.0.1", port), client_id="b", version=arguments.version)
            watched.link = MqttLink(settings, watched)
            watched.link.subscribe([("plant/#", 1)])
            context.supervise("link", watched.link.run)
            end = None
        else:
            watched = context
            table = {"url": f"mqtt://127.0.0.1:{port}", "version": arguments.version, "publish": False,
                     "subscribe": [RULES[arguments.rule]]}  # fmt: skip
            end = plugin.create(plugin.config(**table), context)
            await end.start()
        while watched.confirmed_count < 2000:  # warm caches
            await asyncio.sleep(0.005)
        first, cpu_s, wall_s = watched.confirmed_count, time.process_time(), time.perf_counter()
        while watched.confirmed_count < arguments.messages:
            await asyncio.sleep(0.02)
        count = watched.confirmed_count - first
        cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
        await context.stop()
        return cpu_s / count * 1e6, count / wall_s


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=40_000)
    parser.add_argument("--version", type=int, choices=(4, 5), default=4)
    parser.add_argument("--rule", choices=(*RULES, "link"), default="json")
    parser.add_argument("--commit", type=int, default=64)
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ready = multiprocessing.Event()
    child = multiprocessing.Process(target=broker, args=(port, arguments.messages, arguments.version, ready))
    child.start()
    ready.wait()
    if arguments.profile:
        import cProfile

        profile = cProfile.Profile()
        profile.enable()
    cpu_us, rate = asyncio.run(measure(arguments, port))
    if arguments.profile:
        profile.disable()
        import pstats

        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    child.join()
    print(f"{arguments.rule:7} MQTT {arguments.version}: {cpu_us:5.1f} us CPU per message, {rate:,.0f} msg/s")


if __name__ == "__main__":
    main()
