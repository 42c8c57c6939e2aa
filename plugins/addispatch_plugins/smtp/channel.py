"""The channel ``email``: chooses the server for each mail. Part of ``instance``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.sdk import Health, QueueClass, Receipt, Severity, Temporary
from addispatch_plugins.smtp.config import MAX_CONNECTIONS
from addispatch_plugins.smtp.server import Server

if TYPE_CHECKING:
    from addispatch.sdk import Context, Delivery
    from addispatch_plugins.smtp.config import SmtpConfig

#: The core's deadline is later than ours: only we know whether the mail is in doubt.
MARGIN_S = 5.0


class EmailChannel:
    """Sends by the first server that is not in trouble and has not reached its daily cap."""

    name = "email"

    def __init__(self, config: SmtpConfig, context: Context) -> None:
        self._context = context
        self.servers = [
            Server(name, server, context, self._changed, config.reply_to, self._tell_conditions)
            for name, server in config.servers.items()
        ]
        self.running = False
        self.deadline_s = max(server.config.timeout_s for server in self.servers) + MARGIN_S

    @property
    def window(self) -> int:
        """8 while a server can be used: with fewer connections the next mails wait here, not for the ledger's commit.

        0 while all are in trouble, until a probe gets through.
        """
        return MAX_CONNECTIONS if self.running and any(not server.trouble for server in self.servers) else 0

    @property
    def health(self) -> Health:
        """Up while a server can be used; the reason names those in trouble."""
        if not self.running:
            return Health(up=False, reason="stopped")
        reason = "; ".join(f"{server.name}: {server.trouble}" for server in self.servers if server.trouble)
        return Health(any(not server.trouble for server in self.servers), reason)

    async def send(self, delivery: Delivery) -> Receipt:
        """Send one mail by one server; on ``Temporary`` the core tries again and says which one to avoid."""
        if not self.running:
            return Temporary("the email channel is stopped")
        usable = [server for server in self.servers if not server.trouble]
        if not usable:
            return Temporary(self.health.reason)
        if delivery.queue_class is not QueueClass.EMERGENCY:
            capped, usable = usable, [server for server in usable if not server.cap.reached]
            if not usable:
                cap = capped[0].cap
                return Temporary(f"daily cap reached: {cap}", retry_after_s=cap.seconds_left, by=capped[0].name)
        server = usable[0]
        if server.name == delivery.avoid and len(usable) > 1:
            server = usable[1]
        return await server.send(delivery)

    def name_of(self, server: Server) -> str:
        """What a server is called where people are told of it: by its host, with the port if both have the same."""
        alone = sum(other.config.host == server.config.host for other in self.servers) == 1
        return f"smtp {server.config.host if alone else server.config.address}"

    def _tell_conditions(self) -> None:
        """How each server stands, for system alerts; what becomes of the mail depends on the others."""
        means = self._means()
        for server in self.servers:
            if server.is_known:
                problem = f"mail server {server.name} not available: {server.trouble}; {means}"
                self._context.condition(self.name_of(server), problem if server.trouble else "")

    def _means(self) -> str:
        in_use = next((other.name for other in self.servers if not other.trouble), None)
        return f"mail goes by {in_use}" if in_use else "mail waits"

    def _changed(self, server: Server) -> None:
        """Tell operators that a server got into trouble or out of it, and what that means."""
        self._tell_conditions()
        in_use = next((other.name for other in self.servers if not other.trouble), None)
        means = self._means()
        if server.trouble:
            text = f"mail server {server.name} in trouble: {server.trouble}; {means}"
            severity = Severity.WARNING if in_use else Severity.SEVERE
        else:
            text, severity = f"mail server {server.name} ({server.config.address}) works again; {means}", Severity.INFO
        self._context.event(text, severity=severity, kind="smtp_server", server=server.name, up=not server.trouble)
        self._context.window_changed()
