"""What people hear when one alarm of a monitor replaces another, gets worse, or ends by a change of the monitor (SPEC 9)."""

from __future__ import annotations

from pathlib import Path

from pipelines import ADMIN, until
from probes import ASKED, HOT, TEAM, watch, watched, watching
from tale import Tale, after, group, people, policy, settings

from addispatch.domain.judgement import Limit

BOTH_SIDES = {"limits": {Limit.LOLO: 10.0, Limit.LO: 20.0, Limit.HI: 80.0, Limit.HIHI: 90.0}}


async def test_an_alarm_that_replaces_another_one_is_told_and_nothing_is_back_to_normal(tmp_path: Path) -> None:
    """The time of the story stands still, as a clock of milliseconds does between the two."""
    tank = watched("Tank", recovered_text="{{name}} is fine", **BOTH_SIDES)
    async with Tale(tmp_path, ASKED) as tale, watching(tale, tank, shown={"Tank": 50}) as dials:
        adam = tale.phone("Adam")
        for value, begins, ends in ((15, "below LO 20", ""), (95, "above HIHI 90", "no longer below LO 20")):
            await dials.shows("Tank", value)
            await until(lambda begins=begins: any(begins in text for text in adam.texts))
            assert not ends or any(f"Tank: {value}, {ends}" in text for text in adam.texts)
        assert not any("fine" in text or "normal" in text for text in adam.texts)
        (case,) = (await tale.operations.cases(ADMIN, state="open"))["cases"]
        assert case["text"] == "Tank: 95, above HIHI 90"
        await dials.shows("Tank", 50)
        await until(lambda: any("Tank is fine" in text for text in adam.texts))


async def test_an_alarm_whose_clock_was_set_back_is_told(tmp_path: Path) -> None:
    async with Tale(tmp_path, ASKED) as tale, watching(tale, watched("Boiler", limits={Limit.HI: 80.0})) as dials:
        for value in (85, 20):
            await dials.shows("Boiler", value)
            await tale.phone("Adam").expects(f"Boiler: {value}")
        tale.clock.step(seconds=-30)
        await dials.shows("Boiler", 85)
        await tale.phone("Adam").expects("above HI")


async def test_a_worse_limit_of_the_same_priority_is_told_once(tmp_path: Path) -> None:
    async with Tale(tmp_path, ASKED) as tale, watching(tale, watched("Boiler", **HOT)) as dials:
        await dials.shows("Boiler", 85)
        await tale.phone("Adam").expects("above HI 80", "ACK")
        await dials.shows("Boiler", 95)
        await tale.phone("Adam").expects("above HIHI 90", "ACK")
        assert any(text.endswith("Boiler: 95, above HIHI 90") for text in await tale.events("DeliverySent"))
        for value in (85, 95, 85, 95):
            await dials.shows("Boiler", value)
        await tale.phone("Adam").is_silent()
        (case,) = (await tale.operations.cases(ADMIN))["cases"]
        assert (case["priority"], case["count"]) == ("high", 4)
        await dials.shows("Boiler", 20)
        await tale.phone("Adam").expects("back to normal")
        for value, words in ((85, "above HI 80"), (95, "above HIHI 90")):
            await dials.shows("Boiler", value)
            await tale.phone("Adam").expects(words)


async def test_a_worse_limit_is_told_although_the_other_one_was_acknowledged(tmp_path: Path) -> None:
    """What was told before goes on over a restart."""
    boiler = watched("Boiler", **HOT)
    async with Tale(tmp_path, ASKED) as tale:
        async with watching(tale, boiler) as dials:
            await dials.shows("Boiler", 85)
            await tale.phone("Adam").expects("above HI 80")
            await tale.phone("Jane").expects("above HI 80")
            await tale.phone("Adam").replies((await tale.operations.cases(ADMIN))["cases"][0]["code"])
            await tale.phone("Adam").expects()
            await tale.phone("Jane").expects()
        await tale.crash()
        async with watching(tale, boiler, shown={"Boiler": 85}) as dials:
            await dials.shows("Boiler", 95)
            await tale.phone("Adam").expects("above HIHI 90")
            await tale.phone("Jane").expects("above HIHI 90")
            await dials.shows("Boiler", 85)
        await tale.crash()
        async with watching(tale, boiler, shown={"Boiler": 85}) as dials:
            await dials.shows("Boiler", 95)
            await tale.phone("Adam").is_silent()


LATCHING = (
    people("Adam", "Jane", "Bo", "Chief")
    + settings()
    + group("Team", "Adam")
    + policy(after(5, "Bo"), close_on_clear=False)
)


