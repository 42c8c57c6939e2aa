"""The real daemon in a process of its own, for tests that kill it, starve it and feed it rubbish."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Self

import httpx
from netns import Namespace

#: How long anything may take on a machine that is busy with other things.
PATIENCE_S = 60.0


class Daemon:
    """``addispatch run`` in ``folder``, which gets the two files; the API is asked over its unix socket.

    No TCP port, unless ``listen`` says so; on this machine, or on another one of ``netns``.
    """

    def __init__(
        self, folder: Path, config: str, directory: str = "", *, listen: str = "", machine: Namespace | None = None
    ) -> None:
        self.folder, self.data = folder, folder / "data"
        self.config = folder / "addispatch.toml"
        self.config.write_text(f'[node]\ndata_dir = "{self.data}"\n[http]\nlisten = "{listen}"\n{config}')
        if directory:
            (folder / "directory.toml").write_text(directory)
        #: What is run.
        self.program = [sys.executable, "-m", "addispatch"]
        #: What this process and those before it wrote to standard error.
        self.lines: list[str] = []
        self._machine = machine
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._heard = asyncio.Event()

    # -- life ------------------------------------------------------------------------------------------------------

    async def spawn(self) -> None:
        """Start the process and do not wait for anything."""
        command = [*self.program, "run", "--config", str(self.config)]
        self._process = await asyncio.create_subprocess_exec(
            *(self._machine.argv(*command) if self._machine else command),
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        self._reader = asyncio.get_running_loop().create_task(self._read(self._process))

    async def start(self) -> None:
        """Start it and wait until it says so."""
        before = len(self.lines)
        await self.spawn()
        await self.says("Engine initialized", since=before)

    async def lives_for(self, seconds: float) -> None:
        """Let it run; fails if it ends by itself."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), seconds)
            raise AssertionError(f"the daemon ended: {self.tail}")

    async def kill(self) -> None:
        """kill -9."""
        assert self.process.returncode is None, self.tail
        self.process.kill()
        await self._ended()

    async def stop(self) -> int:
        """End it as systemd would, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ends()

    async def ends(self) -> int:
        """Wait until it ends by itself, and return its exit code."""
        await self._ended()
        assert self.process.returncode is not None
        return self.process.returncode

    async def _ended(self) -> None:
        assert self._reader is not None
        await asyncio.wait_for(asyncio.gather(self.process.wait(), self._reader), PATIENCE_S)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            self.lines.append(line.decode(errors="replace").rstrip())
            self._heard.set()
        await process.wait()
        self._heard.set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: object, *_error: object) -> None:
        if self._process is None or self.process.returncode is not None:
            return
        code = await self.stop()
        if kind is None:
            assert code == 0, self.tail
            assert not [line for line in self.lines if "Traceback" in line], self.tail

    # -- looking at it ---------------------------------------------------------------------------------------------

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._process is not None
        return self._process

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def tail(self) -> str:
        return "\n".join(self.lines[-30:])

    async def says(self, words: str, *, since: int = 0) -> str:
        """Wait for a line on standard error, not among the first ``since``."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    self._heard.clear()
                    for line in self.lines[since:]:
                        if words in line:
                            return line
                    assert self.process.returncode is None, f"it ended instead of saying {words!r}: {self.tail}"
                    await self._heard.wait()
        except TimeoutError:
            raise AssertionError(f"it did not say {words!r}, but: {self.tail}") from None

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.AsyncHTTPTransport(uds=str(self.data / "addispatch.sock"))
        async with httpx.AsyncClient(transport=transport, base_url="http://daemon", timeout=PATIENCE_S) as client:
            yield client

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        async with self.client() as client:
            return (await client.get(f"/api/v1{path}", params=query)).raise_for_status().json()

    async def post(self, path: str, document: dict[str, Any]) -> httpx.Response:
        async with self.client() as client:
            return await client.post(f"/api/v1{path}", json=document)

    async def status(self) -> dict[str, Any]:
        return await self.get("/status")

    async def events(self, words: str = "") -> list[dict[str, Any]]:
        """All events, the oldest first, that have the words."""
        found: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            page = await self.get("/events", after=after, limit=500)
            found += page["events"]
            after = page["events"][-1]["id"] if page["next"] else None
        return [event for event in found if words in event["text"]]

    async def follow(self, after: int | None = None) -> AsyncIterator[dict[str, Any]]:
        """Events of the SSE stream: from now on, or behind ``after``."""
        query = {} if after is None else {"after": after}
        async with (
            self.client() as client,
            client.stream("GET", "/api/v1/events/stream", params=query, timeout=None) as stream,
        ):
            async for line in stream.aiter_lines():
                if line.startswith("data:"):
                    yield json.loads(line.removeprefix("data:"))

    async def event(
        self, words: str, *, after: int = 0, count: int = 1, timeout_s: float = PATIENCE_S
    ) -> dict[str, Any]:
        """Wait for an event with the words, past or future; with ``count`` for the so-manieth."""
        seen: list[str] = []
        try:
            async with asyncio.timeout(timeout_s), contextlib.aclosing(self.follow(after)) as stream:
                async for event in stream:
                    seen.append(event["text"])
                    count -= words in event["text"]
                    if not count:
                        return event
        except TimeoutError:
            raise AssertionError(f"no event {words!r} within {timeout_s:g} s; seen: {seen[-20:]}") from None
        raise AssertionError(f"the stream ended: {self.tail}")

    async def until(
        self, holds: Callable[[dict[str, Any]], object], *, timeout_s: float = PATIENCE_S
    ) -> dict[str, Any]:
        """Wait until the status document is so."""
        status: dict[str, Any] = {}
        try:
            async with asyncio.timeout(timeout_s):
                while not holds(status := await self.status()):
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"it never came so: {json.dumps(status, indent=1)}\n{self.tail}") from None
        return status

    async def idle(self, *, timeout_s: float = PATIENCE_S) -> None:
        """Wait until nothing is queued or under way."""
        await self.until(lambda status: not any(status["queue"].values()), timeout_s=timeout_s)


def interrupted(data: Path, scratch: Path) -> dict[str, str]:
    """What was being sent when the daemon died: text by delivery id. Looks at a copy: its ledger stays as it fell."""
    scratch.mkdir(exist_ok=True)
    for suffix in ("", "-wal"):
        part = data / f"ledger.db{suffix}"
        (scratch / part.name).unlink(missing_ok=True)
        if part.exists():
            shutil.copy(part, scratch)
    with contextlib.closing(sqlite3.connect(scratch / "ledger.db")) as connection:
        if not connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'deliveries'").fetchone()[0]:
            return {}
        query = "SELECT seq, channel || ' ' || text FROM deliveries WHERE fact = 0 AND phase = 1"
        return {str(seq): text for seq, text in connection.execute(query)}
