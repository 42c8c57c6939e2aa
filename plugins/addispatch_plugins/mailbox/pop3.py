"""A session by POP3 (RFC 1939, STLS of RFC 2595, SASL of RFC 5034). Made by ``instance``, used by ``collect``."""

from __future__ import annotations

import base64
import contextlib
import poplib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from addispatch_plugins.mailbox.config import Security
from addispatch_plugins.mailbox.session import (
    PART_BYTES,
    Credentials,
    Fetched,
    MailboxTrouble,
    Unfetchable,
    explain,
    shut,
)

if TYPE_CHECKING:
    import ssl

    from addispatch_plugins.mailbox.config import MailboxConfig

#: Longest line that is taken as it comes (poplib's own limit, 2048, is less than what mails have), in bytes.
MAX_LINE_BYTES = 65_536
#: Most bytes of a list: 100,000 mails.
MAX_LIST_BYTES = 8_388_608
#: How many lines of the text of a large mail are asked for.
TOP_LINES = 3000
#: A unique-id is 1 to 70 characters from 0x21 to 0x7E (RFC 1939 7).
_UIDL = re.compile(rb"(\d{1,9}) ([!-~]{1,200})")


class _Reading:
    """Reading within limits, mixed into poplib's two clients."""

    def _getline(self) -> tuple[bytes, int]:
        line: bytes = self.file.readline(MAX_LINE_BYTES)  # type: ignore[attr-defined]
        if not line:
            raise EOFError
        return line.rstrip(b"\r\n"), len(line)

    def long_answer(self, command: str, max_bytes: int) -> tuple[bytes, bool]:
        """Return what the server sends, and whether it is all; if not, the connection is of no more use."""
        self._shortcmd(command)  # type: ignore[attr-defined]
        lines: list[bytes] = []
        size = 0
        starts_line = True
        while True:
            line: bytes = self.file.readline(MAX_LINE_BYTES)  # type: ignore[attr-defined]
            if not line:
                raise EOFError
            if starts_line:
                if line in (b".\r\n", b".\n"):
                    return b"".join(lines), True
                line = line[1:] if line.startswith(b".") else line
            starts_line = line.endswith(b"\n")
            lines.append(line)
            size += len(line)
            if size > max_bytes:
                return b"".join(lines), False


class _Client(_Reading, poplib.POP3):
    pass


class _TlsClient(_Reading, poplib.POP3_SSL):
    pass


#: What a conversation can end in. ``UnicodeError``: a server that does not speak ASCII.
_ERRORS = (poplib.error_proto, OSError, EOFError, ValueError)


