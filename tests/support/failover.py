"""keepalived on machines of ``netns``, and a client of the virtual address that sees who answers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from pathlib import Path
from typing import Self

from netns import Namespace, find_program

#: What keepalived.conf(5) and most guides have.
STOCK = """
vrrp_instance VI_1 {{
    state {state}
    interface eth0
    virtual_router_id 51
    priority {priority}
    advert_int 1
    virtual_ipaddress {{
        {address}
    }}
}}
"""


#: How often the client knocks, and how long it waits for an answer, in seconds.
KNOCK_S, ANSWER_S = 0.1, 0.4
#: How long anything may take on a machine that is busy with other things.
PATIENCE_S = 40.0


class Keepalived:
    """The real one in the foreground; all its files are in ``folder``."""

    def __init__(self, machine: Namespace, folder: Path, config: str) -> None:
        self._machine = machine
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._config = folder / "keepalived.conf"
        self._config.write_text(config)
        self._config.chmod(0o600)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def _command(self) -> list[str]:
        files = [f"--{name}={self._folder}/{name}" for name in ("pid", "vrrp_pid")]
        program = find_program("keepalived") or "keepalived"
        return self._machine.argv(
            program, "--vrrp", "--dont-fork", "--log-console", f"--use-file={self._config}", *files
        )

    async def complaints(self) -> str:
        """What ``keepalived --config-test`` finds wrong."""
        process = await asyncio.create_subprocess_exec(
            *self._command, "--config-test", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await process.communicate()
        return output.decode() if process.returncode or output else ""

    async def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(*self._command, stdout=log, stderr=log)

    async def stop(self) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
            await asyncio.wait_for(self._process.wait(), PATIENCE_S)

    async def kill(self) -> None:
        """kill -9, the parent and its child, as when the machine goes."""
        assert self._process is not None
        child = int((self._folder / "vrrp_pid").read_text())
        self._process.kill()
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        await self._process.wait()
        for name in ("pid", "vrrp_pid"):  # a reboot clears /run
            (self._folder / name).unlink(missing_ok=True)

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text()

    @property
    def may_work_us(self) -> int:
        """After how long a stretch of work the kernel kills it."""
        child = (self._folder / "vrrp_pid").read_text().strip()
        limits = Path(f"/proc/{child}/limits").read_text().splitlines()
        return next(int(line.split()[-2]) for line in limits if line.startswith("Max realtime timeout"))

    async def says(self, words: str) -> None:
        """Wait until it has logged the words."""
        began_s = time.monotonic()
        while words not in self.log:
            assert time.monotonic() - began_s < PATIENCE_S, f"keepalived never said {words!r}: {self.log}"
            await asyncio.sleep(KNOCK_S)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()


class Client:
    """Asks a virtual address who is there, again and again. Daemons tell their time zone in each answer: their name here."""

    def __init__(self, machine: Namespace, address: str, port: int) -> None:
        self._machine, self._target = machine, (address, port)

    async def finds(self, who: str, *, timeout_s: float = PATIENCE_S) -> float:
        """Wait until that daemon answers; returns after how many seconds it did."""
        began_s = time.monotonic()
        heard = set()
        while (found := await self.asks()) != who:
            heard.add(found)
            assert time.monotonic() - began_s < timeout_s, f"{who} does not answer at {self._target}, but {heard}"
            await asyncio.sleep(KNOCK_S)
        return time.monotonic() - began_s

    async def asks(self, path: str = "/healthz") -> str:
        """Who answers now; "" if nobody does."""
        with self._machine.entered():
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        loop = asyncio.get_running_loop()
        with sock:
            sock.setblocking(False)
            try:
                async with asyncio.timeout(ANSWER_S):
                    await loop.sock_connect(sock, self._target)
                    await loop.sock_sendall(
                        sock, f"GET {path} HTTP/1.1\r\nHost: vip\r\nConnection: close\r\n\r\n".encode()
                    )
                    answer = b""
                    while piece := await loop.sock_recv(sock, 4096):
                        answer += piece
            except (TimeoutError, OSError):
                return ""
        for line in answer.decode().splitlines():
            name, _, value = line.partition(": ")
            if name.lower() == "addispatch-timezone":
                return value
        return ""
