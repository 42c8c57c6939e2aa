"""Probe ``heartbeat``: whether a source still reports by itself. Made by ``instance``."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from addispatch.sdk import AddispatchError, Reading, Silences

if TYPE_CHECKING:
    from addispatch.sdk import Context
    from addispatch_plugins.net.keys import HeartbeatKeys


class HeartbeatProbe:
    """Implements ``sdk.Probe`` and ``sdk.Hearer``."""

    name = "heartbeat"

    def __init__(self, context: Context) -> None:
        self._silences = Silences(context, "heartbeat:")

    def group(self, keys: HeartbeatKeys) -> Hashable:
        """All together: they are only looked up."""
        del keys
        return self.name

    def prepare(self, keys: Sequence[HeartbeatKeys]) -> None:
        """Expect the sources of these monitors."""
        self._silences.watch({one.monitor.casefold(): one.max_silence_s for one in keys if one.monitor})

    def heard(self, monitor: str) -> None:
        """Take a report."""
        self._silences.heard(monitor.casefold())

    async def read(self, keys: Sequence[HeartbeatKeys], timeout_s: float) -> Sequence[Reading]:
        """Say who is silent."""
        del timeout_s
        readings = [Reading(problem=self._problem(one)) for one in keys]
        self._silences.store()
        return readings

    async def close(self) -> None:
        """Keep who reported when."""
        if stored := self._silences.store(everything=True):
            with contextlib.suppress(AddispatchError):
                await stored

    def _problem(self, keys: HeartbeatKeys) -> str:
        if not keys.monitor:
            return "only a monitor that is in the directory can be reported to"
        name = keys.monitor.casefold()
        if not self._silences.is_silent(name):
            return ""
        return f"no report for {keys.max_silence_s:g} s" if self._silences.has_reported(name) else "no report yet"
