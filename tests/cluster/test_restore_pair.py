"""One of two nodes loses its disk and comes back from a backup: what the other one has goes on, the rest is decided."""

from __future__ import annotations

import asyncio
import shutil

import pytest
from pair import open_pair

from addispatch.cli.backup import backup, restore

pytestmark = pytest.mark.debian


async def test_the_other_nodes_copy_wins_and_what_it_does_not_know_waits(tmp_path):
    async with open_pair(tmp_path) as pair:
        a, b, file = pair.a, pair.b, tmp_path / "b.tar.gz"
        both = (await a.raises("fire", "Critical"))["cases"][0]
        await b.kill()
        alone = (await a.raises("flood", "Critical"))["cases"][0]
        await a.event("flood")
        await asyncio.to_thread(backup, file, config=a.config)
        await a.kill()
        shutil.rmtree(a.data)
        await asyncio.to_thread(restore, file, config=a.config)
        await asyncio.gather(b.start(), a.start())
        await pair.together()

        # B takes over what it knows, for the disk of its owner is gone; that leaves the hold of A by itself.
        async with asyncio.timeout(30):
            while (held := await a.get("/restored"))["case_count"] != 1:
                await asyncio.sleep(0.1)
        assert [case["id"] for case in held["cases"]] == [alone["id"]]
        assert (await b.get(f"/cases/{both['id']}"))["owner"] == "b"

        # Not even what somebody says about it makes B take it over.
        answer = await a.post(f"/cases/{alone['id']}/ack", {"action": "comment", "comment": "is it?"})
        answer.raise_for_status()
        later = (await a.raises("later"))["cases"][0]["id"]
        async with asyncio.timeout(20):
            while later not in {case["id"] for case in (await b.get("/cases"))["cases"]}:
                await asyncio.sleep(0.1)
        assert (await a.get("/restored"))["case_count"] == 1

        # What B does not know is not shown to it, and so not taken over, before somebody has decided.
        assert alone["id"] not in {case["id"] for case in (await b.get("/cases"))["cases"]}
        (await a.post("/restored", {"action": "send"})).raise_for_status()
        async with asyncio.timeout(20):
            while alone["id"] not in {case["id"] for case in (await b.get("/cases"))["cases"]}:
                await asyncio.sleep(0.1)
        found = {node.name: await node.get(f"/cases/{alone['id']}") for node in (a, b)}
        assert [found[name]["owner"] for name in "ab"] == ["a", "a"]
        assert found["a"]["next_step_at"]
        assert found["b"]["next_step_at"]
        assert (await a.get("/restored"))["case_count"] == 0
