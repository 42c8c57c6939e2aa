"""The ``net`` plugin's instance: its probes and what they share. Created by the host."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from addispatch.sdk import ConfigError, Finding
from addispatch_plugins.net.echo import PingFailed
from addispatch_plugins.net.heartbeat import HeartbeatProbe
from addispatch_plugins.net.http import HttpProbe, tls_context
from addispatch_plugins.net.matcher import Matcher
from addispatch_plugins.net.names import Names
from addispatch_plugins.net.ping import PingProbe
from addispatch_plugins.net.tcp import TcpProbe

if TYPE_CHECKING:
    from addispatch.sdk import Context, Probe
    from addispatch_plugins.net.config import NetConfig


class NetPlugin:
    """Probes; it does nothing by itself."""

    def __init__(self, config: NetConfig, context: Context) -> None:
        self._config = config
        self._matcher = Matcher()
        self._is_started = False
        names = Names()
        self._ping = PingProbe(names)
        self._heartbeat = HeartbeatProbe(context)
        http = HttpProbe(
            names, self._matcher, context.clock, agent=f"addispatch/{context.node}", ca_file=config.ca_file
        )
        self.probes: tuple[Probe, ...] = (self._ping, TcpProbe(names), http, self._heartbeat)

    async def self_check(self) -> None:
        """Raise ``ConfigError`` for a ``ca_file`` that cannot be used."""
        if self._config.ca_file is None:
            return
        try:
            await asyncio.to_thread(tls_context, self._config.ca_file, True)  # noqa: FBT003 - as it is run elsewhere
        except OSError as error:
            raise ConfigError("ca_file", f"cannot be used: {error.strerror or error}") from None

    async def start(self) -> None:
        """Wait for monitors."""
        self._is_started = True

    async def stop(self) -> None:
        """Let go of sockets and the child, and keep who reported when."""
        self._ping.close()
        await self._matcher.close()
        await self._heartbeat.close()

    async def examine(self) -> list[Finding]:
        """Say whether this process may ping; a daemon without a monitor that pings need not."""
        try:
            self._ping.try_socket()
        except PingFailed as error:
            if self._is_started and not self._ping.is_used:
                return [Finding("ping", f"no monitor pings, and none could: {error}")]
            advice = (
                "echo 'net.ipv4.ping_group_range = 0 2147483647' > /etc/sysctl.d/60-addispatch.conf; sysctl --system"
            )
            return [Finding("ping", problem=str(error), advice=advice)]
        return [Finding("ping", "allowed")]
