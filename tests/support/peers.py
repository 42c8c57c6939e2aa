"""Peers on the loopback with good and bad manners, for tests of what connects to servers."""

from __future__ import annotations

import asyncio


class Peer:
    """A server whose manners a test decides: ``manners(reader, writer)``; ``heard`` is what came first."""

    def __init__(self):
        self.heard = []
        self.tasks = set()

    async def start(self, manners, tls=None):
        async def talk(reader, writer):
            task = asyncio.current_task()
            self.tasks.add(task)
            try:
                await manners(self, reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass
            finally:
                self.tasks.discard(task)
                writer.close()

        self.server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
        self.port = self.server.sockets[0].getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    async def request(self, reader):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heard.append(head)
        return head

    async def close(self):
        self.server.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.sleep(0)


def answers(*parts, pause_s=0.0):
    """Manners of a web server that says these bytes to any request."""

    async def manners(peer, reader, writer):
        await peer.request(reader)
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return manners


async def swallows(_peer, reader, _writer):
    """Takes everything, says nothing."""
    while await reader.read(1000):
        pass
