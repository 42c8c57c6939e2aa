"""An address book in a few words, and a pipeline over a real ledger, for tests of pipeline and engine."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any

from ledgers import open_ledger

from addispatch.domain.addressbook import Directory, Group, Match, Recipient, Route, Settings, TextTemplate
from addispatch.domain.alarm import Alarm
from addispatch.domain.policy import Policy
from addispatch.pipeline.accept import Pipeline
from addispatch.pipeline.desk import Desk
from addispatch.pipeline.redelivery import Redelivery
from addispatch.sdk.operations import Actor, Role
from addispatch.sdk.testing import FakeClock
from addispatch.store import queries
from addispatch.store.ledger import Ledger

ADMIN = Actor("test", Role.ADMIN, "test")
PROVIDED = frozenset({"log", "sms", "email"})


def person(name: str, *channels: str, **fields: Any) -> Recipient:
    """A recipient; without fields he has no address but his name, which is enough for the channel ``log``."""
    return Recipient(id=name.lower(), name=name, channels=channels, **fields)


def group(name: str, *members: str, policy: str = "") -> Group:
    return Group(id=name.lower(), name=name, members=tuple(m.lower() for m in members), policy=policy)


def route(
    name: str, *to: str, then: bool = False, template: str = "", channels: tuple[str, ...] = (), **match: Any
) -> Route:
    """``then``: routes behind it are looked at, too."""
    return Route(
        id=name, name=name, match=Match(**match), to=tuple(t.lower() for t in to), continue_=then, template=template,
        channels=channels,
    )  # fmt: skip


def book(*entries: Recipient | Group | Policy | TextTemplate | Route, **settings: Any) -> Directory:
    def only(kind: type) -> dict[str, Any]:
        return {e.id: e for e in entries if isinstance(e, kind)}

    return Directory(
        recipients=only(Recipient),
        groups=only(Group),
        policies=only(Policy),
        templates=only(TextTemplate),
        routes=tuple(only(Route).values()),
        settings=Settings(**settings),
    )


def desk(*entries: Any, **settings: Any) -> Desk:
    """What writing to people takes, with an address book of these entries."""
    return Desk(directory=book(*entries, **settings), provided=PROVIDED)


ADAM = person("Adam", sms="+6591234567", email=("adam@example.com",))
JANE = person("Jane", sms="+6581234567", email=("jane@example.com",))


def alarm(text: str = "hot", **fields: Any) -> Alarm:
    return Alarm(**{"source": "mqtt", "text": text, **fields})


@dataclass
class Intake:
    """A pipeline and what it wrote."""

    ledger: Ledger
    pipeline: Pipeline
    clock: FakeClock
    redelivery: Redelivery
    poked: list[set[str]] = field(default_factory=list)

    async def accept(self, text: str = "hot", **fields: Any):
        return await self.pipeline.accept(alarm(text, **fields))

    async def cases(self, state: str | None = None) -> list[dict[str, Any]]:
        """All cases, the oldest first."""
        return (await self.ledger.read(lambda c: queries.cases(c, state, 500, None)))["cases"][::-1]

    async def deliveries(self) -> list[dict[str, Any]]:
        return (await self.ledger.read(lambda c: queries.deliveries(c, None, 500, None)))["deliveries"][::-1]

    async def events(self, kind: str = "") -> list[dict[str, Any]]:
        found = (await self.ledger.read(lambda c: queries.events(c, 500, None, None)))["events"][::-1]
        return [e for e in found if not kind or e["kind"] == kind]

    async def kinds(self) -> list[str]:
        return [event["kind"] for event in await self.events()]


@contextlib.asynccontextmanager
async def open_pipeline(folder, directory=None, provided=PROVIDED, *, clock=None, first_number=0, **options):
    clock = clock or FakeClock()
    async with open_ledger(folder) as ledger:
        redelivery, poked = Redelivery(), []
        values = {
            "node": "node-a",
            "region": "SG",
            "store_id": "s1",
            "max_segments": 6,
            "default_ttl_s": None,
            **options,
        }
        pipeline = Pipeline(
            ledger, clock, redelivery=redelivery, first_number=first_number,
            on_queued=lambda names: poked.append(set(names)), **values,
        )  # fmt: skip
        pipeline.provided = provided
        pipeline.use(directory or book(ADAM, JANE, group("Ops", "Adam", "Jane")))
        yield Intake(ledger, pipeline, clock, redelivery, poked)


class BrokenDisk:
    """Lets a ledger's commits fail as on a full disk, as long as it is entered."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __enter__(self):
        self._run = self._ledger._transact

        def fail(connection, _units):
            raise connection.dialect.loaded_dbapi.OperationalError("database or disk is full")

        self._ledger._transact = fail
        return self

    def __exit__(self, *_error):
        self._ledger._transact = self._run


async def until(condition, timeout_s: float = 20.0) -> None:
    """Wait until ``condition()`` (a function or coroutine function) holds."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = condition()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return
            await asyncio.sleep(0.005)
