"""Probe ``ping``: whether a host answers to ICMP echoes, and how soon. Made by ``instance``."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from addispatch.sdk import Reading
from addispatch_plugins.net.echo import Echoes, PingFailed, open_socket
from addispatch_plugins.net.names import NameFailed

if TYPE_CHECKING:
    from addispatch_plugins.net.keys import PingKeys
    from addispatch_plugins.net.names import Address, Names

#: Longest pause between the echoes of one reading, in seconds.
PAUSE_S = 0.2


class PingProbe:
    """Implements ``sdk.Probe``."""

    name = "ping"

    def __init__(self, names: Names) -> None:
        self._names = names
        self.is_used = False
        self.echoes = {family: Echoes(family) for family in (socket.AF_INET, socket.AF_INET6)}

    def group(self, keys: PingKeys) -> Hashable:
        """One host each: one that is slow to answer holds up no other."""
        return keys.host

    def prepare(self, keys: Sequence[PingKeys]) -> None:
        """Let go of the sockets when there is nothing to ping."""
        self.is_used = bool(keys)
        if not keys:
            self.close()

    def try_socket(self) -> None:
        """Raise ``PingFailed`` if this process may not ping."""
        open_socket(socket.AF_INET)[0].close()

    def close(self) -> None:
        """Let go of the sockets."""
        for echoes in self.echoes.values():
            echoes.close()

    async def read(self, keys: Sequence[PingKeys], timeout_s: float) -> Sequence[Reading]:
        """Ping the group's host: once for all its monitors that ask in the same way."""
        asked = tuple(dict.fromkeys(keys))
        found = dict(zip(asked, await asyncio.gather(*(self._ping(one, timeout_s) for one in asked)), strict=True))
        return [found[one] for one in keys]

    async def _ping(self, keys: PingKeys, timeout_s: float) -> Reading:
        ends_s = asyncio.get_running_loop().time() + timeout_s
        try:
            async with asyncio.timeout_at(ends_s):
                address = (await self._names.addresses(keys.host))[0]
        except TimeoutError:
            return Reading(problem=f"the name {keys.host} was not looked up within {timeout_s:g} s")
        except NameFailed as error:
            return Reading(problem=str(error))
        try:
            times_s = await self._echoes(self.echoes[address.family], address, keys.count, ends_s)
        except PingFailed as error:
            return Reading(problem=str(error))
        if not times_s:
            return Reading(problem=f"no answer within {timeout_s:g} s")
        best_s = min(times_s)
        value = {
            None: None,
            "latency_ms": round(best_s * 1000, 3),
            "loss_percent": round(100 * (1 - len(times_s) / keys.count), 1),
        }[keys.value]
        return Reading(value, latency_s=best_s)

    async def _echoes(self, echoes: Echoes, address: Address, count: int, ends_s: float) -> list[float]:
        """Send so many, spread over at most half the time; return how long the answered ones took."""
        loop = asyncio.get_running_loop()
        pause_s = min(PAUSE_S, max(ends_s - loop.time(), 0) / 2 / count)
        sent: list[tuple[int, asyncio.Future[float]]] = []
        try:
            for number in range(count):
                if number:
                    await asyncio.sleep(pause_s)
                async with asyncio.timeout_at(ends_s):
                    sent.append(await echoes.send(address))
            await asyncio.wait([future for _, future in sent], timeout=max(ends_s - loop.time(), 0))
        except TimeoutError:
            pass  # the socket was full all the time
        finally:
            for sequence, _ in sent:
                echoes.forget(sequence)
        return [future.result() for _, future in sent if future.done()]
