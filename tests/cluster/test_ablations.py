"""Each rule of the pair is needed: the campaign with one of them switched off breaks a promise, and soon.

The rules whose lack shows rarely in random faults have schedules of their own in ``test_found``.
"""

from __future__ import annotations

import pytest
from sim.ablations import ABLATIONS
from sim.campaign import play_range

#: How many seeds are enough (in both modes together half of that sufficed when this was written).
SEEDS_COUNT = 60
BREAKS = {
    "in doubt is failed": "I1",
    "clean when pushed": "I1",
    "wall clocks": "I5",
    "a passive node ignores": "I1",
    "claim without waiting": "I",
    "no settling": "I2",
}


@pytest.mark.parametrize("name", BREAKS)
def test_without_this_rule_a_promise_is_broken(name: str) -> None:
    for seed in range(SEEDS_COUNT):
        for is_passive in (True, False):
            found = play_range(seed, seed + 1, is_passive=is_passive, rules=ABLATIONS[name])
            if any(f" {BREAKS[name]}" in wrong for wrong in found.wrong):
                return
    pytest.fail(f"nothing was seen in {SEEDS_COUNT} seeds")
