"""Counts wrong links by client, so that guessing is answered with 429 and told. Used by ``link_app``.

A token has 128 bits of seal: nobody guesses one. The limit keeps the noise of trying small; valid tokens always pass
it, because behind a proxy all clients share one address.
"""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

#: Wrong tokens allowed to one client, and to all together, in a window.
PER_CLIENT_COUNT, OVERALL_COUNT = 60, 600
WINDOW_S = 60.0
#: Most clients remembered; the one that was first wrong longest ago makes room.
MAX_CLIENTS = 4_096


class WrongTokens:
    """How many wrong tokens came in the current window, by client and overall."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._began_s = monotonic_s()
        self._overall_count = 0
        self._counts: OrderedDict[str, int] = OrderedDict()

    def add(self, address: str) -> bool:
        """Count one from an address; return whether that is too many."""
        now_s = self._monotonic_s()
        if now_s - self._began_s >= WINDOW_S:
            self._began_s, self._overall_count = now_s, 0
            self._counts.clear()
        client = client_of(address)
        if client not in self._counts and len(self._counts) >= MAX_CLIENTS:
            self._counts.popitem(last=False)
        self._counts[client] = self._counts.get(client, 0) + 1
        self._overall_count += 1
        return self._counts[client] > PER_CLIENT_COUNT or self._overall_count > OVERALL_COUNT


def client_of(address: str) -> str:
    """Return who an address stands for: an IPv6 client owns a whole /64 (RFC 6177)."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))