class Pop3Session:
    """Mails have numbers that hold for one connection, and lasting names (UIDL)."""

    def __init__(
        self, config: MailboxConfig, tls: ssl.SSLContext | None, credentials: Credentials, *, is_trial: bool = False
    ) -> None:
        self._config, self._tls, self._credentials, self._is_trial = config, tls, credentials, is_trial
        self._client: _Client | _TlsClient | None = None
        self._numbers: dict[str, int] = {}
        self._sizes: dict[int, int] = {}
        self._is_aborted = False

    def open(self) -> None:
        """Connect and log in; see ``Session``."""
        secret = self._credentials()
        step = "connecting"
        try:
            client = self._client = self._connect()
            if self._config.security is Security.STARTTLS:
                step = "STLS"
                client.stls(self._tls)
            step = "login"
            self._log_in(client, secret)
        except _ERRORS as error:
            self.abort()
            raise self._trouble(step, error, secret) from error

    def _connect(self) -> _Client | _TlsClient:
        config = self._config
        if config.security is Security.TLS:
            return _TlsClient(config.host, config.port_used, context=self._tls, timeout=config.timeout_s)
        return _Client(config.host, config.port_used, timeout=config.timeout_s)

    def _log_in(self, client: _Client | _TlsClient, secret: str) -> None:
        user = self._config.user
        if self._config.oauth2 is None:
            client.user(user)
            client.pass_(secret)
            return
        # Google and Microsoft call it XOAUTH2; the answer may say first why it is refused, then wants an empty line.
        word = base64.b64encode(f"user={user}\1auth=Bearer {secret}\1\1".encode()).decode()
        client._shortcmd("AUTH XOAUTH2")  # type: ignore[union-attr]  # noqa: SLF001 - poplib has no AUTH
        if client._shortcmd(word).startswith(b"+ "):  # type: ignore[union-attr]  # noqa: SLF001
            client._shortcmd("")  # type: ignore[union-attr]  # noqa: SLF001

    def list(self) -> Sequence[str]:
        """Return the mails' unique-ids; see ``Session``."""
        client = self._open_client
        try:
            listing, is_all = client.long_answer("UIDL", MAX_LIST_BYTES)
            names = [match for line in listing.splitlines() if (match := _UIDL.fullmatch(line.strip()))]
            sizes, _ = client.long_answer("LIST", MAX_LIST_BYTES) if is_all else (b"", False)
        except _ERRORS as error:
            raise self._trouble("asking for the list of mails (UIDL)", error) from error
        self._numbers = {match[2].decode("ascii"): int(match[1]) for match in names}
        pairs = [line.split()[:2] for line in sizes.splitlines()]
        self._sizes = {
            int(pair[0]): int(pair[1]) for pair in pairs if len(pair) == 2 and all(p.isdigit() for p in pair)
        }
        return list(self._numbers)

    def fetch(self, name: str) -> Fetched:
        """Fetch by RETR, a large mail by TOP; see ``Session``."""
        number = self._numbers[name]
        is_large = self._sizes.get(number, 0) > self._config.max_size
        # Servers mark a mail as seen after RETR: a trial leaves no trace.
        top = TOP_LINES if is_large else self._config.max_size if self._is_trial else 0
        command = f"TOP {number} {top}" if top else f"RETR {number}"
        max_bytes = PART_BYTES if is_large else self._config.max_size
        try:
            content, is_all = self._open_client.long_answer(command, max_bytes)
        except poplib.error_proto as error:
            raise Unfetchable(explain("fetching a mail", error, self._config.timeout_s)) from error
        except _ERRORS as error:
            raise self._trouble("fetching a mail", error) from error
        if not is_all:
            # The rest is on its way and would have to be read.
            self._reopen()
        return Fetched(content, is_whole=is_all and not is_large)

    def remove(self, names: Sequence[str]) -> None:
        """Mark for deletion and leave, for only QUIT deletes; see ``Session``."""
        client = self._open_client
        try:
            for name in names:
                if name in self._numbers:
                    client.dele(self._numbers[name])
            client.quit()
        except _ERRORS as error:
            raise self._trouble("deleting mails", error) from error
        finally:
            self._client = None

    def close(self) -> None:
        """Leave; nothing is marked for deletion. See ``Session``."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(*_ERRORS):
                client.quit()

    def abort(self) -> None:
        """See ``Session``."""
        self._is_aborted = True
        shut(getattr(self._client, "sock", None))

    @property
    def _open_client(self) -> _Client | _TlsClient:
        if self._client is None:
            raise MailboxTrouble("the connection was closed")
        return self._client

    def _reopen(self) -> None:
        """Begin anew; the numbers may have changed."""
        client = self._client
        if client is not None:
            client.close()
        if self._is_aborted:
            raise MailboxTrouble("the connection was closed")
        self.open()
        self.list()

    def _trouble(self, step: str, error: Exception, secret: str = "") -> MailboxTrouble:
        is_login = step == "login" and isinstance(error, poplib.error_proto)
        reason = explain("login refused" if is_login else step, error, self._config.timeout_s, secret)
        return MailboxTrouble(f"{self._config.address}: {reason}", is_login=is_login)
