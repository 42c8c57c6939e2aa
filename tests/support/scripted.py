"""A mail server that says exactly what a test wants, or nothing. Used by the tests of the mailbox plugin."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Scripted:
    """Runs the script for each connection and counts them."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.connection_count = 0
        self.lines: list[str] = []
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None] | None] = []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connection_count += 1
        self._writers.append(writer)
        self._tasks.append(asyncio.current_task())
        try:
            await self._script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        for task in filter(None, self._tasks):
            task.cancel()
            await asyncio.wait([task])


def pop3(answers: dict[str, str], said: list[str]) -> Script:
    """Answer by the first word; ``""`` = say nothing more, ``"~"`` = one byte each now and then. ``said`` gets the lines."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await say(writer, answers.get("", "+OK ready"))
        while line := (await reader.readline()).decode().strip("\r\n"):
            said.append(line)
            word = line.split()[0].upper() if line else ""
            if not await say(writer, answers.get(line, answers.get(word, "+OK"))):
                await reader.read()
            if word == "QUIT":
                return

    async def say(writer: asyncio.StreamWriter, answer: str) -> bool:
        if answer == "~":
            while True:
                writer.write(b"+")
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.write(f"{answer}\r\n".encode() if answer else b"")
        await writer.drain()
        return bool(answer)

    return script
