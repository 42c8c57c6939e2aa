"""A connection to a host, by name or address, in clear or by TLS. Used by ``tcp`` and ``http``."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from addispatch.sdk import PluginError

if TYPE_CHECKING:
    from addispatch_plugins.net.names import Names

#: Most bytes read ahead of us.
BUFFER_BYTES = 64 * 1024


class ConnectFailed(PluginError):
    """There is no connection; one line says why."""


@contextlib.asynccontextmanager
async def connected(
    names: Names, host: str, port: int, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect to the first address that takes us, and drop the connection at the end.

    Raises ``NameFailed`` and ``ConnectFailed``. The caller has the deadline: of several addresses one that swallows
    everything uses it up.
    """
    failure = "no address"
    for address in await names.addresses(host):
        target = f"{address.ip}%{address.scope}" if address.scope else address.ip
        try:
            reader, writer = await asyncio.open_connection(
                target, port, limit=BUFFER_BYTES, ssl=tls, server_hostname=host if tls else None
            )
        except (OSError, ValueError) as error:
            failure = explain(error)
            continue
        try:
            yield reader, writer
        finally:
            # No goodbye: to wait for the other side's is to be held by it.
            writer.transport.abort()
        return
    raise ConnectFailed(failure)


def explain(error: Exception) -> str:
    """Say in one line what is wrong with a connection."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "reason", None) or "the other side does not speak it"
        return f"no TLS: {reason.replace('_', ' ').lower()}"
    if isinstance(error, asyncio.IncompleteReadError):
        return "the other side hung up"
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno).lower()
    if isinstance(error, ConnectionError):
        return "the other side hung up"
    return f"no connection: {type(error).__name__}"
