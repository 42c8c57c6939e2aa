"""A pipeline over a real ledger whose channels are played by hand, for tests of single units of pipeline and engine.

    async with open_room(tmp_path, ADAM, JANE, usual(), group("Ops", "Adam", "Jane", policy="usual")) as room:
        await room.accept(to=("Ops",))
        await room.sends("sms")
        await room.on(1, lambda tx, entry: withdraw(tx, entry, "why", room.now_ms))

What waits is claimed and settled as the test says; nothing happens by itself.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

from pipelines import Intake, book, open_pipeline, person

from addispatch.domain.case import DeliveryKey, DeliveryState
from addispatch.domain.delivery import RetryRules, settle
from addispatch.domain.policy import Level, Policy, PolicyKind
from addispatch.domain.receipt import Receipt, Sent
from addispatch.engine.escalate import fire
from addispatch.engine.outcome import record
from addispatch.pipeline.desk import Desk
from addispatch.store.claims import Claim
from addispatch.store.transaction import Entry, Transaction

T = TypeVar("T")
KEY = bytes(range(32))
CHANNELS = ("sms", "email", "voice", "log")
SMS_ADAM, SMS_JANE, SMS_BO, SMS_CHIEF = "+6591234567", "+6581234567", "+6582345678", "+6584567890"

#: People who have a phone and nothing else, so that one message is one delivery.
PHONE_ADAM = person("Adam", sms=SMS_ADAM)
PHONE_JANE = person("Jane", sms=SMS_JANE)
PHONE_BO = person("Bo", sms=SMS_BO)
PHONE_CHIEF = person("Chief", sms=SMS_CHIEF)


def usual(*levels: Level, **options: Any) -> Policy:
    """A basic policy called usual; without levels the first level tells Bo."""
    options.setdefault("id", "usual")
    return Policy(name=options["id"], levels=levels or (Level(to=("bo",)),), **options)


def mobilise(*levels: Level, **options: Any) -> Policy:
    """A recall called mobilise; without levels it reminds once and then tells the chief who is missing."""
    found = levels or (Level(resend=True), Level(after_minutes=15, to=("chief",)))
    return Policy(id="mobilise", name="mobilise", kind=PolicyKind.RECALL, levels=found, **options)


class Room(Intake):
    """A pipeline with hands."""

    @property
    def now_ms(self) -> int:
        return self.clock.now_ms()

    @property
    def desk(self) -> Desk:
        return self.pipeline.desk

    async def unit(self, work: Callable[[Transaction], T]) -> T:
        return await self.ledger.submit(work)

    async def on(self, seq: int, work: Callable[[Transaction, Entry], T]) -> T:
        """Run a unit of work on the case of that number; they count from 1."""
        return await self.ledger.submit(lambda tx: work(tx, tx.entry(seq)))

    async def entry(self, seq: int = 1) -> Entry:
        return await self.on(seq, lambda _tx, entry: entry)

    async def next_s(self, seq: int = 1) -> float | None:
        """In how many seconds the case's next step is due."""
        next_ms = (await self.entry(seq)).next_at_ms
        return None if next_ms is None else (next_ms - self.now_ms) / 1000

    async def claims(self, *channels: str) -> list[Claim]:
        """Take what is due, as a lane does: it is on its way then."""

        def unit(tx: Transaction) -> list[Claim]:
            return [claim for channel in channels or CHANNELS for claim in tx.claim_due(channel, 500, self.now_ms)]

        return await self.ledger.submit(unit)

    async def records(self, claim: Claim, receipt: Receipt) -> None:
        """Store what the channel said of a claim."""
        outcome = settle(
            claim.state, receipt, rules=RetryRules(), priority=claim.priority, repeated=claim.repeat, jitter=0.5
        )  # fmt: skip
        await self.ledger.submit(lambda tx: record(tx, claim, outcome, self.now_ms, lambda: self.desk))

    async def sends(self, *channels: str, receipt: Receipt | None = None) -> list[str]:
        """Let everything that is due go out, or end otherwise; returns ``recipient: text`` of each."""
        claims = await self.claims(*channels)
        for claim in claims:
            await self.records(claim, receipt or Sent(reference=str(claim.seq)))
        return [f"{claim.recipient}: {claim.text}" for claim in claims]

    async def fires(self, seq: int = 1) -> None:
        """Take the case's next step now, whether it is due or not."""
        await self.on(seq, lambda tx, entry: fire(tx, self.desk, entry, self.now_ms))

    async def states(self, seq: int = 1) -> dict[DeliveryKey, DeliveryState]:
        return dict((await self.entry(seq)).case.deliveries)

    async def waiting(self) -> list[str]:
        """What is queued, as ``recipient: text``, the oldest first."""
        return [f"{d['recipient']}: {d['text']}" for d in await self.deliveries() if d["state"] == "queued"]

    async def lines(self, kind: str = "") -> list[str]:
        return [event["text"] for event in await self.events(kind)]


@contextlib.asynccontextmanager
async def open_room(folder, *entries: Any, provided=frozenset(CHANNELS), settings=None, keys=(KEY,), **options: Any):
    """``entries`` make the address book, ``keys`` sign tokens; ``options`` go to the pipeline."""
    directory = dataclasses.replace(book(*entries, **(settings or {})), link_keys=keys)
    async with open_pipeline(folder, directory, provided, **options) as node:
        node.__class__ = Room
        yield node
