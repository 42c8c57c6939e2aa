"""The ``smtp`` plugin's instance. Created by ``addispatch_plugins.smtp.plugin.create``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from addispatch.sdk import ConfigError, Finding, Severity
from addispatch_plugins.smtp.channel import EmailChannel
from addispatch_plugins.smtp.config import Security
from addispatch_plugins.smtp.login import ServerTrouble, check_server

if TYPE_CHECKING:
    from addispatch.sdk import Context
    from addispatch_plugins.smtp.config import ServerConfig, SmtpConfig
    from addispatch_plugins.smtp.server import Server

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

    async def examine(self) -> list[Finding]:
        """Connect to each server and log in where a user is configured; no mail is sent."""
        return list(await asyncio.gather(*(self._look(server) for server in self._channel.servers)))

    async def _look(self, server: Server) -> Finding:
        subject, config = self._channel.name_of(server), server.config
        try:
            banner = await check_server(config)
        except ServerTrouble as error:
            return Finding(subject, problem=f"{server.name}: {error}", advice=_advice(config, str(error)))
        how = {Security.STARTTLS: "STARTTLS", Security.TLS: "TLS", Security.NONE: "unencrypted"}[config.security]
        login = f"logged in as {config.user}" if config.user else "no login"
        cap = f", {server.cap}" if config.daily_cap else ""
        return Finding(subject, f"{server.name}: {banner}, {how}, {login}{cap}")

    def status_line(self) -> str:
        """Each server with its banner or its trouble."""
        return "; ".join(
            f"{server.name} {server.trouble or f'{server.config.address} {server.banner}'.strip()}"[:95]
            for server in self._channel.servers
        )


def _advice(config: ServerConfig, problem: str) -> str:
    """What people can do about an error of ``check_server``."""
    if "login refused" in problem:
        return "see user and password; many providers want a password for this program alone"
    if "certificate not trusted" in problem:
        return "name the certificate that signed it with ca_file; the host must be the one in its certificate"
    if "STARTTLS" in problem:
        return 'the server offers no STARTTLS here: security = "tls" with port 465, or "none" on this machine'
    where = config.address.replace(":", " ")
    return f"see whether {config.address} is right and no firewall is between: nc -vz {where}"
