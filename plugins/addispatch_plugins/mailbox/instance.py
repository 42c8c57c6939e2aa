"""The ``mailbox`` plugin's instance: makes the sessions and keeps the poller going. Created by the host."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

from addispatch.sdk import ConfigError, Finding, Severity
from addispatch_plugins.mailbox.config import Kind, Security, is_loopback
from addispatch_plugins.mailbox.examine import examine
from addispatch_plugins.mailbox.oauth2 import TokenSource
from addispatch_plugins.mailbox.poller import Poller
from addispatch_plugins.mailbox.session import Session, tls_context

if TYPE_CHECKING:
    from addispatch.sdk import Context
    from addispatch_plugins.mailbox.config import MailboxConfig


class MailboxPlugin:
    """One mailbox, one poller."""

    def __init__(self, config: MailboxConfig, context: Context) -> None:
        self._config, self._context = config, context
        self._tls: ssl.SSLContext | None = None
        self._tokens: TokenSource | None = None
        if config.oauth2 is not None:
            file = None if context.is_trial else context.data_dir / "refresh_token.json"
            self._tokens = TokenSource(config.oauth2, config.kind, context.clock, file)
        self._poller: Poller | None = None

    async def self_check(self) -> None:
        """Load the certificates. A server that is absent now is no reason to be off."""
        try:
            self._tls = await asyncio.to_thread(tls_context, self._config)
        except (ssl.SSLError, OSError) as error:
            raise ConfigError("ca_file", f"{self._config.ca_file} holds no usable certificates ({error})") from None

    async def start(self) -> None:
        """Begin to poll."""
        config = self._config
        if self._tls is None:
            self._tls = tls_context(config)
        if config.security is Security.NONE and not is_loopback(config.host):
            text = f"mailbox: the password goes to {config.address} unencrypted"
            self._context.event(text, severity=Severity.WARNING, kind="mailbox_insecure")
        forget = self._tokens.forget if self._tokens else lambda: None
        self._poller = Poller(config, self._context, self._session, forget)
        self._context.supervise(f"mailbox {config.mailbox}", self._poller.run)

    async def stop(self) -> None:
        """Begin nothing new; the host then ends the poller, and with it the connection."""
        if self._poller is not None:
            self._poller.stop()

    async def examine(self) -> list[Finding]:
        """Connect, log in, choose the folder, count what is in it; nothing is fetched or deleted."""
        return [await examine(self._config, self._session, self._poller)]

    def status_line(self) -> str:
        """Say how the mailbox is."""
        config, poller = self._config, self._poller
        name = f"{config.kind.upper()} {config.address}"
        if poller is None:
            return f"{name} {config.user}"[:200]
        if poller.outage.reason:
            return f"not available for {poller.outage.lasts_s:.0f} s: {poller.outage.reason}"[:200]
        if not poller.looked_at:
            return f"{name}: connecting"[:200]
        return f"{name}: {poller.taken_count} mails taken, last looked at {poller.looked_at}"[:200]

    def _session(self) -> Session:
        credentials = self._tokens or self._config.password.get_secret_value
        if self._config.kind is Kind.POP3:
            from addispatch_plugins.mailbox.pop3 import Pop3Session  # noqa: PLC0415 - one of the two is enough

            return Pop3Session(self._config, self._tls, credentials, is_trial=self._context.is_trial)
        from addispatch_plugins.mailbox.imap import ImapSession  # noqa: PLC0415 - one of the two is enough

        return ImapSession(self._config, self._tls, credentials, is_trial=self._context.is_trial)
