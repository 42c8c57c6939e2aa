"""Mails per second of the channel ``email`` with 1 and 8 connections against a raw sink in another process.

    python benchmarks/smtp_channel.py [mails]

The sink answers at once and keeps nothing, so this is what our side costs; with a real server only the number of
connections counts. Without PIPELINING (second pair of lines) a mail costs four round trips instead of two, or of one where
the next mails wait for the connection.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

from addispatch.sdk import Sent
from addispatch.sdk.testing import RecordingContext, make_delivery
from addispatch_plugins.smtp import plugin


class RawSink(asyncio.Protocol):
    """Just enough SMTP, with no parsing to speak of."""

    pipelining = True

    def connection_made(self, transport):
        self._transport, self._in_data, self._buffer = transport, False, b""
        transport.write(b"220 sink\r\n")

    def data_received(self, data):
        self._buffer += data
        out = []
        while self._buffer:
            if self._in_data:
                end = self._buffer.find(b"\r\n.\r\n")
                if end < 0:
                    break
                self._buffer, self._in_data = self._buffer[end + 5 :], False
                out.append(b"250 ok\r\n")
                continue
            line, newline, rest = self._buffer.partition(b"\r\n")
            if not newline:
                break
            self._buffer = rest
            if line.startswith(b"EHLO"):
                out.append(b"250-sink\r\n250-PIPELINING\r\n250 HELP\r\n" if self.pipelining else b"250 sink\r\n")
            elif line == b"DATA":
                self._in_data = True
                out.append(b"354 go\r\n")
            else:
                out.append(b"250 ok\r\n")
        self._transport.write(b"".join(out))


def run_sink(port_pipe, pipelining):
    async def serve():
        RawSink.pipelining = pipelining
        server = await asyncio.get_running_loop().create_server(RawSink, "127.0.0.1", 0)
        port_pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


async def measure(port, connections, mails):
    server = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "a@example.com"}
    with tempfile.TemporaryDirectory() as folder:
        async with RecordingContext(Path(folder), name="smtp") as context:
            config = plugin.config.model_validate({"primary": {**server, "connections": connections}})
            instance = plugin.create(config, context)
            await instance.start()
            [channel] = instance.channels
            deliveries = iter([make_delivery("email", "adam@example.com", f"Pump {n}: 7.4 bar") for n in range(mails)])

            async def work():
                for delivery in deliveries:
                    assert isinstance(await channel.send(delivery), Sent)

            began_s, cpu_s = time.perf_counter(), time.process_time()
            await asyncio.gather(*(work() for _ in range(channel.window)))
            took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - cpu_s
            await instance.stop()
    return mails / took_s, cpu_s / mails * 1e6


def main():
    mails = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    for pipelining in (True, False):
        ours, theirs = multiprocessing.Pipe()
        sink = multiprocessing.get_context("spawn").Process(target=run_sink, args=(theirs, pipelining), daemon=True)
        sink.start()
        port = ours.recv()
        for connections in (1, 8):
            rate, cpu_us = max(asyncio.run(measure(port, connections, mails)) for _ in range(3))
            how = "with" if pipelining else "without"
            print(f"{connections} connections, {how} PIPELINING: {rate:8,.0f} mails/s {cpu_us:6.1f} us CPU each")
        sink.terminate()


if __name__ == "__main__":
    main()
