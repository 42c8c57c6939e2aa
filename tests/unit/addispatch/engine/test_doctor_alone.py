"""The doctor where no daemon runs: the start is foretold, and nothing is changed."""

from __future__ import annotations

import socket
import sqlite3

import pytest

from addispatch.engine import doctor_alone, machine
from addispatch.engine.doctor_alone import examine_alone

DIRECTORY = """
[[recipient]]
name = "Adam"
channels = ["log"]
[settings]
system_alert_to = ["Adam"]
"""


@pytest.fixture(autouse=True)
def right_clock(monkeypatch):
    monkeypatch.setattr(machine, "is_synchronised", lambda: True)


@pytest.fixture
def write(tmp_path):
    def write(more="[plugin.log]\n", directory=DIRECTORY, listen=""):
        (tmp_path / "directory.toml").write_text(directory)
        file = tmp_path / "addispatch.toml"
        file.write_text(f'[node]\ndata_dir = "data"\n[http]\nlisten = "{listen}"\n{more}')
        return file

    return write


async def problems(file):
    doc = await examine_alone(file)
    assert not doc["running"]
    found = {one["subject"]: one["problem"] for one in doc["findings"] if one["problem"]}
    assert doc["ok"] is not bool(found)
    return found


async def test_all_is_well_and_nothing_is_made(write, tmp_path):
    assert await problems(write()) == {}
    assert not (tmp_path / "data").exists()


async def test_a_configuration_that_cannot_be_used_ends_it(write):
    doc = await examine_alone(write("[nonsense]\n"))
    assert [one["subject"] for one in doc["findings"]] == ["daemon", "configuration"]
    assert not doc["ok"]


async def test_several_things_are_wrong(write, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(0o755)
    (tmp_path / "data" / "ledger.db").write_bytes(b"no database" * 1000)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        found = await problems(write("[plugin.nonsense]\n", '[[recipient]]\nname = "Adam"\nsms = "12"\n', listen))
    assert found.keys() == {
        "configuration", "data folder", "ledger", "http port", "plugin nonsense", "directory.toml", "system alerts",
        "recipients",
    }  # fmt: skip
    assert found["http port"] == f"{listen}: taken by another program"
    assert "not a database" in found["ledger"]
    assert found["directory.toml"].startswith("not applied: recipient[0].sms: ")
    assert (tmp_path / "data" / "ledger.db").read_bytes().startswith(b"no database")


async def test_the_ports_and_the_ledger_of_a_daemon_that_ran(write, tmp_path):
    (tmp_path / "data").mkdir(mode=0o700)
    with sqlite3.connect(tmp_path / "data" / "ledger.db") as ledger:
        ledger.execute("CREATE TABLE x (y)")
    ledger.close()
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    doc = await examine_alone(write(listen=listen))
    found = {one["subject"]: one["detail"] for one in doc["findings"]}
    assert found["ledger"].endswith("MiB, sound")
    assert found["http port"] == f"{listen} is free"


async def test_who_is_in_the_directory_counts_though_no_file_names_him(write, tmp_path):
    from addispatch.store.directory import DirectoryStore

    store = DirectoryStore(tmp_path / "data" / "directory", "SG")
    await store.load()
    await store.put("recipient", {"name": "Jane", "sms": "98765432"})
    await store.close()
    before = {path.name: path.read_bytes() for path in (tmp_path / "data" / "directory").iterdir()}
    (tmp_path / "data").chmod(0o700)
    assert await problems(write()) == {"recipients": "1 of 2 cannot be reached: Jane"}
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "data" / "directory").iterdir()}


async def test_a_directory_that_cannot_be_read(write, tmp_path, monkeypatch):
    (tmp_path / "data" / "directory").mkdir(parents=True)
    (tmp_path / "data").chmod(0o700)

    def denied(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor_alone.shutil, "copytree", denied)
    assert "Permission denied" in (await problems(write()))["directory"]


async def test_a_number_the_modem_must_not_dial(write):
    directory = '[[recipient]]\nname = "Adam"\nsms = "+442079460000"\n[settings]\nsystem_alert_to = ["Adam"]\n'
    modem = '[plugin.modem]\nallowed_prefixes = ["+65"]\n[[plugin.modem.modem]]\nname = "m1"\nport = "/dev/none"\n'
    found = await problems(write(modem, directory))
    assert found["recipients"] == "1 of 1 cannot be reached: Adam"
    assert found["addresses"] == "nothing goes to Adam: +442079460000 begins with none of allowed_prefixes"
