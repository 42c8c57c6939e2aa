"""The ``smtp`` plugin's instance. Created by ``addispatch_plugins.smtp.plugin.create``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.sdk import ConfigError, Severity
from addispatch_plugins.smtp.channel import EmailChannel
from addispatch_plugins.smtp.config import Security
from addispatch_plugins.smtp.login import ServerTrouble

if TYPE_CHECKING:
    from addispatch.sdk import Context
    from addispatch_plugins.smtp.config import SmtpConfig

_LOOPBACK = ("127.", "::1", "localhost")


class SmtpPlugin:
    """One channel; a probe per server."""

    def __init__(self, config: SmtpConfig, context: Context) -> None:
        self._context = context
        self._channel = EmailChannel(config, context)
        self.channels = (self._channel,)

    async def self_check(self) -> None:
        """Load the certificates. A server that is absent now is no reason to be off."""
        for server in self._channel.servers:
            try:
                server.prepare()
            except ServerTrouble as error:
                raise ConfigError(f"{server.name}.ca_file", str(error)) from error

    async def start(self) -> None:
        """Begin to probe; mails may come at once."""
        self._channel.running = True
        for server in self._channel.servers:
            config = server.config
            if config.user and config.security is Security.NONE and not config.host.startswith(_LOOPBACK):
                text = f"mail server {server.name}: the password goes to {config.address} unencrypted"
                self._context.event(text, severity=Severity.WARNING, kind="smtp_insecure")
            self._context.supervise(f"smtp {server.name}", server.watch)

    async def stop(self) -> None:
        """Take no more mails; those under way finish by themselves."""
        self._channel.running = False
        for server in self._channel.servers:
            server.close()

    def status_line(self) -> str:
        """Each server with its banner or its trouble."""
        return "; ".join(
            f"{server.name} {server.trouble or f'{server.config.address} {server.banner}'.strip()}"[:95]
            for server in self._channel.servers
        )
