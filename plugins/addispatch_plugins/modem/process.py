"""The parent's end of one modem's child process: start, ask with a deadline, kill. Used by the actor."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from addispatch_plugins.modem.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Callable

CHILD = Path(__file__).with_name("child.py")
#: Longest answer: a full SIM read at once.
MAX_LINE_BYTES = 4 * 1024 * 1024
#: How long a killed child may take to vanish; a driver stuck in the kernel must not hold up the others.
REAP_S = 2.0
#: How often it is looked whether the port is still there while a request is under way, unless ``watch`` says otherwise.
LOOK_S = 1.0


class ModemError(Exception):
    """The modem cannot do its work; ``str()`` is a reason in plain words."""


class ChildLostError(ModemError):
    """The child process died or had to be killed: nothing is known but what the trace tells."""


class RequestFailedError(ModemError):
    """The request was answered with an error: ``code`` is gammu's (``ERR_TIMEOUT`` …) or the child's own."""

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        super().__init__(text or code)


class Child:
    """A running child process. One request at a time; after any other end of ``call`` than an answer, close it."""

    def __init__(self, process: asyncio.subprocess.Process, trace: Trace, hint_fd: int) -> None:
        self.trace = trace
        self._hint_fd = hint_fd
        self._is_gone: Callable[[], bool] = lambda: False
        self._look_s = LOOK_S
        self._process = process
        # Popen.kill() would first reap a child that just died, under the nose of asyncio's watcher.
        self._pidfd = os.pidfd_open(process.pid)

    @classmethod
    async def start(cls) -> Self:
        """Start a process in a session of its own (a Ctrl-C on the terminal is for the daemon)."""
        trace = Trace()
        hint_fd, childs_hint_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                str(CHILD),
                str(trace.fd),
                str(childs_hint_fd),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
                pass_fds=(trace.fd, childs_hint_fd),
                limit=MAX_LINE_BYTES,
            )
        except BaseException:
            trace.close()
            os.close(hint_fd)
            raise
        finally:
            os.close(childs_hint_fd)
        return cls(process, trace, hint_fd)

    def on_hint(self, heard: Callable[[], None]) -> None:
        """Call ``heard()`` whenever the modem announces that something came in; a hint, nothing to rely on."""
        asyncio.get_running_loop().add_reader(self._hint_fd, self._hint, heard)

    def _hint(self, heard: Callable[[], None]) -> None:
        with contextlib.suppress(BlockingIOError):
            if not os.read(self._hint_fd, 4096):  # the child is gone
                asyncio.get_running_loop().remove_reader(self._hint_fd)
                return
        heard()

    def watch(self, is_gone: Callable[[], bool], every_s: float) -> None:
        """Ask ``is_gone()`` each ``every_s`` while a request is under way: one to a port that is gone ends at once."""
        self._is_gone, self._look_s = is_gone, every_s

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs, as far as we know."""
        return self._process.returncode is None

    async def call(
        self, op: str, deadline_s: float, *, on_part: Callable[[int], None] | None = None, **arguments: Any
    ) -> dict[str, Any]:
        """Return the answer. ``deadline_s`` starts again with each part a long message reports to ``on_part``.

        Raises ``RequestFailedError``, or ``ChildLostError`` when it died, did not answer in time or lost its port.
        """
        assert self._process.stdin is not None
        self.trace.clear()
        try:
            self._process.stdin.write(json.dumps({"op": op, **arguments}).encode() + b"\n")
            await self._process.stdin.drain()
            while True:
                async with asyncio.timeout(deadline_s):
                    answer = await self._read()
                if "part" not in answer:
                    break
                if on_part is not None:
                    on_part(answer["part"])
        except TimeoutError:
            await self.kill()
            raise ChildLostError(f"no answer to {op} within {deadline_s:g} s") from None
        except FileNotFoundError:
            await self.kill()
            raise ChildLostError("the port is gone") from None
        except (ConnectionError, EOFError, ValueError):
            await self.kill()
            raise ChildLostError("its process ended unexpectedly") from None
        if "error" in answer:
            raise RequestFailedError(answer["error"], answer["text"])
        return dict(answer["ok"])

    def tell(self, op: str) -> None:
        """Send a request that has no answer; nothing happens when the child is gone."""
        assert self._process.stdin is not None
        if not self._process.stdin.is_closing():
            self._process.stdin.write(json.dumps({"op": op}).encode() + b"\n")

    async def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line: bytes | None = None
        while line is None:
            # A driver need not tell that its device was pulled out, nor that another is in its place.
            if self._is_gone():
                raise FileNotFoundError
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._look_s):
                    line = await self._process.stdout.readline()
        if not line:
            raise EOFError
        return dict(json.loads(line))

    async def kill(self) -> None:
        """Kill it, whatever it is doing; the trace does not change any more when it is not ``alive`` then."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REAP_S):
                await self._process.wait()

    async def close(self) -> None:
        """Kill it and free what it held; the port is free at once."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            await self.kill()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REAP_S):
                    await self._process.stdout.read()  # asyncio closes the pipe when it has seen its end
        finally:
            asyncio.get_running_loop().remove_reader(self._hint_fd)
            os.close(self._hint_fd)
            os.close(self._pidfd)
            self.trace.close()
