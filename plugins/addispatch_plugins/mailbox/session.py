"""One connection to the mailbox, as ``collect`` uses it; implemented by ``pop3`` and ``imap``.

All of it blocks and runs in a thread behind ``border``, except ``abort``, which may be called from any other one.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from addispatch.sdk import PluginError
from addispatch_plugins.mailbox.config import Security

if TYPE_CHECKING:
    from addispatch_plugins.mailbox.config import MailboxConfig

#: How much of a mail larger than ``max_size`` is fetched, in bytes: its header and, mostly, its text.
PART_BYTES = 262_144
#: How much of what a server says is shown, in characters.
SHOWN_CHARS = 200


class MailboxTrouble(PluginError):
    """The mailbox cannot be used now; one line says precisely why. ``is_login``: the server refused the login."""

    def __init__(self, reason: str, *, is_login: bool = False) -> None:
        self.is_login = is_login
        super().__init__(reason)


class Unfetchable(PluginError):
    """The server does not give out this mail; others may be fetched."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A mail as it came, or its beginning."""

    content: bytes
    is_whole: bool


class Session(Protocol):
    """Raises ``MailboxTrouble`` for whatever goes wrong."""

    def open(self) -> None:
        """Connect, protect the connection, log in, choose the folder."""

    def list(self) -> Sequence[str]:
        """Return the lasting names of the mails to take, the oldest first."""

    def fetch(self, name: str) -> Fetched:
        """Fetch a mail, of a large one the beginning; ``Unfetchable`` if the server refuses."""

    def remove(self, names: Sequence[str]) -> None:
        """Delete mails (or what is configured instead); lasting when it returns."""

    def close(self) -> None:
        """Say goodbye; never raises."""

    def abort(self) -> None:
        """End whatever it waits for, from another thread; never raises."""


#: Returns the password or an access token. Raises ``MailboxTrouble``.
Credentials = Callable[[], str]


def tls_context(config: MailboxConfig) -> ssl.SSLContext | None:
    """Load the certificates to trust; raises ``ssl.SSLError`` or ``OSError`` if the file holds none."""
    return None if config.security is Security.NONE else ssl.create_default_context(cafile=config.ca_file)


def shut(sock: socket.socket | None) -> None:
    """End what another thread waits for on a socket."""
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def explain(step: str, error: Exception, timeout_s: float, secret: str = "") -> str:
    """Say in one line what went wrong. ``secret`` is never shown, even if the server repeats it."""
    if isinstance(error, TimeoutError):
        return f"{step}: no answer within {timeout_s:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not trusted: {error.verify_message}"
    if isinstance(error, OSError) and error.errno and not isinstance(error, ssl.SSLError):
        return f"{step}: {os.strerror(error.errno) if error.errno > 0 else error.strerror}"
    if isinstance(error, EOFError):
        return f"{step}: the server closed the connection"
    return f"{step}: {one_line(_said(error), secret) or type(error).__name__}"


def _said(error: Exception) -> str:
    """What the server said: libraries put its bytes into the error as they are."""
    said = getattr(error, "command_result", None) or error.args
    while isinstance(said, (tuple, list)):
        said = said[-1] if said else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


def one_line(text: str, secret: str = "") -> str:
    """Return a text of a server as it may be shown."""
    if secret:
        text = text.replace(secret, "***")
    return "".join(filter(str.isprintable, " ".join(text.split())))[:SHOWN_CHARS]
