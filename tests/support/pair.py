"""Two real daemons and two real brokers: each node has its own and connects to both (CLUSTER)."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import ops
import orjson
from daemon import Daemon

from addispatch.cluster.keyring import generate
from addispatch.sdk.testing.mosquitto import Mosquitto


class PairNode(Daemon):
    """One of the two."""

    def __init__(self, folder: Path, name: str, config: str, directory: str) -> None:
        folder.mkdir()
        super().__init__(folder, f"{config}\n[plugin.log]\npath = 'sent.log'\n", directory)
        self.name = name
        self.config.write_text(self.config.read_text().replace("[node]\n", f'[node]\nname = "{name}"\n', 1))

    def sent(self, words: str = "") -> Counter[str]:
        """How often each text with the words left by this node."""
        path = next(iter(self.data.glob("**/sent.log")), None)
        if path is None:
            return Counter()
        texts = [orjson.loads(line)["text"] for line in path.read_text().splitlines()]
        return Counter(text for text in texts if words in text)

    async def raises(self, text: str, to: str = "Ops", **more: Any) -> dict[str, Any]:
        """Raise an alarm over the API."""
        answer = await self.post("/alarms", {"text": text, "to": [to], **more})
        answer.raise_for_status()
        return answer.json()

    async def cluster(self, holds: Any, *, timeout_s: float = 20.0) -> dict[str, Any]:
        """Wait until the cluster's document is so."""
        found: dict[str, Any] = {}
        try:
            async with asyncio.timeout(timeout_s):
                while not holds(found := await self.get("/cluster")):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{self.name} never came so: {found}\n{self.tail}") from None
        return found


class Pair:
    """Node a is the master, node b the slave."""

    def __init__(
        self, folder: Path, *, mode: str = "active/active", extra: str = "", directory: str = ops.directory(1)
    ) -> None:
        self.brokers = (Mosquitto(folder), Mosquitto(folder))
        urls = ", ".join(f'"{broker.url}"' for broker in self.brokers)
        key = generate("k1")
        self.a, self.b = (
            PairNode(
                folder / name,
                name,
                f'[cluster]\nrole = "{role}"\nmode = "{mode}"\nbrokers = [{urls}]\nkey = "{key}"\n'
                + extra.format(url=self.brokers[0].url),
                directory if role == "master" else "",
            )
            for name, role in (("a", "master"), ("b", "slave"))
        )

    def sent(self, words: str = "") -> Counter[str]:
        """How often each text with the words left, by either node."""
        return self.a.sent(words) + self.b.sent(words)

    async def up(self) -> None:
        """Whatever happened before: both run, hear each other, and a is the master."""
        await asyncio.gather(*(node.start() for node in (self.a, self.b) if not node.runs))
        await self.together()
        if (await self.a.get("/cluster"))["role"] != "master":
            (await self.a.post("/cluster/promote", {})).raise_for_status()
            await self.b.cluster(lambda doc: doc["role"] == "slave" and doc["directory"]["same"])

    async def together(self) -> None:
        """Wait until both are settled and hear each other."""
        for node in (self.a, self.b):
            await node.cluster(
                lambda doc: (
                    doc["settled"] and doc["peer"] and doc["peer"]["standing"] == "up" and doc["directory"]["same"]
                )
            )


@contextlib.asynccontextmanager
async def open_pair(folder: Path, **options: Any) -> AsyncIterator[Pair]:
    pair = Pair(folder, **options)
    try:
        await asyncio.gather(*(broker.start() for broker in pair.brokers))
        async with pair.a, pair.b:
            await pair.together()
            yield pair
    finally:
        for broker in pair.brokers:
            await broker.stop()
