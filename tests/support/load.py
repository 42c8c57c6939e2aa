"""Alarms at a steady rate for the pair of ``pair_netns``, and the books: what was confirmed, what must leave how often."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
from pair_netns import PATIENCE_S, Node, Site

#: A source waits so long for an answer before it asks the other node, and between two rounds, in seconds.
ANSWER_S, PAUSE_S = 2.0, 0.25
#: Most requests at once: a source waits for the answer to one alarm before it goes on.
SOURCES_COUNT = 6


@dataclass
class Alarm:
    """One that was confirmed to its source; ``holder`` is the node that confirmed it alone, if one did."""

    tag: str
    at_s: float
    code: str = ""
    case: str = ""
    holder: Node | None = None
    acked_at_s: float | None = None


@dataclass
class Book:
    """What was confirmed in one scenario."""

    name: str
    alarms: dict[str, Alarm] = field(default_factory=dict)

    def accepted(self, alarm: Alarm) -> None:
        self.alarms[alarm.tag] = alarm

    def single(self, node: Node) -> set[str]:
        """Those that this node alone had when it confirmed them."""
        return {alarm.tag for alarm in self.alarms.values() if alarm.holder is node}

    def verdict(self, sent: Counter[tuple[str, str]], excused: AbstractSet[str] = frozenset()) -> Verdict:
        """Compare with how often each message left."""
        mine = {tag: count for (tag, who), count in sent.items() if who == "Adam" and tag in self.alarms}
        # Somebody who acknowledged before it left knows of it (CLUSTER I1).
        known = {tag for tag, alarm in self.alarms.items() if alarm.acked_at_s is not None}
        lost = sorted(tag for tag in self.alarms if tag not in mine and tag not in excused | known)
        often = {tag: count for tag, count in mine.items() if count > 1}
        early = sorted(tag for tag, who in sent if who == "Jane" and tag in self.alarms)
        return Verdict(len(self.alarms), sum(mine.values()), lost, often, early, len(excused - set(mine)))


@dataclass(frozen=True)
class Verdict:
    """Of one scenario: every alarm must have left once; ``often`` has those that left more often, and how often."""

    accepted_count: int
    sent_count: int
    lost: list[str]
    often: dict[str, int]
    #: Alarms of which a level was told that was not due.
    early: list[str]
    #: How many one node alone had confirmed, which then lost its disk.
    gone_count: int

    @property
    def extra_count(self) -> int:
        return sum(self.often.values()) - len(self.often)

    @property
    def most(self) -> int:
        return max(self.often.values(), default=1)

    def __str__(self) -> str:
        return (
            f"{self.accepted_count:5} accepted, {self.sent_count:5} sent, {len(self.lost):3} lost, "
            f"{self.extra_count:4} extra, {self.gone_count:2} gone with their only disk"
        )


class Load:
    """``async with Load(site, book)``: at its end all that was begun is confirmed, or was refused for too long.

    By HTTP to node a, or to b with the same id if a does not answer, as a source with two addresses does it: every
    fourth wants an acknowledgement and gets it at once by the other node (every eighth: never). By MQTT to the plant's
    broker, which both nodes hear.
    """

    def __init__(self, site: Site, book: Book, *, http_per_s: float = 4, mqtt_per_s: float = 4) -> None:
        self._site, self._book = site, book
        self._rates = http_per_s, mqtt_per_s
        self._stopping = False
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._publisher = await asyncio.create_subprocess_exec(
            *self._site.plant.argv("mosquitto_pub", "-h", self._site.plant.address, "-q", "1", "-t", "plant/load", "-l"),
            stdin=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self._numbers = itertools.count()
        sources = [self._source(number) for number in range(SOURCES_COUNT)]
        self._runners = [self._loop.create_task(work) for work in (*sources, self._mqtt())]
        return self

    async def __aexit__(self, kind: object, *_error: object) -> None:
        self._stopping = True
        await asyncio.gather(*self._runners)
        assert self._publisher.stdin is not None
        self._publisher.stdin.close()
        assert await asyncio.wait_for(self._publisher.wait(), PATIENCE_S) == 0, "the plant's broker lives"
        for client in self._clients.values():
            await client.aclose()

    async def confirmed(self, count: int) -> None:
        """Wait until so many were confirmed."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self._book.alarms) < count:
                await asyncio.sleep(0.02)

    # -- by HTTP -----------------------------------------------------------------------------------------------------

    async def _source(self, late: int) -> None:
        """One of the sources; each begins a little later than the one before."""
        every_s = SOURCES_COUNT / self._rates[0]
        next_s = self._loop.time() + late * every_s / SOURCES_COUNT
        while not self._stopping:
            number = next(self._numbers)
            kind = "ask" if number % 4 == 3 else "http"
            await self._raise(f"{self._book.name}-{kind}-{number:05d}", kind, number)
            next_s = max(next_s + every_s, self._loop.time())
            await asyncio.sleep(next_s - self._loop.time())

    async def _raise(self, tag: str, kind: str, number: int) -> None:
        document = {"id": tag, "text": f"{tag} is hot", "to": ["Critical" if kind == "ask" else "Ops"]}
        node, answer = await self._ask("/alarms", document, *self._site.nodes)
        case = answer["cases"][0]
        alarm = Alarm(
            tag, self._loop.time(), case["code"] or "", case["id"], None if answer["mirrored"] else node
        )  # fmt: skip
        self._book.accepted(alarm)
        if kind == "ask" and number % 8 != 7:
            path = f"/cases/{case['id']}/ack"
            await self._ask(path, {"comment": "on my way"}, self._site.other(node), node)
            alarm.acked_at_s = self._loop.time()

    async def _ask(self, path: str, document: dict[str, Any], *nodes: Node) -> tuple[Node, dict[str, Any]]:
        """Ask one after the other until one says yes."""
        problem: Any = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    for node in nodes:
                        try:
                            answer = await self._client(node).post(f"/api/v1{path}", json=document)
                        except httpx.TransportError as error:
                            problem = error
                            continue
                        if answer.is_success:
                            return node, answer.json()
                        problem = answer.text
                    await asyncio.sleep(PAUSE_S)
        except TimeoutError:
            raise AssertionError(f"{path} {document}: nobody says yes, but {problem!r}") from None

    def _client(self, node: Node) -> httpx.AsyncClient:
        if node.name not in self._clients:
            transport = httpx.AsyncHTTPTransport(uds=str(node.data / "addispatch.sock"))
            self._clients[node.name] = httpx.AsyncClient(
                transport=transport, base_url="http://node", timeout=ANSWER_S
            )  # fmt: skip
        return self._clients[node.name]

    # -- by MQTT -----------------------------------------------------------------------------------------------------

    async def _mqtt(self) -> None:
        assert self._publisher.stdin is not None
        began_s, number = self._loop.time(), 0
        while not self._stopping:
            tag = f"{self._book.name}-mqtt-{number:05d}"
            self._publisher.stdin.write(f"{tag} is hot\n".encode())
            with contextlib.suppress(ConnectionResetError):
                await self._publisher.stdin.drain()
            self._book.accepted(Alarm(tag, self._loop.time()))
            number += 1
            await asyncio.sleep(max(0.0, began_s + number / self._rates[1] - self._loop.time()))
