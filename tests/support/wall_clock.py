"""``addispatch`` on a machine whose clock is wrong: ``python wall_clock.py FILE run …``.

FILE holds by how many seconds the machine's clock is ahead; it is read at each look at the clock, so writing it sets the
clock while the daemon runs. Only this process is deceived: the clock of a machine that runs tests belongs to others, too.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path


def deceive(file: Path) -> None:
    """Let ``time.time`` and ``time.time_ns`` be ahead by what the file says."""
    true_ns = time.time_ns

    def ahead_ns() -> int:
        return int(float(file.read_text() or 0) * 1e9)

    time.time_ns = lambda: true_ns() + ahead_ns()
    time.time = lambda: time.time_ns() / 1e9


if __name__ == "__main__":
    deceive(Path(sys.argv.pop(1)))
    from addispatch.cli import main

    sys.exit(main())
