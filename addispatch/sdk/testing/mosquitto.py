"""A real MQTT broker for tests: Debian's mosquitto on a free port, and its foreign clients.

Needs the packages mosquitto and mosquitto-clients; mark tests that use it ``@pytest.mark.debian``.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

#: How long a program may take to start or to end, in seconds.
PATIENCE_S = 10.0


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _program(name: str) -> str:
    # Debian keeps mosquitto in /usr/sbin, which is not in everybody's PATH.
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise FileNotFoundError(f"{name} is not installed: apt-get install mosquitto mosquitto-clients")
    return found


class Mosquitto:
    """``async with Mosquitto(tmp_path) as broker``: runs it; ``lines`` are added to its configuration.

    ``anonymous`` false needs a ``password_file`` line. The port stays the same over ``stop`` and ``start``.
    """

    def __init__(self, folder: Path, *lines: str, anonymous: bool = True) -> None:
        self.port = free_port()
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self._folder = folder
        self._config = folder / f"mosquitto-{self.port}.conf"
        always = (f"listener {self.port} 127.0.0.1", f"allow_anonymous {'true' if anonymous else 'false'}")
        as_root = ("user root",)  # else a mosquitto started by root gives up the rights to a private folder
        self._config.write_text("\n".join((*always, *as_root, *lines)) + "\n")
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it listens."""
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                _program("mosquitto"), "-c", str(self._config), stdout=log, stderr=log
            )
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if self._process.returncode is not None:
                    raise RuntimeError(f"mosquitto ended: {(self._folder / 'mosquitto.log').read_text()[-500:]}")
                with contextlib.suppress(OSError):
                    _reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    return
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """End it as an administrator would (SIGTERM)."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await asyncio.wait_for(self._process.wait(), PATIENCE_S)
        self._process = None

    async def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            await asyncio.wait_for(self._process.wait(), PATIENCE_S)
        self._process = None

    async def publish(self, topic: str, payload: str | bytes, *options: str) -> None:
        """Publish with mosquitto_pub at QoS 1; ``options`` are its own, for example ``--retain``."""
        raw = payload.encode() if isinstance(payload, str) else payload
        process = await asyncio.create_subprocess_exec(
            _program("mosquitto_pub"), "-p", str(self.port), "-q", "1", "-t", topic, "-s" if raw else "-n", *options,
            stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _out, error = await asyncio.wait_for(process.communicate(raw), PATIENCE_S)
        if process.returncode:
            raise RuntimeError(f"mosquitto_pub failed: {error.decode()}")

    async def wait_for(self, topic: str, *options: str, timeout_s: float = PATIENCE_S) -> bytes:
        """Return the payload of the next message (a retained one counts) on the topic, by mosquitto_sub."""
        process = await asyncio.create_subprocess_exec(
            _program("mosquitto_sub"), "-p", str(self.port), "-q", "1", "-t", topic, "-C", "1", "-N",
            "-W", str(max(int(timeout_s), 1)), *options, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _error = await process.communicate()
        if process.returncode:
            raise TimeoutError(f"nothing came on {topic} within {timeout_s} s")
        return out

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()
