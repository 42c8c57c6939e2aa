"""How readings are planned; what becomes of them is told in tests/story/test_monitors.py."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest
from pipelines import ADMIN, until
from probes import Dials, watch, watched, watching
from tale import Tale, group, people, settings

from addispatch.domain.errors import Refused
from addispatch.engine import monitoring
from addispatch.engine.monitor_group import Group
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


def test_first_readings_are_spread_over_the_interval_and_at_the_same_place_each_time():
    groups = [Group(f"device {n}", None, 10.0, 1.0) for n in range(1000)]
    phases = sorted(group.phase_s for group in groups)
    assert [group.phase_s for group in groups] == [Group(g.name, None, 10.0, 1.0).phase_s for g in groups]
    assert 0 <= phases[0] < phases[-1] < 10
    assert max(b - a for a, b in itertools.pairwise(phases)) < 0.2


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
