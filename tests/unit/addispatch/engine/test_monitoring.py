"""How readings are planned; what becomes of them is told in tests/story/test_monitors.py."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest
from pipelines import ADMIN, until
from probes import Dials, nothing_stored, watch, watched, watching
from tale import Tale, group, people, settings

from addispatch.domain.errors import Refused
from addispatch.domain.judgement import Limit, Rules
from addispatch.domain.monitor_memory import joined, unpacked
from addispatch.engine import monitor_group, monitoring, teller
from addispatch.sdk.operations import Actor, Role

TEAM = people("Adam", "Chief") + settings() + group("Team", "Adam", policy="")


async def test_monitors_of_one_device_are_read_together(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale:
        together: list[list[str]] = []

        class Noting(Dials):
            async def read(self, keys, timeout_s):
                together.append(sorted(one.dial for one in keys))
                return await super().read(keys, timeout_s)

        dials = Noting(tale)
        pumps = [watched(f"P{n}", device="plc1" if n < 3 else "plc2") for n in range(4)]
        await watch(tale, dials, *pumps, watched("P4", device="plc1", interval_s=0.02))
        await dials.is_read("P3", 3)
        await dials.is_read("P4", 3)
        assert {tuple(names) for names in together} == {("P0", "P1", "P2"), ("P3",), ("P4",)}
        await tale.node.monitoring.stop()


async def test_a_probe_that_takes_too_long_is_a_failed_reading_and_others_go_on(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(monitoring, "GRACE_S", 0.05)
    async with Tale(tmp_path, TEAM) as tale:

        class Stuck(Dials):
            async def read(self, keys, timeout_s):
                if keys[0].dial == "Stuck":
                    await asyncio.Event().wait()
                return await super().read(keys, timeout_s)

        dials = Stuck(tale)
        await watch(tale, dials, watched("Stuck", timeout_s=0.01, retries=0), watched("Fine"))
        await dials.is_read("Fine", 3)
        await until(lambda: tale.phone("Adam").received)
        await tale.phone("Adam").expects("Stuck: no contact (no answer within 0.01 s)")
        await tale.node.monitoring.stop()


async def test_a_probe_that_answers_for_too_few_is_a_failed_reading(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale:

        class Short(Dials):
            async def read(self, keys, timeout_s):
                return (await super().read(keys, timeout_s))[1:]

        await watch(tale, Short(tale), watched("A", device="x", retries=0), watched("B", device="x", retries=1000))
        await until(lambda: tale.phone("Adam").received)
        await tale.phone("Adam").expects("A: no contact (error in the probe: it did not answer for every monitor)")
        await tale.node.monitoring.stop()


async def test_a_probe_nobody_provides_is_said(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale:
        monitor = watched("Boiler", retries=0)
        await tale.node.monitoring.use({monitor.id: monitor}, {})
        await until(lambda: tale.phone("Adam").received)
        await tale.phone("Adam").expects("Boiler: no contact (no plugin provides the probe dial)")
        await tale.node.monitoring.stop()


async def test_what_is_turned_off_is_not_read(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale, watching(tale, watched("A", enabled=False), watched("B")) as dials:
        await dials.is_read("B", 3)
        assert "A" not in dials.reads


class Listening(Dials):
    """Monitors of dials that are reported to."""

    def __init__(self, tale: Tale) -> None:
        super().__init__(tale)
        self.told: list[str] = []

    def heard(self, monitor: str) -> None:
        self.told.append(monitor)


async def test_what_reports_reaches_its_monitor_under_its_name(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale:
        dials = Listening(tale)
        tale.node.host.probes = lambda: {"dial": dials}  # type: ignore[method-assign]
        await watch(tale, dials, watched("Backup"), watched("Off", enabled=False))
        assert await tale.operations.monitor_beat(ADMIN, "backup") == {"name": "Backup"}
        assert dials.told == ["Backup"]
        for name, problem in (("Bakup", 'did you mean "Backup"'), ("Off", "there is no monitor 'Off'")):
            with pytest.raises(Refused, match=problem):
                await tale.operations.monitor_beat(ADMIN, name)
        with pytest.raises(Refused, match="needs the role operator"):
            await tale.operations.monitor_beat(Actor("vic", Role.VIEWER, "token"), "Backup")
        await tale.node.monitoring.stop()


async def test_one_that_looks_itself_cannot_be_reported_to(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale:
        found: dict[str, Dials] = {"dial": Dials(tale)}
        tale.node.host.probes = lambda: found  # type: ignore[assignment, method-assign, return-value]
        await watch(tale, found["dial"], watched("Boiler"))
        with pytest.raises(Refused, match="looks itself"):
            await tale.operations.monitor_beat(ADMIN, "Boiler")
        found.clear()
        with pytest.raises(Refused, match="does not run"):
            await tale.operations.monitor_beat(ADMIN, "Boiler")
        await tale.node.monitoring.stop()


@pytest.mark.parametrize("how", ["clean", "slow to go", "swallows it"])
async def test_a_reading_that_takes_too_long_is_given_up_again_and_again(tmp_path: Path, monkeypatch, how: str) -> None:
    monkeypatch.setattr(monitoring, "GRACE_S", 0.02)
    monkeypatch.setattr(monitoring, "GUARD_S", 0.02)

    class Stuck(Dials):
        begun, is_over = 0, False

        async def read(self, keys, timeout_s):
            self.begun += 1
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if how == "swallows it" and not self.is_over:
                    return await super().read(keys, timeout_s)
                if how == "slow to go":
                    await asyncio.sleep(0.1)
                raise

    async with Tale(tmp_path, TEAM) as tale:
        dials = Stuck(tale)
        await watch(tale, dials, watched("Boiler", timeout_s=0.01, retries=1000))
        await until(lambda: dials.begun >= 4)
        (one,) = tale.node.monitoring.watched
        dials.is_over = True
        assert one.state.problem == ("" if how == "swallows it" else "no answer within 0.01 s")
        async with asyncio.timeout(2):
            await tale.node.monitoring.stop()


class Counting(Dials):
    """Notes readings under way that were given up, and each time it is prepared."""

    def __init__(self, tale: Tale) -> None:
        super().__init__(tale)
        self.given_up: list[str] = []
        self.prepared_count = 0
        self.waiting: dict[str, asyncio.Event] = {}

    def prepare(self, keys):
        super().prepare(keys)
        self.prepared_count += 1

    async def read(self, keys, timeout_s):
        event = self.waiting.setdefault(keys[0].device, asyncio.Event())
        try:
            await event.wait()
        except asyncio.CancelledError:
            self.given_up.append(keys[0].device)
            raise
        return await super().read(keys, timeout_s)


async def test_a_change_of_a_few_disturbs_nobody_else(tmp_path: Path, monkeypatch) -> None:
    validated: list[str] = []
    keys_of = monitor_group.keys_of
    monkeypatch.setattr(monitor_group, "keys_of", lambda model, one: validated.append(one.name) or keys_of(model, one))
    async with Tale(tmp_path, TEAM) as tale:
        dials = Counting(tale)
        pumps = [watched(f"P{n}", device=f"plc{n // 2}", timeout_s=60) for n in range(20)]
        await watch(tale, dials, *pumps)
        await until(lambda: len(dials.waiting) == 10)
        assert (len(validated), dials.prepared_count, dials.given_up) == (20, 1, [])
        validated.clear()
        equal = [dataclasses.replace(one) for one in pumps]
        await watch(tale, dials, *equal)
        assert (validated, dials.prepared_count, dials.given_up) == ([], 1, []), "nothing has changed"
        # One moves to another device, one is gone, one is new, of one the limits change.
        hot = dataclasses.replace(pumps[8], rules=Rules(limits={Limit.HI: 9.0}))
        await watch(
            tale, dials, watched("P0", device="plc1", timeout_s=60), *equal[1:8], hot, *equal[9:19],
            watched("New", device="plc7", timeout_s=60),
        )  # fmt: skip
        assert sorted(validated) == ["New", "P0"]
        assert dials.prepared_count == 2
        assert sorted(dials.given_up) == ["plc0", "plc1", "plc4", "plc7", "plc9"]
        assert sorted(dials.prepared) == sorted(["New", *(f"P{n}" for n in range(19))])
        assert [one.monitor.name for one in tale.node.monitoring.watched] == [*(f"P{n}" for n in range(19)), "New"]
        for event in (*dials.waiting.values(), dials.waiting.setdefault("plc9", asyncio.Event())):
            event.set()
        await dials.is_read("P0", 3)
        await dials.is_read("P18", 3)
        await dials.is_read("New", 3)
        assert dials.reads.get("P19") is None
        await tale.node.monitoring.stop()


async def test_others_have_their_turn_while_thousands_are_taken_in_and_let_go(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale:
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        many = [watched(f"P{n}", interval_s=3600) for n in range(1000)]
        dials, other = Dials(tale), asyncio.get_running_loop().create_task(others())
        for monitors, least in ((many, 50), (many, 15), (many[:1], 50)):
            turns = 0
            await watch(tale, dials, *monitors)
            assert turns >= least
            assert len(dials.prepared) == len(monitors)
        other.cancel()
        await tale.node.monitoring.stop()


async def test_many_that_go_down_at_once_are_told_a_few_at_a_time_and_all(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(teller, "RATE", 0)
    async with Tale(tmp_path, TEAM) as tale:
        most, accept, told = 0, tale.node.accept, set[str]()

        def noting(alarm):
            nonlocal most
            most = max(most, tale.node.ledger.waiting_count)
            told.add(alarm.key)
            return accept(alarm)

        tale.node.accept = noting  # type: ignore[method-assign]
        dials = Dials(tale, hidden={f"P{n}" for n in range(100)})
        await watch(tale, dials, *(watched(f"P{n}", device="plc", retries=0, interval_s=0.5) for n in range(100)))
        await until(lambda: len(told) == 100)
        assert most <= 2 * teller.FEWEST + 2, "an event and an alarm each"
        await until(lambda: not any(one.has_news for one in tale.node.monitoring.watched))
        assert all(unpacked(tale.node.ledger.marks[f"monitor:p{n}"]).is_lost for n in range(100))
        await tale.node.monitoring.stop()


async def test_another_node_s_turn_ends_nothing_and_ours_begins_with_what_it_left(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale:
        monitoring, dials = tale.node.monitoring, Dials(tale, {"Boiler": 85})
        hot = watched("Boiler", limits={Limit.HI: 80.0})
        await watch(tale, dials, hot)
        await dials.is_read("Boiler", 3)
        await tale.phone("Adam").expects("above HI")
        monitoring.set_duty(is_mine=False)
        await until(lambda: not list(monitoring.watched))
        assert dials.prepared == []
        await tale.phone("Adam").is_silent()
        mark = tale.node.ledger.marks["monitor:boiler"]
        other = dataclasses.replace(unpacked(mark), number=2, active=frozenset(), value=20)
        await tale.node.settle({"monitor:boiler": joined(mark, other.packed)})
        monitoring.set_duty(is_mine=True)
        await until(lambda: not monitoring._change.is_set())  # the directory's, which has none
        await watch(tale, dials, hot)
        await dials.is_read("Boiler", 3)
        await tale.phone("Adam").expects("above HI")
        assert unpacked(tale.node.ledger.marks["monitor:boiler"]).number == 3
        await monitoring.stop()


async def test_one_that_comes_back_before_its_end_was_told_goes_on_from_there(tmp_path: Path) -> None:
    hot = watched("Boiler", limits={Limit.HI: 80.0})
    async with Tale(tmp_path, TEAM) as tale, watching(tale, hot, shown={"Boiler": 85}) as dials:
        await dials.is_read("Boiler", 3)
        await tale.phone("Adam").expects("above HI")
        with nothing_stored(tale):
            await watch(tale, dials)
            tale.clock.forward(seconds=1)
            await watch(tale, dials, hot)
        await dials.is_read("Boiler", 4)
        await tale.phone("Adam").expects("Boiler: no longer watched")
        await tale.phone("Adam").expects("above HI")


async def test_the_end_of_one_that_is_gone_is_told_when_the_ledger_takes_it(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(monitoring, "EVERY_S", 0.02)
    async with Tale(tmp_path, TEAM) as tale:
        hot = watched("Boiler", limits={Limit.HI: 80.0})
        async with watching(tale, hot, shown={"Boiler": 85}) as dials:
            await dials.is_read("Boiler", 3)
            await tale.phone("Adam").expects("above HI")
            with nothing_stored(tale):
                await watch(tale, dials)
                await tale.phone("Adam").is_silent()
            await until(lambda: len(tale.phone("Adam").texts) == 2)
            await tale.phone("Adam").expects("Boiler: no longer watched")


async def test_what_was_seen_is_written_now_and_then_and_at_the_end(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(monitoring, "EVERY_S", 0.02)
    async with Tale(tmp_path, TEAM) as tale:
        marks = tale.node.ledger.marks
        async with watching(tale, watched("Boiler"), shown={"Boiler": 20}) as dials:
            await until(lambda: unpacked(marks.get("monitor:boiler")).value == 20)
            await dials.is_read("Boiler", 5)
            (one,) = tale.node.monitoring.watched
        assert unpacked(marks["monitor:boiler"]).read_count == one.read_count


async def test_one_whose_reading_cannot_be_judged_is_said_once_and_its_neighbours_go_on(tmp_path, monkeypatch) -> None:
    monitors = [watched("Bad", device="x"), watched("Good", device="x", retries=0)]
    take = monitoring.Monitored.take

    def failing(self, reading, took_s):
        if self.monitor.name == "Bad":
            raise RecursionError
        take(self, reading, took_s)

    monkeypatch.setattr(monitoring.Monitored, "take", failing)
    async with Tale(tmp_path, TEAM) as tale, watching(tale, *monitors) as dials:
        await dials.hides("Good")
        await tale.phone("Adam").expects("Good: no contact")
        assert await tale.events("MonitorFailed") == ["Monitor Bad: a reading could not be judged: RecursionError"]
