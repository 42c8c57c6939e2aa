"""Regular expressions with a time limit (law 7). Used by ``http``.

Python's ``re`` can take for ever on a harmless-looking pattern, and holds every thread while it does. So it runs in a
child process, one for all monitors, which is killed when it does not answer in time and started again for the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import sys

from addispatch.sdk import PluginError

#: How long one search may take, in seconds.
SEARCH_S = 1.0
#: How long a child may take to start, in seconds: a loaded machine is no reason to doubt a pattern.
START_S = 10.0

_SIZES = struct.Struct("!II")
# Reads a pattern and a text, answers y, n or e; ends with its parent, whose end of the pipe closes.
_CHILD = """
import re, struct, sys
i, o = sys.stdin.buffer, sys.stdout.buffer
o.write(b"r"); o.flush()
while len(head := i.read(8)) == 8:
    a, b = struct.unpack("!II", head)
    pattern, text = i.read(a).decode(), i.read(b).decode("utf-8", "replace")
    try:
        found = b"y" if re.search(pattern, text) else b"n"
    except Exception:
        found = b"e"
    o.write(found); o.flush()
"""


class MatchFailed(PluginError):
    """The pattern gave no result."""


class Matcher:
    """Searches, one at a time. ``close`` when done."""

    def __init__(self, search_s: float = SEARCH_S) -> None:
        self._search_s = search_s
        self._child: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The child's, if there is one."""
        return self._child.pid if self._child is not None else None

    async def search(self, pattern: str, text: bytes) -> bool:
        """Whether the pattern is found in the text; raises ``MatchFailed``, also when it takes too long."""
        async with self._turn:
            try:
                return await self._search(pattern.encode(), text)
            except BaseException:
                # Also when cancelled: an answer that comes later would be taken for the next one's.
                await self._kill()
                raise

    async def close(self) -> None:
        """End the child."""
        await self._kill()

    async def _search(self, pattern: bytes, text: bytes) -> bool:
        child = self._child or await self._start()
        stdin, stdout = child.stdin, child.stdout
        if stdin is None or stdout is None:
            raise MatchFailed("no pipe to the process that searches")
        try:
            async with asyncio.timeout(self._search_s):
                stdin.write(_SIZES.pack(len(pattern), len(text)) + pattern + text)
                await stdin.drain()
                found = await stdout.readexactly(1)
        except TimeoutError:
            raise MatchFailed(
                f"match_regex takes more than {self._search_s:g} s on this answer: write a simpler one"
            ) from None
        except (OSError, asyncio.IncompleteReadError):
            raise MatchFailed("the process that searches ended; the next reading has a new one") from None
        if found == b"e":
            raise MatchFailed("match_regex failed on this answer")
        return found == b"y"

    async def _start(self) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        child = self._child = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", "-c", _CHILD, stdin=pipe, stdout=pipe, start_new_session=True
        )
        try:
            async with asyncio.timeout(START_S):
                if child.stdout is not None:
                    await child.stdout.readexactly(1)
        except (TimeoutError, asyncio.IncompleteReadError):
            raise MatchFailed("the process that searches does not start") from None
        return child

    async def _kill(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
