"""The load: publishes numbered alarms over MQTT 3.1.1 with QoS 1, on a bare socket. Run as a program by ``pipeline``.

A client library would cost more than the contestants. The messages are 200 bytes of JSON with a number ``n`` and the time
of publishing ``t`` (CLOCK_MONOTONIC in ns, common to all processes), on 20 topics.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import struct
import time

TOPICS = [f"plant/site{site}/line{line}/alarm".encode() for site in range(4) for line in range(5)]
PAYLOAD_BYTES = 200
#: Most publishes without the broker's answer: enough to keep it busy, few enough that it takes them as they come.
WINDOW = 200


def payload(number: int, now_ns: int) -> bytes:
    """One alarm, padded to a constant size."""
    head = f'{{"n": {number}, "t": {now_ns}, "message": "Tank level high, inlet valve open", "pad": "'
    return (head + "x" * (PAYLOAD_BYTES - len(head) - 2) + '"}').encode()


def publish(number: int, now_ns: int) -> bytes:
    """The PUBLISH packet of alarm ``number``; packet ids run from 1 to 60,000."""
    topic = TOPICS[number % len(TOPICS)]
    body = struct.pack(">H", len(topic)) + topic + struct.pack(">H", number % 60_000 + 1) + payload(number, now_ns)
    # A remaining length of 128 to 16,383 takes two bytes; these are always about 230.
    return bytes((0x32, len(body) & 0x7F | 0x80, len(body) >> 7)) + body


def connect(port: int) -> socket.socket:
    """A connection with a clean session."""
    broker = socket.create_connection(("127.0.0.1", port))
    broker.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client = f"load{time.monotonic_ns()}".encode()
    body = b"\x00\x04MQTT\x04\x02\x00\x00" + struct.pack(">H", len(client)) + client
    broker.sendall(bytes((0x10, len(body))) + body)
    answer = broker.recv(4)
    if answer != b"\x20\x02\x00\x00":
        raise ConnectionError(f"the broker answered {answer!r}")
    return broker


def run(port: int, first: int, count: int, rate_per_s: float) -> dict[str, float]:
    """Publish ``count`` alarms from number ``first``, as fast as it goes or at a steady rate; wait for all answers."""
    broker = connect(port)
    sent = answered_bytes = late = 0
    start_ns = time.monotonic_ns()
    while answered_bytes < count * 4:
        burst, now_ns = [], time.monotonic_ns()
        allowed = min(count, answered_bytes // 4 + WINDOW)
        if rate_per_s:
            allowed = min(allowed, int((now_ns - start_ns) / 1e9 * rate_per_s) + 1)
        while sent < allowed:
            burst.append(publish(first + sent, now_ns))
            sent += 1
        if burst:
            broker.sendall(b"".join(burst))
            late = max(late, len(burst))
        wait_s = 1.0
        if rate_per_s and sent < count:
            wait_s = max(0.0, sent / rate_per_s - (time.monotonic_ns() - start_ns) / 1e9)
        if select.select([broker], [], [], wait_s)[0]:
            answer = broker.recv(65536)
            if not answer:
                raise ConnectionError("the broker closed the connection")
            # Every answer is a PUBACK of 4 bytes; nothing is subscribed.
            answered_bytes += len(answer)
    broker.close()
    return {"start_ns": start_ns, "seconds": (time.monotonic_ns() - start_ns) / 1e9, "largest_burst": late}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--rate", type=float, default=0.0, help="messages per second; 0 = as fast as it goes")
    options = parser.parse_args()
    print(json.dumps(run(options.port, options.first, options.count, options.rate)))
