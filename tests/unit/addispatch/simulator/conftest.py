"""A simulated modem with a host on its serial line that types commands and reads answers."""

from __future__ import annotations

import asyncio
import os
import re
import tty
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from addispatch.simulator import Network, SimulatedModem
from addispatch.simulator.pdu import Submit, encode_submit, with_smsc
from addispatch.simulator.pdu_body import bodies

_FINAL = r"\r\n(OK|ERROR|NO CARRIER|\+CM[ES] ERROR: [^\r]*)\r\n|\r\n> "


class Host:
    """What a GSM program is to the modem."""

    def __init__(self, port: str) -> None:
        self.fd = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.fd)
        self.heard = b""
        self._news = asyncio.Event()
        asyncio.get_running_loop().add_reader(self.fd, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self.fd)
            self.heard += b"<gone>"
        self.heard += data
        self._news.set()

    def write(self, data: bytes) -> None:
        os.write(self.fd, data)

    async def hear(self, pattern: str, timeout_s: float = 5.0) -> str:
        """Wait until the pattern was heard; gives everything up to its end and forgets that."""
        try:
            async with asyncio.timeout(timeout_s):
                while not (found := re.search(pattern, self.heard.decode("latin-1"))):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{pattern!r} not heard, but {self.heard!r}") from None
        heard, self.heard = self.heard[: found.end()], self.heard[found.end() :]
        return heard.decode("latin-1")

    async def ask(self, line: str, end: str = "\r") -> list[str]:
        """Type a line; gives the lines of the answer without echo, the final result last."""
        self.write((line + end).encode("latin-1"))
        heard = await self.hear(_FINAL)
        return [part for part in heard.split("\r\n") if part and part.strip() != line.strip()]

    async def send(self, text: str, to: str = "+6591234567", *, wants_report: bool = False) -> list[str]:
        """Send a text in PDU mode; gives the first line of each part's answer."""
        answers = []
        for body in bodies(text, 5):
            tpdu = encode_submit(Submit(to, body, wants_report=wants_report))
            assert await self.ask(f"AT+CMGS={len(tpdu)}") == ["> "]
            answers.append((await self.ask(with_smsc("", tpdu), end="\x1a"))[0])
        return answers

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.fd)
        os.close(self.fd)


@pytest.fixture
async def network() -> Network:
    return Network()


@pytest.fixture
async def modem(network: Network) -> AsyncIterator[SimulatedModem]:
    modem = SimulatedModem(network, "+6590000001")
    await modem.start()
    yield modem
    await modem.stop()


@pytest.fixture
def settle() -> Callable[[], Awaitable[None]]:
    """Let the network hand over: a few turns of the loop."""

    async def turn() -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    return turn


@pytest.fixture
async def open_host() -> AsyncIterator[Callable[[str], Host]]:
    hosts: list[Host] = []

    def open_port(port: str) -> Host:
        hosts.append(Host(port))
        return hosts[-1]

    yield open_port
    for host in hosts:
        host.close()


@pytest.fixture
async def host(modem: SimulatedModem, open_host: Callable[[str], Host]) -> Host:
    host = open_host(modem.port)
    await host.ask("ATE0")
    return host
