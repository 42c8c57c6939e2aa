"""A session by IMAP (RFC 3501) over imap-tools. Made by ``instance``, used by ``collect``."""

from __future__ import annotations

import contextlib
import imaplib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from imap_tools import BaseMailBox, ImapToolsError, MailBox, MailBoxStartTls, MailBoxUnencrypted

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

#: What a conversation can end in; imaplib raises ValueError, TypeError and IndexError for answers that are none.
_ERRORS = (imaplib.IMAP4.error, ImapToolsError, OSError, EOFError, ValueError, TypeError, IndexError)
_SIZE = re.compile(rb"RFC822\.SIZE (\d{1,12})")


class ImapSession:
    """Mails have lasting numbers (UID) as long as the folder has the same UIDVALIDITY."""

    def __init__(
        self, config: MailboxConfig, tls: ssl.SSLContext | None, credentials: Credentials, *, is_trial: bool
    ) -> None:
        self._config, self._tls, self._credentials, self._is_trial = config, tls, credentials, is_trial
        self._box: BaseMailBox | None = None
        self._validity = ""

    def open(self) -> None:
        """Connect, log in and choose the folder; see ``Session``."""
        config, secret = self._config, self._credentials()
        step = "connecting"
        try:
            box = self._box = self._connect()
            step = "login"
            self._log_in(box, secret)
            step = f"choosing the folder {config.folder}"
            box.folder.set(config.folder, readonly=self._is_trial)
            validity = box.client.response("UIDVALIDITY")[1]
            self._validity = validity[0].decode("ascii") if validity and validity[0] else "0"
            if config.move_to and not self._is_trial and not box.folder.exists(config.move_to):
                step = f"making the folder {config.move_to}"
                box.folder.create(config.move_to)
        except _ERRORS as error:
            self.abort()
            raise self._trouble(step, error, secret) from error

    def _connect(self) -> BaseMailBox:
        config = self._config
        if config.security is Security.TLS:
            return MailBox(config.host, config.port_used, timeout=config.timeout_s, ssl_context=self._tls)
        if config.security is Security.STARTTLS:
            return MailBoxStartTls(config.host, config.port_used, timeout=config.timeout_s, ssl_context=self._tls)
        return MailBoxUnencrypted(config.host, config.port_used, timeout=config.timeout_s)

    def _log_in(self, box: BaseMailBox, secret: str) -> None:
        user = self._config.user
        if self._config.oauth2 is not None:
            box.xoauth2(user, secret, initial_folder=None)
        elif user.isascii() and secret.isascii():
            box.login(user, secret, initial_folder=None)
        else:
            box.login_utf8(user, secret, initial_folder=None)

    def list(self) -> Sequence[str]:
        """Return ``UIDVALIDITY.UID`` of each mail; with ``keep`` of those that are not seen. See ``Session``."""
        criteria = "UNSEEN UNDELETED" if self._config.keep else "UNDELETED"
        try:
            # Without CHARSET: Exchange and others refuse US-ASCII.
            uids = self._open_box.uids(criteria, charset=None)
        except _ERRORS as error:
            raise self._trouble("asking for the list of mails", error) from error
        return [f"{self._validity}.{uid}" for uid in sorted(filter(str.isdigit, uids), key=int)]

    def fetch(self, name: str) -> Fetched:
        """Fetch without marking as seen; see ``Session``."""
        uid, client = name.rpartition(".")[2], self._open_box.client
        try:
            described = client.uid("FETCH", uid, "(RFC822.SIZE)")
            size = _size_in(described[1])
            is_large = size > self._config.max_size
            wanted = PART_BYTES if is_large else self._config.max_size
            status, answer = client.uid("FETCH", uid, f"(BODY.PEEK[]<0.{wanted}>)")
        except imaplib.IMAP4.abort as error:
            raise self._trouble("fetching a mail", error) from error
        except imaplib.IMAP4.error as error:
            raise Unfetchable(explain("fetching a mail", error, self._config.timeout_s)) from error
        except _ERRORS as error:
            raise self._trouble("fetching a mail", error) from error
        content = next((item[1] for item in answer or () if isinstance(item, tuple) and len(item) > 1), None)
        if status != "OK" or not isinstance(content, bytes):
            raise Unfetchable(f"fetching a mail: the server answered {status} without the mail")
        return Fetched(content, is_whole=not is_large and len(content) < wanted)

    def remove(self, names: Sequence[str]) -> None:
        """Delete, mark or move, then leave; see ``Session``."""
        box = self._open_box
        uids = [name.rpartition(".")[2] for name in names]
        try:
            if self._config.keep:
                box.flag(uids, r"\Seen", value=True)
            elif self._config.move_to:
                box.move(uids, self._config.move_to)
            else:
                box.delete(uids)
        except _ERRORS as error:
            raise self._trouble("deleting mails", error) from error
        self.close()

    def close(self) -> None:
        """See ``Session``."""
        box, self._box = self._box, None
        if box is not None:
            with contextlib.suppress(*_ERRORS):
                box.logout()

    def abort(self) -> None:
        """See ``Session``."""
        shut(getattr(getattr(self._box, "client", None), "sock", None))

    @property
    def _open_box(self) -> BaseMailBox:
        if self._box is None:
            raise MailboxTrouble("the connection was closed")
        return self._box

    def _trouble(self, step: str, error: Exception, secret: str = "") -> MailboxTrouble:
        # imaplib.abort: the connection is gone. A plain error is the server's refusal.
        refused = isinstance(error, (imaplib.IMAP4.error, ImapToolsError)) and not isinstance(
            error, imaplib.IMAP4.abort
        )
        is_login = step == "login" and refused
        reason = explain("login refused" if is_login else step, error, self._config.timeout_s, secret)
        return MailboxTrouble(f"{self._config.address}: {reason}", is_login=is_login)


def _size_in(answer: list[Any]) -> int:
    for item in answer or ():
        if isinstance(item, bytes) and (match := _SIZE.search(item)):
            return int(match[1])
    return 0
