"""Simulated modems around a daemon that runs in a process of its own, and what that process takes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

from daemon import Daemon

from addispatch.simulator import Network, SimulatedModem


async def modems_in(folder: Path, network: Network, count: int) -> list[SimulatedModem]:
    """Plug in modems ``tty0``, ``tty1`` …; the caller stops them."""
    modems = []
    for number in range(count):
        modem = SimulatedModem(
            network, f"+65900000{number:02d}", link=folder / f"tty{number}", imei=f"3569380356438{number:02d}"
        )
        await modem.start()
        modems.append(modem)
    return modems


@dataclass
class Samples:
    """Resident memory (MB) and descriptors of the daemon and its children, and when (s)."""

    at_s: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)
    fds: list[float] = field(default_factory=list)

    def take(self, pid: int) -> None:
        with contextlib.suppress(OSError):
            fds = len(list(Path(f"/proc/{pid}/fd").iterdir()))
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            self.at_s.append(time.monotonic())
            self.fds.append(fds)
            self.rss_mb.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)

    def slope_per_hour(self, values: list[float]) -> float:
        """Least squares over the last three quarters."""
        begin = len(values) // 4
        return statistics.linear_regression(self.at_s[begin:], values[begin:]).slope * 3600


def toml(table: dict) -> str:
    """``[plugin.modem]`` and its ``[[plugin.modem.modem]]``."""
    options = {name: value for name, value in table["modem"].items() if name != "modem"}
    blocks = [("[plugin.modem]", options), *(("[[plugin.modem.modem]]", one) for one in table["modem"]["modem"])]
    lines = []
    for head, values in blocks:
        lines.append(head)
        lines += [f"{key} = {value!r}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


async def online(daemon: Daemon, count: int, timeout_s: float = 60.0) -> None:
    async with asyncio.timeout(timeout_s):
        while True:
            with contextlib.suppress(Exception):  # the socket is not there yet
                status = await daemon.status()
                if sum(modem["state"] == "online" for modem in status["modems"]) >= count:
                    return
            await asyncio.sleep(0.2)
