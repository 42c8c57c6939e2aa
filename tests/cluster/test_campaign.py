"""Random faults on the shipped rules of two nodes: no promise of the pair is ever broken.

``make test`` plays 1,000 schedules in each mode, ``make campaign`` 50,000 (ADDISPATCH_SCHEDULES: how many).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sim.campaign import RANGES, Totals, add, play_range, shown

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def totals(request: pytest.FixtureRequest) -> Iterator[dict[str, Totals]]:
    found = {"active/active": Totals(), "active/passive": Totals()}
    yield found
    for mode, one in found.items():
        shown(request, f"{mode}: {one}")


@pytest.mark.parametrize(("begin", "end"), RANGES)
@pytest.mark.parametrize("mode", ["active/active", "active/passive"])
def test_no_promise_is_broken(mode: str, begin: int, end: int, totals: dict[str, Totals]) -> None:
    found = play_range(begin, end, is_passive=mode == "active/passive")
    totals[mode] = add(totals[mode], found)
    assert not found.wrong
