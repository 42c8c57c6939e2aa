"""A channel that does as it is told, and a dispatcher around it, for tests of the engine and for stories."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Any

from pipelines import Intake, book, open_pipeline, person, route

from addispatch.domain.delivery import RetryRules
from addispatch.domain.message import Delivery
from addispatch.domain.receipt import Sent
from addispatch.engine.dispatch import Dispatcher
from addispatch.engine.escalator import Escalator
from addispatch.engine.housekeeping import Housekeeping
from addispatch.engine.outcome import recover
from addispatch.sdk.protocols import Health


class ScriptedChannel:
    """Answers with what ``script`` holds: a receipt, nonsense, an exception (raised) or a coroutine function (awaited).

    An empty script answers ``Sent``. While ``gate`` is clear, sends wait for it.
    """

    def __init__(self, name: str = "log", window: int = 8, *script: Any) -> None:
        self.name, self.window, self.deadline_s = name, window, 30.0
        self.health = Health(up=True)
        self.script: deque[Any] = deque(script)
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun: list[Delivery] = []
        self.ended: list[Delivery] = []
        self.under_way = self.most_under_way = 0

    async def send(self, delivery: Delivery) -> Any:
        self.begun.append(delivery)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.gate.wait()
            answer = self.script.popleft() if self.script else Sent(reference=delivery.id, by=f"{self.name}1")
            if asyncio.iscoroutinefunction(answer):
                answer = await answer()
            if isinstance(answer, BaseException):
                raise answer
        finally:
            self.under_way -= 1
        self.ended.append(delivery)
        return answer

    @property
    def texts(self) -> list[str]:
        return [delivery.text for delivery in self.begun]


class Sending(Intake):
    """A pipeline with a dispatcher behind it."""

    dispatcher: Dispatcher
    rules: RetryRules

    async def forward(self, **time: float) -> None:
        """Let time pass, and look at everything."""
        self.clock.forward(**time)
        self.dispatcher.poke_all()
        await self.escalator.look()
        await self.quiet()

    async def quiet(self) -> None:
        """Wait until what can happen now has happened."""
        for _ in range(4):
            await self.ledger.submit(lambda _transaction: None)
            for _ in range(5):
                await asyncio.sleep(0)


def keeper(node: Sending, folder: Any) -> Housekeeping:
    """The housekeeping of such a node."""
    return Housekeeping(node.ledger, node.clock, node.dispatcher, node.escalator, lambda: node.pipeline.desk, folder)


@contextlib.asynccontextmanager
async def open_sending(folder, *channels: ScriptedChannel, directory=None, rules=None, recovered=True, **options):
    """``recovered``: do what a node does at its start."""
    directory = directory or book(person("Adam", *(c.name for c in channels)), route("all", "Adam"))
    names = frozenset(c.name for c in channels)
    async with open_pipeline(folder, directory, names, **options) as node:
        node.__class__ = Sending
        node.rules = rules or RetryRules()
        node.outcomes, node.said = [], []
        node.dispatcher = Dispatcher(
            node.ledger, node.clock, node.rules, node.outcomes.extend, lambda: node.pipeline.desk
        )
        if recovered:
            await node.ledger.submit(
                lambda transaction: recover(transaction, node.rules, node.clock.now_ms(), lambda: node.pipeline.desk)
            )
        node.pipeline._on_queued = node.dispatcher.poke
        node.escalator = Escalator(node.ledger, node.clock, lambda: node.pipeline.desk, node.said.append)
        node.ledger.on_work = lambda transaction: node.dispatcher.poke(transaction.channels)
        node.dispatcher.use(channels)
        try:
            yield node
        finally:
            for channel in channels:
                if isinstance(channel, ScriptedChannel):
                    channel.gate.set()
            await node.dispatcher.stop(1)
