"""Looks whether the mailbox can be used, for ``addispatch doctor``. Called by ``instance``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from addispatch.sdk import Finding
from addispatch_plugins.mailbox.border import Border
from addispatch_plugins.mailbox.config import Kind, Security
from addispatch_plugins.mailbox.session import MailboxTrouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from addispatch_plugins.mailbox.config import MailboxConfig
    from addispatch_plugins.mailbox.poller import Poller
    from addispatch_plugins.mailbox.session import Session

#: How long a look that goes on is waited for, and how long ours may take, in seconds.
BUSY_S, LOOK_S = 4.0, 12.0


async def examine(config: MailboxConfig, open_session: Callable[[], Session], poller: Poller | None) -> Finding:
    """Log in and count; while the poller is at it, say what it last saw."""
    subject = f"mailbox {config.host}"
    if poller is None:
        return await _look(subject, config, open_session)
    try:
        async with asyncio.timeout(BUSY_S):
            await poller.busy.acquire()
    except TimeoutError:
        if poller.outage.reason:
            return _wrong(subject, config, poller.outage.reason)
        return Finding(subject, f"{config.mailbox}: a look goes on, {poller.taken_count} mails taken so far")
    try:
        return await _look(subject, config, open_session)
    finally:
        poller.busy.release()


async def _look(subject: str, config: MailboxConfig, open_session: Callable[[], Session]) -> Finding:
    session = open_session()

    def look() -> int:
        session.open()
        try:
            return len(session.list())
        finally:
            session.close()

    try:
        count = await Border().call(look, deadline_s=LOOK_S, abort=session.abort)
    except MailboxTrouble as trouble:
        return _wrong(subject, config, str(trouble))
    secured = "unencrypted" if config.security is Security.NONE else config.security.upper()
    where = f"{config.kind.upper()} {config.address}, {secured}, logged in as {config.user}"
    folder = f", folder {config.folder}" if config.kind is Kind.IMAP else ""
    return Finding(subject, f"{where}{folder}: {count} to read")


def _wrong(subject: str, config: MailboxConfig, reason: str) -> Finding:
    """What people can do about an error."""
    advice = f"see whether {config.address} is right and no firewall is between"
    if "login refused" in reason:
        advice = "see user and password (or oauth2); many providers want a password for this program alone"
    elif "certificate not trusted" in reason:
        advice = "name the certificate that signed it with ca_file"
    elif "folder" in reason:
        advice = "see the name of the folder"
    return Finding(subject, problem=reason, advice=advice)
