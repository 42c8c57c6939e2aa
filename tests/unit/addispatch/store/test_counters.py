"""Rows are numbered on from where the last process ended."""

from __future__ import annotations

from ledgers import open_ledger

from addispatch.domain.events import Said
from addispatch.store.counters import Counters


async def test_they_go_on_from_the_tables(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await ledger.submit(lambda tx: [tx.event(1, Said("hello")) for _ in range(3)])
    async with open_ledger(tmp_path) as ledger:
        found = await ledger.read(Counters)
        assert (found.event, found.case, found.delivery, found.received) == (3, 0, 0, 0)
        assert found.paused_at_ms is None
