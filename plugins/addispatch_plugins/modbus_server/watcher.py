"""Keeps the picture of the node's state fresh. One per plugin, run under supervision by ``instance``."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

from addispatch.sdk import AddispatchError
from addispatch.sdk.operations import Actor, Role
from addispatch_plugins.modbus_server.registers import MOST, Picture, picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from addispatch.sdk import Context

#: How often the state is looked at, and how long that may take, in seconds.
EVERY_S, PATIENCE_S = 1.0, 5.0
#: Cases are looked at when something happened to one, and at least every so many rounds.
CASES_EVERY = 30
#: How many of the newest cases are looked at for one that waits: a case without code waits for nobody.
LOOKED_AT_COUNT = 20

_ACTOR = Actor("modbus_server", Role.VIEWER, "modbus_server")


class Watcher:
    """``picture`` is what clients see. Its heartbeat moves only while the state can be read: silence is a message."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.picture = Picture()
        self._heartbeat = 0
        self._rounds_left = 0
        self._newest: dict[str, Any] | None = None
        self._waiting: dict[str, Any] | None = None
        self._end: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Follow the events, and look each second."""
        self._end = self._context.subscribe(self._happened)
        self._context.supervise("state", self._run)

    def stop(self) -> None:
        """Follow no more."""
        self._end()
        self._end = lambda: None

    def _happened(self, event: dict[str, Any]) -> None:
        if event.get("case_id"):
            self._rounds_left = 0

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        next_s = loop.time()
        while True:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await self._look()
            except (AddispatchError, TimeoutError) as error:
                # The ledger cannot be read now: the heartbeat stands still, and the rest is as old as it.
                self._rounds_left = 0
                self._context.log.debug("the state for Modbus clients is not renewed: %s", error)
            next_s = max(next_s + EVERY_S, loop.time())
            await asyncio.sleep(next_s - loop.time())

    async def _look(self) -> None:
        operations = self._context.operations
        status = await operations.status(_ACTOR)
        if self._rounds_left <= 0:
            self._rounds_left = CASES_EVERY  # before the look: what happens meanwhile is looked at next time
            newest = (await operations.cases(_ACTOR, limit=1))["cases"]
            waiting = (await operations.cases(_ACTOR, state="open", limit=LOOKED_AT_COUNT))["cases"]
            self._newest = newest[0] if newest else None
            self._waiting = next((case for case in waiting if case.get("code")), None)
        self._rounds_left -= 1
        self._heartbeat = (self._heartbeat + 1) & MOST
        self.picture = picture(
            status, self._newest, self._waiting, heartbeat=self._heartbeat, alarm_age_s=self._alarm_age_s()
        )

    def _alarm_age_s(self) -> float:
        if self._newest is None:
            return 0.0
        opened_at = datetime.fromisoformat(self._newest["opened_at"])
        return (self._context.clock.now() - opened_at).total_seconds()
