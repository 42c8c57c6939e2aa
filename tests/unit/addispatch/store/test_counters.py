"""The numbers of the next rows go on where the tables end, after a restart, too."""

from __future__ import annotations

from ledgers import new_delivery, open_case, open_ledger


async def test_they_go_on_after_a_restart(tmp_path):
    for number in (1, 2):
        async with open_ledger(tmp_path) as ledger:
            counters = ledger._counters
            assert (counters.case, counters.delivery, counters.event) == (number - 1, 2 * number - 2, 0)
            assert (counters.received, counters.paused_at_ms) == (0, None)
            await open_case(ledger, new_delivery(), new_delivery("jane"), number=number)
            assert (counters.case, counters.delivery) == (number, 2 * number)
