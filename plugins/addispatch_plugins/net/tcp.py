"""Probe ``tcp``: whether somebody takes a connection, and says what he should. Made by ``instance``."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from addispatch.sdk import Reading
from addispatch_plugins.net.connect import ConnectFailed, connected, explain
from addispatch_plugins.net.names import NameFailed

if TYPE_CHECKING:
    from addispatch_plugins.net.keys import TcpKeys
    from addispatch_plugins.net.names import Names

#: How much of a wrong answer is shown, in characters.
SHOWN_CHARS = 60


class TcpProbe:
    """Implements ``sdk.Probe``."""

    name = "tcp"

    def __init__(self, names: Names) -> None:
        self._names = names

    def group(self, keys: TcpKeys) -> Hashable:
        """One service each."""
        return keys.host, keys.port, keys.send, keys.expect

    def prepare(self, keys: Sequence[TcpKeys]) -> None:
        """Nothing is kept between readings."""

    async def read(self, keys: Sequence[TcpKeys], timeout_s: float) -> Sequence[Reading]:
        """Connect once for all of the group."""
        loop = asyncio.get_running_loop()
        began_s, seen = loop.time(), _Seen()
        try:
            async with asyncio.timeout(timeout_s):
                problem = await self._talk(keys[0], seen)
        except TimeoutError:
            problem = f"{seen.so_far} within {timeout_s:g} s"
        except (NameFailed, ConnectFailed) as error:
            problem = str(error)
        except OSError as error:
            problem = explain(error)
        if problem:
            return [Reading(problem=problem)] * len(keys)
        took_s = (seen.connected_s or loop.time()) - began_s
        latency_ms = round(took_s * 1000, 3)
        return [Reading(latency_ms if one.value else None, latency_s=took_s) for one in keys]

    async def _talk(self, keys: TcpKeys, seen: _Seen) -> str:
        """Connect, say what is to be said; return what is wrong with the answer."""
        async with connected(self._names, keys.host, keys.port) as (reader, writer):
            seen.connected_s = asyncio.get_running_loop().time()
            seen.so_far = "connected, but it did not say what is expected"
            if keys.send:
                writer.write(keys.send.encode())
                await writer.drain()
            expected, said = keys.expect.encode(), b""
            while len(said) < len(expected) and expected.startswith(said):
                if not (more := await reader.read(len(expected) - len(said))):
                    return f"hung up after saying {shown(said)}" if said else "hung up without a word"
                said += more
            return "" if said == expected else f"said {shown(said)}, not {shown(expected)}"


class _Seen:
    """How far a talk came, for what is told when time is up; ``connected_s`` is on the loop's clock."""

    connected_s: float | None = None
    so_far = "no connection"


def shown(data: bytes) -> str:
    """Bytes of somebody else as a line."""
    text = data.decode("utf-8", "replace")
    return repr(text[:SHOWN_CHARS]) + ("…" if len(text) > SHOWN_CHARS else "")
