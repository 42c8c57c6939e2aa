"""The doctor of a node that runs."""

from __future__ import annotations

import asyncio
import os

import pytest
from pipelines import ADMIN, BrokenDisk

from addispatch.domain.errors import StoreError
from addispatch.engine import doctor, machine
from addispatch.sdk.operations import Actor, Role
from addispatch.sdk.protocols import Finding


@pytest.fixture(autouse=True)
def right_clock(monkeypatch):
    monkeypatch.setattr(machine, "is_synchronised", lambda: True)


@pytest.fixture
def config(running, tmp_path):
    running.config_file = tmp_path / "addispatch.toml"
    running.config_file.write_text("[plugin.log]\n")
    os.utime(running.config_file, (0, 0))
    os.utime(tmp_path / "directory.toml", (0, 0))
    return running.config_file


async def examined(node):
    doc = await node.operations.doctor(Actor("olga", Role.OPERATOR, "token"))
    return doc, {finding["subject"]: finding for finding in doc["findings"]}


async def test_all_is_well(running, config):
    await running.operations.directory_import(ADMIN, {"settings": {"system_alert_to": ["Adam"]}})
    doc, found = await examined(running)
    assert [finding for finding in doc["findings"] if finding["problem"]] == []
    assert (doc["node"], doc["running"], doc["ok"]) == ("node-a", True, True)
    assert list(found) == [
        "daemon", "configuration", "secrets", "data folder", "disk", "clock", "time zone", "ledger", "directory.toml",
        "http port", "system alerts", "recipients", "groups", "plugin log",
    ]  # fmt: skip
    assert found["ledger"]["detail"].endswith("MiB, sound")
    assert found["directory.toml"]["detail"] == "applied"
    assert found["plugin log"]["detail"].startswith("writing to ")


async def test_several_things_are_wrong_at_once(running, config, tmp_path, monkeypatch):
    config.write_text("[nonsense]\n")
    running.directory_problem = "directory.toml is not applied: group[0].members[0]: 'Jone' is nobody"
    running.app_warnings = ["http.listen: taken"]
    running.config.node.data_dir.chmod(0o755)
    running.conditions.report("broker x", "MQTT broker x is out of reach", grace_s=0)
    running.conditions.report("ledger", "known better", grace_s=0)
    await running.operations.pause(ADMIN)
    doc, found = await examined(running)
    assert not doc["ok"]
    wrong = {subject: finding["problem"] for subject, finding in found.items() if finding["problem"]}
    assert wrong.keys() == {
        "daemon", "configuration", "data folder", "directory.toml", "http port", "system alerts", "broker x",
    }  # fmt: skip
    assert "EMERGENCY PAUSE" in wrong["daemon"]
    assert wrong["directory.toml"] == running.directory_problem
    assert found["daemon"]["advice"] == "addispatch resume"


async def test_a_ledger_that_takes_no_alarms_is_no_sound_one(running, config):
    running.ledger.intake_problem = "only 3 MiB are free: new alarms are refused until 80 MiB are"
    assert (await examined(running))[1]["ledger"]["problem"] == running.ledger.intake_problem


async def test_a_directory_file_changed_since_the_start(running, config, tmp_path):
    os.utime(tmp_path / "directory.toml", None)
    assert (await examined(running))[1]["directory.toml"]["problem"] == "it changed since the start"
    (tmp_path / "directory.toml").unlink()
    assert "directory.toml" not in (await examined(running))[1]


async def test_a_ledger_that_cannot_be_written(running):
    with BrokenDisk(running.ledger):
        with pytest.raises(StoreError):
            await running.settle({"x": b"y"})
        found = (await examined(running))[1]["ledger"]
        assert "disk is full" in found["problem"]
        assert "make room" in found["advice"]


async def test_a_damaged_ledger(running, monkeypatch):
    async def read(_query):
        raise StoreError("the ledger cannot be read: database disk image is malformed")

    monkeypatch.setattr(running.ledger, "read", read)
    assert "malformed" in (await doctor._ledger(running)).problem
    monkeypatch.setattr(doctor, "FULL_CHECK_BYTES", 0)
    assert (await doctor._ledger(running)).problem == ""


async def test_a_ledger_that_takes_too_long_is_not_waited_for(running, monkeypatch):
    monkeypatch.setattr(doctor, "LEDGER_S", 0.01)
    monkeypatch.setattr(running.ledger, "read", lambda _query: asyncio.Event().wait())
    assert "not read through" in (await doctor._ledger(running)).detail


async def test_what_a_plugin_finds_is_in_it(running, monkeypatch):
    async def examine(give_up_s):
        assert give_up_s == doctor.PLUGINS_S
        return [Finding("modem sim1", problem="no SIM", advice="put one in")]

    monkeypatch.setattr(running.host, "examine", examine)
    assert (await examined(running))[1]["modem sim1"]["advice"] == "put one in"


async def test_gammu_is_looked_for_where_there_are_modems(running, monkeypatch):
    looked = []
    monkeypatch.setattr(machine, "gammu", lambda: looked.append(1) or Finding("gammu"))
    await examined(running)
    assert looked == []
    monkeypatch.setitem(running.config.plugin, "modem", {})
    await examined(running)
    assert looked == [1]


async def test_one_examination_at_a_time(running, monkeypatch):
    """Each logs in at servers outside, and too many logins lock an account."""
    under_way, most = 0, 0

    async def examine(_give_up_s):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.05)
        under_way -= 1
        return []

    monkeypatch.setattr(running.host, "examine", examine)
    await asyncio.gather(*(running.operations.doctor(ADMIN) for _ in range(3)))
    assert most == 1
