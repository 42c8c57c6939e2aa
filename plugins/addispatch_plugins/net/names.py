"""Names of hosts to addresses, off the loop, with a deadline (law 7). Used by all probes that connect.

The machine's own look-up (hosts file, DNS, mDNS) blocks and cannot be broken off, so each runs in a thread of its own;
there are never more than ``MAX_LOOKUPS`` of them, and one for the same name is waited for together.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from dataclasses import dataclass

from addispatch.sdk import PluginError, in_thread

#: How long an answer is used, and how long a refusal, in seconds.
KEPT_S, REFUSED_S = 60.0, 5.0
#: Most threads that wait for name servers.
MAX_LOOKUPS = 16
#: Most addresses of one name that are used.
MAX_ADDRESSES = 4
#: Most names that are remembered.
MAX_NAMES = 20_000

_UNKNOWN = frozenset({socket.EAI_NONAME, socket.EAI_NODATA})


class NameFailed(PluginError):
    """A name has no address, or nobody says which."""


@dataclass(frozen=True, slots=True)
class Address:
    """A numeric address and its family; ``scope`` is the interface of a link-local one."""

    family: socket.AddressFamily
    ip: str
    scope: int = 0

    def at(self, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
        """Return it as sockets want it."""
        return (self.ip, port) if self.family is socket.AF_INET else (self.ip, port, 0, self.scope)


@dataclass(frozen=True, slots=True)
class _Known:
    addresses: tuple[Address, ...]
    problem: str
    until_s: float


class Names:
    """Looks up names and remembers them for a minute."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._asked: dict[str, asyncio.Future[_Known]] = {}
        self._free = asyncio.Semaphore(MAX_LOOKUPS)

    async def addresses(self, host: str) -> tuple[Address, ...]:
        """Return at least one address; raises ``NameFailed``. The caller has the deadline."""
        if (literal := _literal(host)) is not None:
            return (literal,)
        name = host.casefold()
        known = self._known.get(name)
        if known is None or known.until_s < asyncio.get_running_loop().time():
            known = await self._ask(name)
        if known.problem:
            raise NameFailed(known.problem)
        return known.addresses

    async def _ask(self, name: str) -> _Known:
        asked = self._asked.get(name)
        if asked is None:
            await self._free.acquire()
            asked = self._asked.get(name)
            if asked is None:
                asked = self._begin(name)
            else:
                self._free.release()
        # Whoever gives up waiting does not end the look-up: its thread goes on, and keeps its place.
        return await asyncio.shield(asked)

    def _begin(self, name: str) -> asyncio.Future[_Known]:
        loop = asyncio.get_running_loop()
        asked: asyncio.Future[_Known] = loop.create_future()
        self._asked[name] = asked

        def settle(found: asyncio.Future[tuple[tuple[Address, ...], str]]) -> None:
            addresses, problem = found.result()
            self._asked.pop(name, None)
            self._free.release()
            if len(self._known) >= MAX_NAMES:
                self._known.clear()
            known = _Known(addresses, problem, loop.time() + (REFUSED_S if problem else KEPT_S))
            self._known[name] = known
            if not asked.done():
                asked.set_result(known)

        in_thread(lambda: _look_up(name), f"name {name}"[:60]).add_done_callback(settle)
        return asked


def _literal(host: str) -> Address | None:
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv4Address):
        return Address(socket.AF_INET, str(found))
    scope = 0
    if found.scope_id:
        with contextlib.suppress(OSError):
            scope = int(found.scope_id) if found.scope_id.isdecimal() else socket.if_nametoindex(found.scope_id)
    return Address(socket.AF_INET6, str(found).partition("%")[0], scope)


def _look_up(name: str) -> tuple[tuple[Address, ...], str]:
    """Ask the machine; runs in a thread. Returns the addresses, or what is wrong."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return (), explain(name, error.errno or 0)
    except (OSError, UnicodeError) as error:
        return (), f"the name {name} cannot be looked up: {getattr(error, 'strerror', None) or 'it is no name'}"
    addresses = dict.fromkeys(
        Address(socket.AddressFamily(family), str(at[0]), int(at[3]) if len(at) == 4 else 0)
        for family, _, _, _, at in found
    )
    kept = tuple(addresses)[:MAX_ADDRESSES]
    return (kept, "") if kept else ((), f"the name {name} has no address")


def explain(name: str, code: int) -> str:
    """Say in one line what a failed look-up means."""
    if code in _UNKNOWN:
        return f"the name {name} is not known"
    return f"the name {name} cannot be looked up: no name server answers"
