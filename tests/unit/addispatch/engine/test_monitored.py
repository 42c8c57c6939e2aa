"""What of a monitor outlives a restart, and what is dropped when nothing can be told."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

from probes import nothing_stored, watch, watched, watching
from tale import Tale, group, people, settings

from addispatch.domain.errors import Refused, StoreError
from addispatch.domain.judgement import Limit
from addispatch.domain.monitor_memory import Memory, unpacked
from addispatch.engine import monitored

TEAM = people("Adam", "Chief") + settings() + group("Team", "Adam", policy="")


async def test_of_changes_that_cannot_be_told_the_newest_are_kept_and_the_loss_is_an_event(tmp_path, monkeypatch):
    monkeypatch.setattr(monitored, "MAX_UNTOLD", 20)
    async with Tale(tmp_path, TEAM) as tale, watching(tale, watched("Boiler", limits={Limit.HI: 80.0})) as dials:
        with nothing_stored(tale):
            for value in (85, 20) * 11:
                await dials.shows("Boiler", value)
        await dials.is_read("Boiler", 60)
        assert len([text for text in await tale.events() if "a change is not told" in text]) >= 2
        assert any("back to normal" in text for text in tale.phone("Adam").texts)


async def test_the_end_reaches_who_need_not_acknowledge_even_if_the_ledger_takes_it_late(tmp_path, monkeypatch):
    async with Tale(tmp_path, TEAM) as tale, watching(tale, watched("Boiler", limits={Limit.HI: 80.0})) as dials:
        accept, refused = tale.node.accept, []

        def refuse_the_end(alarm):
            if not alarm.id.endswith("/news") or len(refused) == 2:
                return accept(alarm)
            refused.append(alarm.id)
            future = asyncio.get_running_loop().create_future()
            future.set_exception(StoreError("the disk is full"))
            return future

        monkeypatch.setattr(tale.node, "accept", refuse_the_end)
        await dials.shows("Boiler", 85)
        await tale.phone("Adam").expects("above HI")
        await dials.shows("Boiler", 20)
        await dials.is_read("Boiler", 5)
        await tale.phone("Adam").expects("back to normal")
        await tale.phone("Adam").is_silent()
        assert len(refused) == 2
        assert [text for text in await tale.events("Monitor") if "normal" in text] == [
            "Monitor Boiler: 20, back to normal"
        ]


async def test_a_new_name_is_a_new_condition(tmp_path: Path) -> None:
    hot = {"limits": {Limit.HI: 80.0}}
    async with Tale(tmp_path, TEAM) as tale, watching(tale, watched("Boiler", **hot)) as dials:
        await dials.shows("Boiler", 85)
        await tale.phone("Adam").expects("Boiler: 85")
        await watch(tale, dials, dataclasses.replace(watched("Boiler", **hot), name="Kettle"))
        await tale.quiet()
        await tale.phone("Adam").expects("Boiler: is called Kettle now")
        await dials.is_read("Boiler")
        await tale.phone("Adam").expects("Kettle: 85, above HI")


async def test_alarms_have_an_id_that_follows_from_the_monitor_and_what_was_told_before(tmp_path, monkeypatch) -> None:
    ids: list[list[str]] = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        async with Tale(folder, TEAM) as tale:
            seen: list[str] = []
            ids.append(seen)
            accept = tale.node.accept

            def noting(alarm, accept=accept, seen=seen):
                seen.append(alarm.id)
                return accept(alarm)

            monkeypatch.setattr(tale.node, "accept", noting)
            async with watching(tale, watched("Boiler", retries=0, limits={Limit.HI: 80.0})) as dials:
                await dials.shows("Boiler", 85)
                await dials.hides("Boiler")
                await dials.shows("Boiler", 20)
                await dials.shows("Boiler", 85)
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == len(ids[0])
    assert [one for one in ids[0] if not one.endswith("/news")] == [
        "boiler/1/raised/hi", "boiler/2/lost/contact", "boiler/3/found/contact", "boiler/4/cleared/hi",
        "boiler/5/raised/hi",
    ]  # fmt: skip


async def test_what_waits_to_be_told_is_not_overtaken_by_what_is_remembered(tmp_path) -> None:
    """Or a crash would leave an alarm that nobody was told of and that counts as told."""
    async with Tale(tmp_path, TEAM) as tale, watching(tale, watched("Boiler", limits={Limit.HI: 80.0})) as dials:
        await dials.shows("Boiler", 20)
        (one,) = tale.node.monitoring.watched
        with nothing_stored(tale):
            await dials.shows("Boiler", 85)
            assert one.state.active
            assert one.to_remember(is_last=True) is None
        await dials.is_read("Boiler", 3)
        assert unpacked(tale.node.ledger.marks["monitor:boiler"]).active == {Limit.HI}
        assert one.to_remember(is_last=True) is not None


async def test_it_is_remembered_at_once_if_another_value_is_there_and_seldom_if_not(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale, watching(tale, watched("Boiler")) as dials:
        await dials.shows("Boiler", 20)
        (one,) = tale.node.monitoring.watched
        kept = unpacked(one.to_remember())
        assert (kept.value, kept.value_at_ms, kept.read_at_ms) == (20, one.value_at_ms, one.read_at_ms)
        await dials.is_read("Boiler")
        assert one.to_remember() is None, "nothing is new but the counters"
        tale.clock.forward(minutes=10)
        await dials.is_read("Boiler")
        assert unpacked(one.to_remember()).read_count > kept.read_count
        await dials.hides("Boiler", times=2)
        assert unpacked(one.to_remember()).problem == "no answer"
        await dials.is_read("Boiler")
        assert unpacked(one.to_remember(is_last=True)) != Memory()


def refusing(tale, refused, seen):
    """Let the node refuse the alarms of which this is true, as the pipeline does: for good."""
    accept = tale.node.accept

    def take(alarm):
        if not refused(alarm):
            return accept(alarm)
        seen.append(alarm.text)
        future = asyncio.get_running_loop().create_future()
        future.set_exception(Refused("text", "is not liked"))
        return future

    return take


async def test_words_that_are_refused_are_told_as_ours(tmp_path, monkeypatch) -> None:
    boiler = watched("Boiler", text="BAD {{value}}", limits={Limit.HI: 80.0})
    async with Tale(tmp_path, TEAM) as tale, watching(tale, boiler) as dials:
        seen: list[str] = []
        monkeypatch.setattr(tale.node, "accept", refusing(tale, lambda alarm: "BAD" in alarm.text, seen))
        await dials.shows("Boiler", 85)
        await dials.is_read("Boiler", 3)
        await tale.phone("Adam").expects("Boiler: 85, above HI 80")
        assert seen == ["BAD 85"]
        assert (
            "Monitor Boiler: its words were refused (text: is not liked), ours are told instead" in await tale.events()
        )


async def test_what_is_refused_for_good_is_an_event_and_holds_up_nothing(tmp_path, monkeypatch) -> None:
    boiler = watched("Boiler", retries=0, limits={Limit.HI: 80.0})
    async with Tale(tmp_path, TEAM) as tale, watching(tale, boiler) as dials:
        seen: list[str] = []
        monkeypatch.setattr(tale.node, "accept", refusing(tale, lambda alarm: "above" in alarm.text, seen))
        await dials.shows("Boiler", 85)
        await dials.is_read("Boiler", 3)
        assert seen == ["Boiler: 85, above HI 80"], "once"
        await dials.hides("Boiler")
        await tale.phone("Adam").expects("Boiler: no contact")
        lost = "Monitor Boiler: nobody is told, it was refused (text: is not liked): Boiler: 85, above HI 80"
        assert lost in await tale.events()
