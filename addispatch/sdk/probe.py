"""Probes: plugins that look at something, so that the engine can judge it (SPEC 9, monitoring).

A plugin names its probes and the keys a monitor of each has: ``Plugin(probes={"ping": PingKeys})``; its instance has
``probes``, a sequence of :class:`Probe`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from addispatch.domain.judgement import Reading


class ProbeKeys(BaseModel):
    """Base of the keys of a monitor that belong to its probe; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, allow_inf_nan=False)


@runtime_checkable
class Probe(Protocol):
    """Reads what monitors watch. All calls come from the loop; none may block it."""

    name: str
    """What a monitor names as its ``probe``."""

    def group(self, keys: Any) -> Hashable:
        """Monitors of the same group, interval and time-out are read together: those of one device, for example."""

    def prepare(self, keys: Sequence[Any]) -> None:
        """Called with the keys of all monitors whenever these change: subscribe, and let go of what is not named."""

    async def read(self, keys: Sequence[Any], timeout_s: float) -> Sequence[Reading]:
        """Read monitors of one group; answers a reading for each, in order. Never called twice at once for a group.

        Whatever goes wrong is a reading with a ``problem``, one line an operator understands; cancelled after
        ``timeout_s`` and a little.
        """


@runtime_checkable
class Hearer(Protocol):
    """A probe of monitors that are reported to, by the command line or the API, instead of looking themselves.

    Its keys know whose they are: keys are validated with the context ``{"monitor": name}``.
    """

    def heard(self, monitor: str) -> None:
        """Called when something reports to the monitor of that name. Must not block or raise."""


@runtime_checkable
class Explainer(Protocol):
    """A probe that can show what it sees in every way it may be meant: for ``addispatch monitors test``."""

    async def explain(self, keys: Any, timeout_s: float) -> Sequence[tuple[str, str]]:
        """Read once; answer lines such as ``("float32 CDAB", "21.5")``. Never raises: a problem is a line, too."""
