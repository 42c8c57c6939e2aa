"""A disk with slow fsync: a preloaded shim that sleeps behind each fsync and fdatasync. Used by ``pipeline``.

strace could inject the delay, but tracing costs more than the contestants.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static void pause_here(void) {
    static long us = -1;
    if (us < 0) { const char *text = getenv("FSYNC_DELAY_US"); us = text ? atol(text) : 0; }
    struct timespec left = {us / 1000000, us % 1000000 * 1000};
    while (us > 0 && nanosleep(&left, &left)) { }
}
int fsync(int fd) { int r = ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd); pause_here(); return r; }
int fdatasync(int fd) { int r = ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd); pause_here(); return r; }
"""


def environment(cache: Path, delay_ms: float) -> dict[str, str]:
    """The environment that makes a program's fsync slower by ``delay_ms``; compiles the shim the first time."""
    if not delay_ms:
        return {}
    library = cache / "slowdisk.so"
    if not library.exists():
        subprocess.run(
            ["gcc", "-shared", "-fPIC", "-O2", "-xc", "-", "-o", str(library), "-ldl"],
            input=SOURCE.encode(),
            check=True,
        )
    return {"LD_PRELOAD": str(library), "FSYNC_DELAY_US": str(int(delay_ms * 1000))}
