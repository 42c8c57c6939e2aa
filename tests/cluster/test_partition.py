"""After hours apart, soon the same: both sides of a cut took alarms, and hold all of them after it.

A campaign (``ADDISPATCH_CAMPAIGN=1``): ``ADDISPATCH_CASES`` (1,000) on each side in ``ADDISPATCH_APART_S`` (600) seconds.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from pair_netns import Node, cases, site, until

CAMPAIGN = bool(os.environ.get("ADDISPATCH_CAMPAIGN"))
COUNT = int(os.environ.get("ADDISPATCH_CASES", "1000"))
APART_S = float(os.environ.get("ADDISPATCH_APART_S", "600"))
#: How soon both must hold the same, in seconds.
PROMISED_S = float(os.environ.get("ADDISPATCH_CONVERGES_S", "10"))

pytestmark = [pytest.mark.debian, pytest.mark.slow, pytest.mark.timeout(APART_S + 900)]


async def raises(node: Node, count: int, over_s: float) -> None:
    """So many alarms in that time; every other one waits for an acknowledgement and stays open."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    async with node.client() as client:
        for number in range(count):
            document = {"text": f"{node.name} {number}", "to": [("Critical", "Ops")[number % 2]]}
            (await client.post("/api/v1/alarms", json=document)).raise_for_status()
            await asyncio.sleep(max(0.0, began_s + over_s * number / count - loop.time()))


@pytest.mark.skipif(not CAMPAIGN, reason="takes a quarter of an hour: ADDISPATCH_CAMPAIGN=1")
async def test_both_hold_everything_soon_after_a_long_cut(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with site(tmp_path, after_minutes=60) as pair:
        pair.net.cut(pair.net[0], pair.net[1])
        for node in pair.nodes:
            await until(node, "/cluster", lambda doc: doc["peer"]["standing"] == "down")
        began_s = loop.time()
        await asyncio.gather(*(raises(node, COUNT, APART_S * 0.9) for node in pair.nodes))
        await asyncio.gather(*(node.idle() for node in pair.nodes))
        await asyncio.sleep(max(0.0, began_s + APART_S - loop.time()))
        pair.net.heal()
        healed_s = loop.time()
        # The brokers must have found each other again first: TCP tries ever less often during a cut.
        await pair.together()
        met_s = loop.time()
        await pair.equal()
        took_s = loop.time() - met_s
        held = [len(await cases(node)) for node in pair.nodes]
    print(f"\n{COUNT} cases on each side, {APART_S:g} s apart: met after {met_s - healed_s:.1f} s, "
          f"the same after {took_s:.1f} s more", end="")  # fmt: skip
    assert held == [2 * COUNT] * 2
    assert met_s - healed_s + took_s <= PROMISED_S
