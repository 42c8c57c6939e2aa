"""Figures of all runs, and the table of medians and ratios. Used by ``pipeline``."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

OURS, PEER = "addispatch", "mqttwarn"


@dataclass
class Figures:
    """figure -> contestant -> one value per run, in the order they were measured."""

    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, contestant: str, figures: dict[str, float]) -> None:
        for name, value in figures.items():
            self.values.setdefault(name, {}).setdefault(contestant, []).append(value)

    def table(self) -> str:
        """Median (lowest to highest) of each and the median of the paired ratios, as Markdown."""
        lines = [f"| | {OURS} | {PEER} | {OURS} / {PEER} |", "|---|---|---|---|"]
        for name, by_contestant in self.values.items():
            ours, peer = by_contestant.get(OURS, []), by_contestant.get(PEER, [])
            ratios = [a / b for a, b in zip(ours, peer, strict=False) if b]
            ratio = f"**{statistics.median(ratios):.2g}**" if ratios else "-"
            lines.append(f"| {name} | {_spread(ours)} | {_spread(peer)} | {ratio} |")
        return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _spread(values: list[float]) -> str:
    if not values:
        return "-"
    middle = _number(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({_number(min(values))} to {_number(max(values))})"


def machine(folder: Path) -> str:
    """One line about where the figures come from; a ratio without it is worth little."""
    names = [
        line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    version = subprocess.run(["mosquitto", "-h"], capture_output=True, text=True, check=False).stdout.splitlines()[0]
    kernel, load = platform.release(), os.getloadavg()[0]
    return (
        f"{os.cpu_count()} x {names[0] if names else platform.machine()}, Linux {kernel}, Python {platform.python_version()}, "
        f"{version}; fdatasync {_sync_us(folder):.0f} µs; load before the start {load:.1f}"
    )


def _sync_us(folder: Path) -> float:
    """Median time to write and sync 100 bytes where the ledger will be."""
    path, times = folder / "sync", []
    with path.open("wb", buffering=0) as file:
        for _ in range(100):
            start_ns = time.perf_counter_ns()
            file.write(bytes(100))
            os.fdatasync(file.fileno())
            times.append((time.perf_counter_ns() - start_ns) / 1000)
    path.unlink()
    return statistics.median(times)
