"""Mail addresses, from what people write to what goes on the wire. Used for senders and recipients."""

from __future__ import annotations

import re
from functools import lru_cache

# The dot-atom form of RFC 5321 4.1.2. Nothing here can end an SMTP command or a header.
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*")
_LITERAL = re.compile(r"\[[0-9A-Fa-f:.]+\]|\[IPv6:[0-9A-Fa-f:.]+\]")


@lru_cache(maxsize=4096)
def to_wire(address: str) -> bytes:
    """Return the address as ``local@domain`` in ASCII; raises ``ValueError`` with the reason if it is none.

    International domains are encoded (IDNA); international local parts would need SMTPUTF8, which few servers have.
    """
    local, at, domain = address.strip().rpartition("@")
    if not at:
        raise ValueError(f"{address!r} is no mail address: it has no @")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError(f"{address!r} is no mail address: its domain cannot be encoded") from None
    if not (_LOCAL.fullmatch(local) and len(local) <= 64):
        raise ValueError(f"{address!r} is no mail address: the part before the @ is not valid")
    if not ((_DOMAIN.fullmatch(domain) and len(domain) <= 253) or _LITERAL.fullmatch(domain)):
        raise ValueError(f"{address!r} is no mail address: the part after the @ is not valid")
    return f"{local}@{domain}".encode("ascii")
