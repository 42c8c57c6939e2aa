"""The ``deadman`` plugin's instance: pings while the node is well, and only then. Created by the host."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from addispatch.sdk import AddispatchError, Finding, Severity
from addispatch_plugins.deadman.ping import Pinger, PingFailed, origin

if TYPE_CHECKING:
    from addispatch.sdk import Context
    from addispatch_plugins.deadman.config import DeadmanConfig

#: How long the node may take to start, in seconds.
START_S = 60
#: The name of the condition people are told of.
CONDITION = "dead-man ping"


class DeadmanPlugin:
    """Silence is the message: a node that is not well sends nothing."""

    def __init__(self, config: DeadmanConfig, context: Context) -> None:
        url = config.url.get_secret_value()
        self._config, self._context = config, context
        self._where = origin(urlsplit(url))
        self._pinger = Pinger(url, config.timeout_s, f"addispatch/{context.node}")
        self._pinged_s: float | None = None
        self._problem = ""
        self._unwell = ""

    async def self_check(self) -> None:
        """Nothing to check: a service that is out of reach now is no reason to be off."""

    async def start(self) -> None:
        """Begin to ping; not in a trial, which must not speak for a daemon that may be dead."""
        if not self._context.is_trial:
            self._context.supervise("pings", self._run)

    async def stop(self) -> None:
        """Nothing is under way that would be missed."""

    def status_line(self) -> str:
        """Say how the last ping went."""
        if self._unwell:
            return f"silent, because this node is not well: {self._unwell}"[:200]
        if self._problem:
            return f"{self._host}: {self._problem}"[:200]
        if self._pinged_s is None:
            return f"{self._host}: no ping yet"
        return f"{self._host} pinged {self._context.clock.monotonic_s() - self._pinged_s:.0f} s ago"

    async def examine(self) -> list[Finding]:
        """Say how the last ping went, or before the start whether the service can be reached: that is no ping."""
        advice = "see whether this machine reaches the internet, and whether the address is right"
        if self._problem:
            return [Finding(CONDITION, problem=f"{self._host}: {self._problem}", advice=advice)]
        if self._unwell:
            return [Finding(CONDITION, problem=self.status_line(), advice="see the other lines")]
        if self._pinged_s is not None:
            return [Finding(CONDITION, self.status_line())]
        try:
            await self._pinger.call(self._reach)
        except PingFailed as error:
            return [Finding(CONDITION, problem=f"{self._host}: {error}", advice=advice)]
        return [Finding(CONDITION, f"{self._host} can be reached; no ping yet")]

    @property
    def _host(self) -> str:
        return self._where[1]

    def _reach(self) -> None:
        _scheme, host, port = self._where
        socket.create_connection((host, port), timeout=self._config.timeout_s).close()

    async def _run(self) -> None:
        for _ in range(START_S):  # plugins start before the node is ready: that is no news
            if not await self._why_unwell():
                break
            await asyncio.sleep(1)
        while True:
            await self._beat()
            await asyncio.sleep(self._config.every_s)

    async def _beat(self) -> None:
        unwell = await self._why_unwell()
        if unwell != self._unwell:
            self._unwell = unwell
            text = f"no dead-man pings while this node is not well: {unwell}" if unwell else "dead-man pings again"
            self._context.event(text, severity=Severity.WARNING if unwell else Severity.INFO, kind="deadman")
        if unwell:
            return
        try:
            await self._pinger.ping()
        except PingFailed as error:
            self._problem = str(error)
        else:
            self._problem, self._pinged_s = "", self._context.clock.monotonic_s()
        told = f"dead-man ping to {self._host} fails: {self._problem}" if self._problem else ""
        self._context.condition(CONDITION, told, grace_s=self._config.grace_s)

    async def _why_unwell(self) -> str:
        """Why the node could not do its work; empty if it can."""
        operations = self._context.operations
        try:
            ready = await operations.ready()
            health = await operations.health()
        except (AddispatchError, TimeoutError) as error:
            return str(error) or "the ledger does not answer"
        if ready.get("ready") is not True and not ready.get("standby"):  # a node whose peer works is well
            return str(ready.get("reason") or "not ready")
        return "" if health.get("status") == "ok" else str(health.get("status"))
