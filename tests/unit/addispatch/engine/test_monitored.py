"""What of a monitor outlives a restart, and what is dropped when nothing can be told."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

from probes import watch, watched, watching
from tale import Tale, group, people, settings

from addispatch.domain.errors import StoreError
from addispatch.domain.judgement import Judged, Limit, State
from addispatch.engine import monitored
from addispatch.engine.monitored import _kept, _restored

TEAM = people("Adam", "Chief") + settings() + group("Team", "Adam", policy="")


def test_alarms_and_lost_contact_are_kept_values_and_delays_are_not():
    state = State(
        value=7, is_lost=True, failed_count=3,
        judged={Limit.HI: Judged(is_active=True, differs_since_s=5), Limit.LO: Judged(differs_since_s=9)},
    )  # fmt: skip
    assert _restored(_kept(state)) == State(is_lost=True, judged={Limit.HI: Judged(is_active=True)})
    assert _restored(None) == _restored(b"") == State()
    every = State(judged={limit: Judged(is_active=True) for limit in Limit})
    assert len(_kept(every)) <= 256, "a mark is no longer"


async def test_of_changes_that_cannot_be_told_the_newest_are_kept_and_the_loss_is_an_event(tmp_path, monkeypatch):
    monkeypatch.setattr(monitored, "MAX_UNTOLD", 20)
    async with Tale(tmp_path, TEAM) as tale, watching(tale, watched("Boiler", limits={Limit.HI: 80.0})) as dials:
        accept = tale.node.accept

        def refuse(_alarm):
            future = asyncio.get_running_loop().create_future()
            future.set_exception(StoreError("the disk is full"))
            return future

        monkeypatch.setattr(tale.node, "accept", refuse)
        for value in (85, 20) * 11:
            await dials.shows("Boiler", value)
        monkeypatch.setattr(tale.node, "accept", accept)
        await dials.is_read("Boiler", 60)
        assert len([text for text in await tale.events() if "a change is not told" in text]) >= 2
        assert any("back to normal" in text for text in tale.phone("Adam").texts)


async def test_a_new_name_is_a_new_condition(tmp_path: Path) -> None:
    hot = {"limits": {Limit.HI: 80.0}}
    async with Tale(tmp_path, TEAM) as tale, watching(tale, watched("Boiler", **hot)) as dials:
        await dials.shows("Boiler", 85)
        await tale.phone("Adam").expects("Boiler: 85")
        await watch(tale, dials, dataclasses.replace(watched("Boiler", **hot), name="Kettle"))
        await tale.quiet()
        await tale.phone("Adam").expects("Boiler: 85, back to normal")
        await dials.is_read("Boiler")
        await tale.phone("Adam").expects("Kettle: 85, above HI")
