"""Which virtual addresses are on this machine, as keepalived tells. Used by ``engine.operations``."""

from __future__ import annotations

import ipaddress

from addispatch.domain.errors import Refused

#: Most virtual addresses of one machine.
MAX_COUNT = 20


class AddressesHere:
    """Lives as long as the process: where an address was before is not known, and taken for elsewhere."""

    def __init__(self) -> None:
        self._here: set[str] = set()

    def note(self, address: str, *, is_here: bool) -> bool:
        """Return whether that is news; ``Refused`` for what is no address, or one too many."""
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise Refused("address", f"{address[:60]} is no address") from None
        if (address in self._here) == is_here:
            return False
        if not is_here:
            self._here.remove(address)
        elif len(self._here) < MAX_COUNT:
            self._here.add(address)
        else:
            raise Refused("address", f"{MAX_COUNT} virtual addresses are here already")
        return True
