"""Thousands of cheap Modbus devices in one process: each address of 127.0.0.0/8 is one. Used by ``monitoring``.

Answers function 3 with what is asked for and nothing else, as fast as asyncio can, so that what is measured is the client.
``python -m benchmarks.modbus_devices`` prints its port.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Values go to and fro, so that each reading is a new one.
_VALUES = (b"\x00\x2a" * 125, b"\x00\x2b" * 125)


class Device(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = transport.write  # type: ignore[attr-defined]
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        while len(data) >= 12:
            request, data = data[:12], data[12:]
            size = 2 * request[11]
            head = request[:4] + (3 + size).to_bytes(2, "big") + request[6:8] + bytes((size,))
            self._write(head + _VALUES[request[1] & 1][:size])
        self._rest = data


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Device, "0.0.0.0", 0, backlog=10_000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def devices(core: int) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Devices on a core; yields their port and the process."""
    command = ["taskset", "-c", str(core), sys.executable, "-m", "benchmarks.modbus_devices"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline()), process
    finally:
        process.kill()
        process.wait(10)


def host(number: int) -> str:
    """The address of a device."""
    return f"127.{1 + number // 62_500}.{number // 250 % 250}.{1 + number % 250}"


if __name__ == "__main__":
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())
    os._exit(0)