async def test_in_a_latching_plant_the_other_side_is_told_too(tmp_path: Path) -> None:
    """The case stays open over the clear, so the raise adds to it."""
    async with Tale(tmp_path, LATCHING) as tale, watching(tale, watched("Tank", **BOTH_SIDES), shown={"Tank": 50}) as d:
        await d.shows("Tank", 85)
        await tale.phone("Adam").expects("above HI 80")
        await d.shows("Tank", 5)
        await tale.phone("Adam").expects("below LOLO 10")


# -- words that are refused ----------------------------------------------------------------------------------------------


async def test_templates_that_come_to_nothing_are_told_in_our_words(tmp_path: Path) -> None:
    boiler = watched(
        "Boiler", text="{% if value|float > 120 %}EVACUATE{% endif %}", recovered_text=" \u200f ",
        down_text="{{''}}", retries=0, **HOT,
    )  # fmt: skip
    async with Tale(tmp_path, TEAM) as tale, watching(tale, boiler) as dials:
        await dials.shows("Boiler", 110)
        await tale.phone("Adam").expects("Boiler: 110, above HIHI 90")
        await dials.shows("Boiler", 20)
        await tale.phone("Adam").expects("Boiler: 20, back to normal")
        await dials.hides("Boiler")
        await tale.phone("Adam").expects("Boiler: no contact (no answer)")
        assert await tale.events("TemplateFailed") == ["Monitor Boiler: its template failed: nothing is left of it"] * 3
        assert await tale.events("AlarmRefused") == []


# -- changes of the directory --------------------------------------------------------------------------------------------


async def test_what_ends_because_somebody_changed_it_is_not_called_normal(tmp_path: Path) -> None:
    hot = {"limits": {Limit.HI: 80.0}, "recovered_text": "all is well", "retries": 0}
    changed = [
        ((), "Boiler: no longer watched"),
        ((watched("Boiler", enabled=False, **hot),), "Boiler: no longer watched"),
        ((watched("Boiler", to=("Jane",), **hot),), "Boiler: others are told of it from now on"),
        ((watched("Boiler", **(hot | {"limits": {Limit.HI: 200.0}})),), "Boiler: 150, its limits were changed"),
        ((watched("Boiler", **(hot | {"limits": {}})),), "Boiler: 150, its limits were changed"),
    ]  # fmt: skip
    async with Tale(tmp_path, ASKED) as tale, watching(tale, shown={"Boiler": 150}) as dials:
        for after_it, words in changed:
            await watch(tale, dials, watched("Boiler", **hot))
            await dials.is_read("Boiler")
            await tale.phone("Adam").expects("Boiler: 150, above HI 80")
            await watch(tale, dials, *after_it)
            if after_it and after_it[0].enabled:
                await dials.is_read("Boiler")
            await tale.phone("Adam").expects(words)
            await watch(tale, dials)
            await tale.phone("Adam").is_silent()
        assert [text.split(" (")[0] for text in tale.phone("Jane").texts if "no longer" in text][-1:] == [
            "Boiler: no longer watched"
        ]


async def test_one_that_is_down_and_is_watched_no_more_has_no_contact_again(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale, watching(tale, watched("Pump", retries=0), hidden={"Pump"}) as dials:
        await dials.is_read("Pump")
        await tale.phone("Adam").expects("Pump: no contact")
        await watch(tale, dials)
        await tale.phone("Adam").expects("Pump: no longer watched")
        await tale.phone("Adam").is_silent()


async def test_after_a_change_what_still_holds_is_an_alarm_and_what_ends_is_normal(tmp_path: Path) -> None:
    async with Tale(tmp_path, ASKED) as tale, watching(tale, watched("Boiler", limits={Limit.HI: 80.0})) as dials:
        await dials.shows("Boiler", 150)
        await tale.phone("Adam").expects("above HI 80")
        await watch(tale, dials, watched("Boiler", limits={Limit.HI: 100.0}))
        await dials.is_read("Boiler")
        await tale.phone("Adam").is_silent()
        await dials.shows("Boiler", 20)
        await tale.phone("Adam").expects("Boiler: 20, back to normal")


async def test_monitors_whose_names_end_alike_have_cases_of_their_own(tmp_path: Path) -> None:
    pump, other = watched("P", retries=0), watched("P/contact", limits={Limit.HI: 80.0})
    async with Tale(tmp_path, ASKED) as tale, watching(tale, pump, other, hidden={"P"}) as dials:
        await dials.is_read("P")
        await tale.phone("Adam").expects("P: no contact")
        await dials.shows("P/contact", 85)
        await tale.phone("Adam").expects("P/contact: 85, above HI")
        await dials.shows("P/contact", 20)
        await tale.phone("Adam").expects("P/contact: 20, back to normal")
        (case,) = (await tale.operations.cases(ADMIN, state="open"))["cases"]
        assert case["text"] == "P: no contact (no answer)"
