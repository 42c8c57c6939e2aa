"""How long a reading may take, as a whole. Made by ``reader`` and ``explain``, kept by ``line`` and ``link``."""

from __future__ import annotations

import asyncio
from typing import NamedTuple


class Deadline(NamedTuple):
    """A time of the loop, and the time-out it came from: problems name that, so that they read the same each time."""

    at_s: float
    timeout_s: float
    whole_s: float | None = None
    """Of which time-out this is a share, if it is one: an operator looks for the number he wrote."""

    @classmethod
    def within(cls, timeout_s: float) -> Deadline:
        """From now on."""
        return cls(asyncio.get_running_loop().time() + timeout_s, timeout_s)

    def share(self, part: float) -> Deadline:
        """A part of the time that is left."""
        now_s = asyncio.get_running_loop().time()
        return Deadline(now_s + (self.at_s - now_s) * part, self.timeout_s * part, self.whole_s or self.timeout_s)

    def __str__(self) -> str:
        """For people: ``5 s``, ``0.25 s (its share of 2 s)``."""
        share = f" (its share of {self.whole_s:.3g} s)" if self.whole_s is not None else ""
        return f"{self.timeout_s:.3g} s{share}"
