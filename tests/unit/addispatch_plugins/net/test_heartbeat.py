"""Who reports, who is silent, and what a restart knows of it."""

from __future__ import annotations

import pytest

from addispatch.sdk import Hearer
from addispatch.sdk.testing import FakeClock, RecordingContext
from addispatch_plugins.net.heartbeat import HeartbeatProbe
from addispatch_plugins.net.keys import HeartbeatKeys


def keys(name, max_silence_s=60):
    return HeartbeatKeys.model_validate({"max_silence_s": max_silence_s}, context={"monitor": name})


@pytest.fixture
async def context(tmp_path):
    async with RecordingContext(tmp_path, name="net", clock=FakeClock()) as context:
        yield context


async def problems(probe, *all_keys):
    return [reading.problem for reading in await probe.read(all_keys, 1)]


async def test_who_reports_is_well_and_who_does_not_is_not(context):
    probe, both = HeartbeatProbe(context), (keys("Backup"), keys("Door"))
    assert isinstance(probe, Hearer)
    probe.prepare(both)
    assert await problems(probe, *both) == ["", ""]
    context.clock.forward(seconds=59)
    probe.heard("BACKUP")
    context.clock.forward(seconds=1)
    assert await problems(probe, *both) == ["", "no report yet"]
    context.clock.forward(seconds=59)
    assert await problems(probe, *both) == ["no report for 60 s", "no report yet"]
    probe.heard("Backup")
    assert await problems(probe, *both) == ["", "no report yet"]
    assert probe.group(both[0]) == probe.group(both[1])


async def test_after_a_restart_who_was_silent_still_is_and_others_have_time(context):
    probe, both = HeartbeatProbe(context), (keys("Backup"), keys("Door"))
    probe.prepare(both)
    context.clock.forward(seconds=61)
    probe.heard("Backup")
    await problems(probe, *both)
    await probe.close()
    context.clock.forward(seconds=300)
    again = HeartbeatProbe(context)
    again.prepare(both)
    assert await problems(again, *both) == ["", "no report yet"]
    context.clock.forward(seconds=60)
    assert (await problems(again, *both))[0] == "no report for 60 s"


async def test_the_last_report_before_the_end_is_kept(context):
    probe, (backup,) = HeartbeatProbe(context), (keys("Backup"),)
    probe.prepare([backup])
    await problems(probe, backup)
    probe.heard("Backup")
    await problems(probe, backup)
    await probe.close()
    again = HeartbeatProbe(context)
    again.prepare([backup])
    context.clock.forward(seconds=60)
    assert await problems(again, backup) == ["no report for 60 s"]


async def test_only_monitors_can_be_reported_to(context):
    probe = HeartbeatProbe(context)
    probe.heard("nobody")
    (reading,) = await probe.read([HeartbeatKeys(max_silence_s=5)], 1)
    assert "only a monitor that is in the directory" in reading.problem
