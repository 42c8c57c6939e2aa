"""Random faults on the shipped rules of two nodes, active/passive: no promise of the pair is ever broken.

``make test`` plays 1,000 schedules, ``make campaign`` 50,000 (ADDISPATCH_SCHEDULES: how many).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sim.campaign import RANGES, Totals, add, play_range, shown

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def totals(request: pytest.FixtureRequest) -> Iterator[list[Totals]]:
    found: list[Totals] = [Totals()]
    yield found
    shown(request, f"active/passive: {found[0]}")


@pytest.mark.parametrize(("begin", "end"), RANGES)
def test_no_promise_is_broken(begin: int, end: int, totals: list[Totals]) -> None:
    found = play_range(begin, end, is_passive=True)
    totals[0] = add(totals[0], found)
    assert not found.wrong
