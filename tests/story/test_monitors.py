"""Monitors as people meet them: limits, chatter, lost contact, parents, maintenance, restarts (SPEC 9)."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from pathlib import Path
from typing import Any

from pipelines import ADMIN, until
from probes import ASKED, HOT, TEAM, watch, watched, watching
from tale import Tale

from addispatch.domain.alarm import Priority
from addispatch.domain.errors import StoreError
from addispatch.domain.judgement import Limit
from addispatch.domain.window import parse_window


async def test_too_hot_is_told_and_so_is_back_to_normal(tmp_path: Path) -> None:
    async with Tale(tmp_path, ASKED) as tale, watching(tale, watched("Boiler", units="°C", **HOT)) as dials:
        await dials.shows("Boiler", 79.9)
        await tale.phone("Adam").is_silent()
        await dials.shows("Boiler", 80.5)
        await tale.phone("Adam").expects("Boiler: 80.5 C, above HI 80 C", "ACK")
        await tale.phone("Jane").expects("Boiler: 80.5 C")
        await dials.shows("Boiler", 78.5)
        await tale.phone("Adam").is_silent()
        await dials.shows("Boiler", 77)
        await tale.phone("Adam").expects("Boiler: 77 C, back to normal")
        await tale.phone("Jane").expects("back to normal")
        assert (await tale.operations.cases(ADMIN, state="open"))["cases"] == []


async def test_who_need_not_acknowledge_hears_of_the_end_too(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale, watching(tale, watched("Boiler", **HOT)) as dials:
        await dials.shows("Boiler", 85)
        await tale.phone("Adam").expects("above HI 80")
        await dials.shows("Boiler", 20)
        await tale.phone("Adam").expects("Boiler: 20, back to normal")
        await tale.phone("Adam").is_silent()


async def test_worse_is_told_with_its_own_priority_and_better_is_not(tmp_path: Path) -> None:
    boiler = watched("Boiler", priorities={Limit.HIHI: Priority.CRITICAL}, **HOT)
    async with Tale(tmp_path, ASKED) as tale, watching(tale, boiler) as dials:
        await dials.shows("Boiler", 85)
        await tale.phone("Adam").expects("above HI 80")
        await dials.shows("Boiler", 95)
        await tale.phone("Adam").expects("above HIHI 90")
        await dials.shows("Boiler", 85)
        await dials.shows("Boiler", 95)
        await tale.phone("Adam").is_silent()
        (case,) = (await tale.operations.cases(ADMIN))["cases"]
        assert (case["priority"], case["count"]) == ("critical", 3)


async def test_each_change_is_an_event(tmp_path: Path) -> None:
    boiler = watched("Boiler", retries=0, **HOT)
    async with Tale(tmp_path, TEAM) as tale, watching(tale, boiler) as dials:
        for value in (85, 95, 85, 20):
            await dials.shows("Boiler", value)
        await dials.hides("Boiler")
        await dials.shows("Boiler", 20)
        await until(lambda: len(tale.phone("Adam").received) >= 5)
        assert [text.removeprefix("Monitor Boiler: ") for text in await tale.events("Monitor")] == [
            "85, above HI 80", "95, above HIHI 90", "85, above HI 80", "20, back to normal",
            "no contact (no answer)", "contact again",
        ]  # fmt: skip


async def test_an_alarm_waits_for_its_delay(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale, watching(tale, watched("Boiler", on_delay_s=30, **HOT)) as dials:
        await dials.shows("Boiler", 85)
        tale.clock.forward(seconds=29)
        await dials.is_read("Boiler")
        await tale.phone("Adam").is_silent()
        tale.clock.forward(seconds=1)
        await dials.is_read("Boiler")
        await tale.phone("Adam").expects("above HI")


async def test_a_value_that_chatters_between_its_limits_is_one_case_and_a_count(tmp_path: Path) -> None:
    async with Tale(tmp_path, ASKED) as tale, watching(tale, watched("Boiler", **HOT)) as dials:
        for value in (85, 95) * 4:
            await dials.shows("Boiler", value)
        assert [text.partition("\n")[0] for text in tale.phone("Adam").texts] == [
            "Boiler: 85, above HI 80", "Boiler: 95, above HIHI 90",
        ]  # fmt: skip
        (case,) = (await tale.operations.cases(ADMIN))["cases"]
        assert case["count"] == 5


async def test_a_value_that_swings_wide_is_one_case_until_it_was_calm_for_the_delay(tmp_path: Path) -> None:
    for number, (calm, case_count) in enumerate((({"off_delay_s": 5.0}, 1), ({"deadband": 70.0}, 1), ({}, 2))):
        (tmp_path / str(number)).mkdir()
        async with (
            Tale(tmp_path / str(number), ASKED) as tale,
            watching(tale, watched("Boiler", limits={Limit.HI: 80.0}, **calm)) as dials,
        ):
            for _ in range(2):
                await dials.shows("Boiler", 85)
                tale.clock.forward(seconds=1)
                await dials.shows("Boiler", 20)
                tale.clock.forward(seconds=1)
            assert len((await tale.operations.cases(ADMIN))["cases"]) == case_count, calm
            await dials.shows("Boiler", 5)
            tale.clock.forward(seconds=5)
            await dials.is_read("Boiler")
            assert "back to normal" in tale.phone("Adam").texts[-1]
            assert len(tale.phone("Adam").texts) == 2 * case_count, calm


async def test_lost_contact_is_an_alarm_of_its_own_and_leaves_the_value_s_alarm_open(tmp_path: Path) -> None:
    async with Tale(tmp_path, ASKED) as tale, watching(tale, watched("Boiler", **HOT)) as dials:
        await dials.shows("Boiler", 85)
        await tale.phone("Adam").expects("above HI")
        await dials.hides("Boiler")
        await tale.phone("Adam").expects("Boiler: no contact (no answer)")
        keys = {case["key"] for case in (await tale.operations.cases(ADMIN, state="open"))["cases"]}
        assert keys == {"Boiler", "Boiler/contact"}
        await dials.shows("Boiler", 85)
        await tale.phone("Adam").expects("contact again")
        await tale.phone("Adam").is_silent()
        await dials.shows("Boiler", 20)
        await tale.phone("Adam").expects("back to normal")


async def test_two_failed_readings_are_forgiven(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale, watching(tale, watched("Boiler", retries=1000)) as dials:
        await dials.hides("Boiler", times=10)
        await tale.phone("Adam").is_silent()
        (doc,) = tale.node.monitoring.documents()
        assert (doc["state"], doc["error"]) == ("failing", "no answer")


async def test_children_are_silent_while_their_parent_is_down(tmp_path: Path) -> None:
    gateway = watched("Gateway", retries=0)
    behind = [watched(f"Pump{n}", parent="gateway", retries=0) for n in range(3)]
    async with Tale(tmp_path, TEAM) as tale, watching(tale, gateway, *behind) as dials:
        await dials.is_read("Pump0")
        await dials.hides("Gateway", "Pump0", "Pump1", "Pump2")
        await tale.phone("Adam").expects("Gateway: no contact (no answer); 3 monitors behind it are silent")
        await tale.phone("Adam").is_silent()
        await dials.shows("Gateway", 0)
        await tale.phone("Adam").expects("Gateway: contact again")
        await tale.phone("Adam").is_silent()
        tale.clock.forward(seconds=1)
        await dials.is_read("Gateway")
        await dials.is_read("Pump1", 4)
        await tale.phone("Adam").expects("Pump1: no contact")


async def test_a_child_waits_until_somebody_has_looked_at_its_parent(tmp_path: Path) -> None:
    gateway = watched("Gateway", interval_s=3600)
    async with (
        Tale(tmp_path, TEAM) as tale,
        watching(tale, gateway, watched("Pump", parent="gateway", retries=0)) as dials,
    ):
        await dials.hides("Pump")
        await tale.phone("Adam").is_silent()
        await watch(tale, dials, watched("Gateway"), watched("Pump", parent="gateway", retries=0))
        tale.clock.forward(seconds=1)
        await dials.is_read("Gateway")
        await dials.is_read("Pump", 4)
        await tale.phone("Adam").expects("Pump: no contact")


# -- one alarm passes on into another, worse ones, chatter ---------------------------------------------------------------


async def test_in_its_maintenance_window_a_monitor_raises_nothing(tmp_path: Path) -> None:
    boiler = watched("Boiler", maintenance=(parse_window("11:00-13:00"),), **HOT)
    async with Tale(tmp_path, TEAM) as tale, watching(tale, boiler) as dials:
        await dials.shows("Boiler", 85)
        await tale.phone("Adam").is_silent()
        assert tale.node.monitoring.documents()[0]["suppressed"]
        tale.clock.forward(hours=1)
        await dials.is_read("Boiler")
        await tale.phone("Adam").expects("above HI")


async def nothing_written(*, is_last: bool = False) -> list[Any]:
    """What the ledger remembers of monitors that were killed: nothing but what went with their alarms."""
    return []


async def test_a_restart_repeats_nothing_and_forgets_nothing(tmp_path: Path) -> None:
    boiler, pump = watched("Boiler", **HOT), watched("Pump", retries=0)
    async with Tale(tmp_path, ASKED) as tale:
        tale.node.monitoring.remember = nothing_written  # type: ignore[method-assign]
        async with watching(tale, boiler, pump) as dials:
            await dials.shows("Boiler", 85)
            await dials.hides("Pump")
            await tale.phone("Adam").expects("above HI")
            await tale.phone("Adam").expects("Pump: no contact")
        await tale.crash()
        async with watching(tale, boiler, pump, shown={"Boiler": 86}, hidden={"Pump"}) as dials:
            await dials.is_read("Boiler", 4)
            await tale.phone("Adam").is_silent()
            await dials.shows("Boiler", 20)
            await dials.shows("Pump", 1)
            await tale.phone("Adam").expects("back to normal")
            await tale.phone("Adam").expects("Pump: contact again")


async def test_a_change_the_ledger_does_not_take_is_told_when_it_does(tmp_path: Path, monkeypatch) -> None:
    async with Tale(tmp_path, TEAM) as tale, watching(tale, watched("Boiler", **HOT)) as dials:
        accept, refusals = tale.node.accept, []

        def refuse(alarm):
            refusals.append(alarm.text)
            future = asyncio.get_running_loop().create_future()
            future.set_exception(StoreError("the disk is full"))
            return future

        monkeypatch.setattr(tale.node, "accept", refuse)
        await dials.shows("Boiler", 85)
        await dials.is_read("Boiler", 3)
        assert len(refusals) > 1
        monkeypatch.setattr(tale.node, "accept", accept)
        await dials.is_read("Boiler", 3)
        await tale.phone("Adam").expects("above HI")
        await tale.phone("Adam").is_silent()


async def test_what_is_watched_no_more_is_over(tmp_path: Path) -> None:
    async with Tale(tmp_path, ASKED) as tale, watching(tale, watched("Boiler", **HOT)) as dials:
        await dials.shows("Boiler", 85)
        await tale.phone("Adam").expects("above HI")
        await watch(tale, dials)
        await tale.quiet()
        await tale.phone("Adam").expects("Boiler: no longer watched")
        assert dials.prepared == []


async def test_words_of_ones_own(tmp_path: Path) -> None:
    boiler = watched(
        "Boiler", text="{{name}} {{value}} over {{limit}}={{limit_value}}", down_text="{{dial}} gone: {{problem}}",
        recovered_text="{{name}} fine at {{value}}", retries=0, **HOT,
    )  # fmt: skip
    async with Tale(tmp_path, ASKED) as tale, watching(tale, boiler) as dials:
        await dials.shows("Boiler", 85)
        await tale.phone("Adam").expects("Boiler 85 over hi=80")
        await dials.shows("Boiler", 20)
        await tale.phone("Adam").expects("Boiler fine at 20")
        await dials.hides("Boiler")
        await tale.phone("Adam").expects("Boiler gone: no answer")


async def test_a_template_that_fails_is_told_in_our_words(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale, watching(tale, watched("Boiler", text="{{nothing}}", **HOT)) as dials:
        await dials.shows("Boiler", 85)
        await tale.phone("Adam").expects("Boiler: 85, above HI 80")
        assert await tale.events("TemplateFailed")


async def test_a_probe_with_a_bug_is_a_failed_reading_and_ends_nothing(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale, watching(tale, watched("Boiler", retries=0)) as dials:
        await dials.is_read("Boiler")
        dials.fails = ValueError("oops")
        await until(lambda: tale.phone("Adam").received)
        await tale.phone("Adam").expects("Boiler: no contact (error in the probe: ValueError)")
        dials.fails = None
        await dials.is_read("Boiler")
        await tale.phone("Adam").expects("contact again")


async def test_how_monitors_stand_is_shown(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale, watching(tale, watched("Boiler", units="°C", **HOT)) as dials:
        await dials.shows("Boiler", 85.5)
        (doc,) = tale.node.monitoring.documents()
        json.dumps(doc)
        assert (doc["name"], doc["state"], doc["value"], doc["limit"], doc["units"]) == (
            "Boiler",
            "alarm",
            85.5,
            "hi",
            "°C",
        )
        assert doc["availability"] == 1
        assert doc["latency_ms"] >= 0


async def test_what_was_seen_last_and_how_often_it_was_there_outlives_a_restart(tmp_path: Path) -> None:
    boiler, pump = watched("Boiler", **HOT), watched("Pump", retries=1000)
    async with Tale(tmp_path, TEAM) as tale:
        async with watching(tale, boiler, pump, shown={"Boiler": 85}) as dials:
            await dials.is_read("Boiler", 3)
            await tale.phone("Adam").expects("above HI")
            await dials.shows("Boiler", 87.5)
            tale.clock.forward(seconds=1)
            await dials.hides("Pump", times=8)
        before = {doc["name"]: doc for doc in tale.node.monitoring.documents()}
        await tale.crash()
        tale.clock.forward(hours=1)
        # Nobody has read anything since.
        later = [dataclasses.replace(one, interval_s=3600.0) for one in (boiler, pump)]
        async with watching(tale, *later, shown={"Boiler": 87.5}):
            after = {doc["name"]: doc for doc in tale.node.monitoring.documents()}
            for name, state in (("Boiler", "alarm"), ("Pump", "failing")):
                assert after[name] == {**before[name], "interval_s": 3600.0}
                assert after[name]["state"] == state
            assert after["Boiler"]["value"] == 87.5
            assert 0 < after["Pump"]["availability"] < 1
            assert after["Pump"]["value_at"] < after["Pump"]["read_at"]
        async with watching(tale, boiler, pump, shown={"Boiler": 20}) as dials:
            await dials.is_read("Boiler", 3)
            await dials.is_read("Pump", 40)
            await tale.phone("Adam").expects("back to normal")
            await tale.phone("Adam").is_silent()
            (doc,) = (one for one in tale.node.monitoring.documents() if one["name"] == "Pump")
            assert doc["availability"] > after["Pump"]["availability"], "counted on, over the whole time"


async def test_all_that_are_behind_count_and_one_is_one(tmp_path: Path) -> None:
    chain = [watched("A", retries=0), watched("B", parent="a"), watched("C", parent="b"), watched("D", retries=0)]
    async with Tale(tmp_path, TEAM) as tale, watching(tale, *chain, watched("E", parent="d")) as dials:
        await dials.hides("A", times=2)
        await tale.phone("Adam").expects("A: no contact (no answer); 2 monitors behind it are silent")
        await dials.hides("D", times=2)
        await tale.phone("Adam").expects("D: no contact (no answer); 1 monitor behind it is silent")


async def test_circles_and_long_rows_of_an_older_version_are_watched(tmp_path: Path) -> None:
    ring = [watched(f"P{n}", parent=f"p{n % 3 + 1}", device="x", retries=0) for n in (1, 2, 3)]
    row = [watched(f"R{n}", parent=f"r{n - 1}", device="x", retries=0) for n in range(40)]
    one = watched("Self", parent="self", device="x", retries=0)
    async with Tale(tmp_path, TEAM) as tale, watching(tale, *ring, *row, one, watched("Near", device="x")) as dials:
        await dials.hides("P1", "R39", "Self")
        await tale.phone("Adam").expects("P1: no contact")
        await tale.phone("Adam").expects("Self: no contact")
        tale.clock.forward(seconds=1)
        await dials.is_read("R39", 4)
        await tale.phone("Adam").expects("R39: no contact")
        await dials.is_read("Near", 3)
        assert {doc["name"]: doc["state"] for doc in tale.node.monitoring.documents()}["Near"] == "ok"
