"""Two rooms (``rooms``) whose ledgers mirror each other: what one does is carried to the other when the test says so.

    async with open_duet(tmp_path, *OPS) as duet:
        await duet.a.accept(to=("Ops",))
        await duet.carry()                    # until neither has anything to say
        await duet.claims_all(duet.b)         # b takes over what is a's

The rules that say when are left out; the units are those of ``engine.joining``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from rooms import Room, open_room

from addispatch.cluster.events import Merge
from addispatch.domain.delivery import RetryRules
from addispatch.engine import joining
from addispatch.pipeline.pairing import Pairing
from addispatch.sdk.testing import FakeClock
from addispatch.store.notes import Twin, encode

RULES = RetryRules()


@dataclass
class Duet:
    """``a`` has rank 0 and store s1, ``b`` rank 1 and store s2."""

    a: Room
    b: Room
    #: What each has to say, a list of records for each commit.
    said: dict[str, list[list[bytes]]] = field(default_factory=lambda: {"s1": [], "s2": []})
    #: What each told the rules of the cluster.
    reports: list[Any] = field(default_factory=list)

    def join(self, room: Room, store: str, rank: int) -> None:
        """Let a room's ledger be half of the pair."""

        def changed(tx):
            changes = {change.id: change for change in tx.changes}
            records = [change.record for change in tx.changes if change.record is not None]
            records += [encode(doc) for doc in tx.notes.extras]
            if records:
                self.said[store].append(records)
            self.reports += [report(changes) for report in tx.reports]

        room.ledger.twin = Twin(store, rank, room.clock.now_ms, Pairing())
        room.ledger.on_changes = changed

    def other(self, room: Room) -> Room:
        return self.b if room is self.a else self.a

    async def hears(self, room: Room, records: list[bytes], **more: Any) -> None:
        """Join records into a room's ledger."""
        merge = Merge(tuple(orjson.loads(record) for record in records), "s?", "b?")
        await room.unit(lambda tx: joining.join(tx, room.desk, merge, room.now_ms, **more))

    async def carry(self, **more: Any) -> None:
        """Tell each what the other did, until neither has anything to say."""
        for _ in range(6):
            said = {store: [one for some in self.said[store] for one in some] for store in ("s1", "s2")}
            for store in self.said:
                self.said[store].clear()
            if not any(said.values()):
                return
            await self.hears(self.b, said["s1"], **more)
            await self.hears(self.a, said["s2"], **more)
        raise AssertionError("they never come to an end")

    async def ids(self, room: Room) -> list[str]:
        return [case["id"] for case in await room.cases()]

    async def claims_all(self, room: Room, spares: Callable[[], str | None] = str) -> int:
        """Take over all cases of the other node; of nodes that are there none (``Node.spares``)."""
        ids = await self.ids(room)
        desk = lambda: room.desk  # noqa: E731
        return await room.unit(
            lambda tx: joining.claim(tx, desk, RULES, ids, "node-x is not there", spares, room.now_ms)
        )

    async def gives_all(self, room: Room) -> int:
        """Hand all cases to the other node."""
        ids, store, rank = await self.ids(room), *(("s2", 1) if room is self.a else ("s1", 0))
        return await room.unit(lambda tx: joining.give(tx, ids, rank, store, "node-x can send them", room.now_ms))

    async def alike(self) -> dict[str, Any]:
        """Whether both have the same cases; returns them by id."""
        found = []
        for room in (self.a, self.b):
            count = len(await room.cases())
            entries = [await room.entry(seq) for seq in range(1, count + 1)]
            found.append({entry.case.id: entry.case for entry in entries})
        assert found[0].keys() == found[1].keys()
        for ident, case in found[0].items():
            for name, mine, theirs in zip(case._fields, case, found[1][ident], strict=True):
                assert mine == theirs, f"{name} of {ident}: {mine} {theirs}"
        return found[0]


@contextlib.asynccontextmanager
async def open_duet(folder, *entries: Any, **options: Any):
    clock = FakeClock()
    for name in ("a", "b"):
        (folder / name).mkdir()
    async with (
        open_room(folder / "a", *entries, clock=clock, store_id="s1", **options) as a,
        open_room(folder / "b", *entries, clock=clock, store_id="s2", **options) as b,
    ):
        duet = Duet(a, b)
        duet.join(a, "s1", 0)
        duet.join(b, "s2", 1)
        yield duet
