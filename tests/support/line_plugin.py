"""A drop-in plugin whose channel ``line`` hangs while a file is there: for tests of who sends instead, and when."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from dropped import made, put

from addispatch.sdk import Context, Delivery, Health, Receipt, Sent

#: In the plugin's data folder: its presence makes hand-overs hang; and when each text left, on the machine's steady clock.
HANGS, LEFT = "hangs", "left"


class _Channel:
    name = "line"
    window = 8
    deadline_s = 600.0
    health = Health(up=True)

    def __init__(self, context: Context) -> None:
        self._folder = context.data_dir

    async def send(self, delivery: Delivery) -> Receipt:
        at_ns = time.monotonic_ns()
        while (self._folder / HANGS).exists():
            await asyncio.sleep(0.02)
        with (self._folder / LEFT).open("a") as file:
            file.write(f"{at_ns} {delivery.text}\n")
        return Sent()


plugin = made("line", "line", "A channel that may hang", _Channel)


def drop_in(folder: Path) -> str:
    """Put the plugin where a daemon finds it; returns its part of the configuration."""
    return put(folder, "line", "line_plugin")


def hang(data: Path, *, on: bool) -> None:
    """Let hand-overs of the daemon with that folder hang, or go on."""
    file = data / "plugins" / "line" / HANGS
    if on:
        file.touch()
    else:
        file.unlink(missing_ok=True)


def left(data: Path) -> dict[str, float]:
    """When each text was handed over first, in seconds of the steady clock; half a line at the end does not count."""
    file = data / "plugins" / "line" / LEFT
    found: dict[str, float] = {}
    if file.exists():
        for line in file.read_text().splitlines(keepends=True):
            at_ns, _, text = line.partition(" ")
            if line.endswith("\n"):
                found.setdefault(text.strip(), int(at_ns) / 1e9)
    return found
