"""A contestant's processes: start pinned, measure with all children, kill. Used by ``pipeline``."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import IO

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Contestant:
    """One running contestant in a process group of its own."""

    def __init__(self, command: list[str], folder: Path, core: int, environment: dict[str, str]) -> None:
        self.log: IO[bytes] = (folder / "contestant.log").open("ab")
        self.process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            cwd=folder,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )

    def _tree(self) -> list[list[str]]:
        """The fields of /proc/PID/stat behind the name, of this process and its living descendants."""
        rows: dict[int, list[str]] = {}
        for entry in Path("/proc").glob("[0-9]*/stat"):
            try:
                rows[int(entry.parent.name)] = entry.read_text().rpartition(")")[2].split()
            except OSError:
                continue
        ours, found = {self.process.pid}, True
        while found:
            found = {pid for pid, row in rows.items() if int(row[1]) in ours} - ours
            ours |= found
        return [rows[pid] for pid in ours if pid in rows]

    def cpu_s(self) -> float:
        """Processor time so far, user and system, of living and reaped children too."""
        return sum(sum(map(int, row[11:15])) for row in self._tree()) * TICK_S

    def rss_mb(self) -> float:
        """Resident memory now, summed over the processes (pages they share count twice)."""
        return sum(int(row[21]) for row in self._tree()) * PAGE_BYTES / 1e6

    def kill(self) -> None:
        """kill -9 to the whole group."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self.log.close()

    def stop(self) -> None:
        """SIGTERM, then SIGKILL after 10 s."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
        self.log.close()
