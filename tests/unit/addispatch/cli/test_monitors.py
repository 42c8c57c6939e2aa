"""``addispatch monitors``: its list, reading once, editing."""

from __future__ import annotations

import pytest
import typer

from addispatch.cli import table
from addispatch.cli.monitors import _listed, pairs, place
from addispatch.domain.errors import ConfigError, ConfigErrors

MONITOR = {
    "name": "Boiler", "probe": "modbus", "state": "alarm", "value": 92.5, "units": "°C", "limit": "hi", "error": "",
    "suppressed": False, "value_at": "2026-11-25T12:00:00.000Z", "read_at": "2026-11-25T12:00:00.000Z", "latency_ms": 3.5, "availability": 1.0, "interval_s": 10,
}  # fmt: skip


def test_keys_are_read_as_what_they_look_like():
    assert pairs(["host=10.0.0.1", "hi=80", "enabled=false", 'to=["Ops"]', "text=a = b", "unit="]) == {
        "host": "10.0.0.1", "hi": 80, "enabled": False, "to": ["Ops"], "text": "a = b", "unit": "",
    }  # fmt: skip
    with pytest.raises(typer.BadParameter, match="KEY=VALUE"):
        pairs(["host"])


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("10.0.0.20", {"host": "10.0.0.20"}),
        ("plc:1502", {"host": "plc", "port": 1502}),
        ("fd00::20", {"host": "fd00::20"}),
        ("[fd00::20]", {"host": "fd00::20"}),
        ("[fd00::20]:1502", {"host": "fd00::20", "port": 1502}),
    ],
)
def test_where_a_device_is(written, read):
    assert place(written) == read


@pytest.mark.parametrize("written", ["plc:", "plc:abc", "[fd00::20]:x", "plc:-1"])
def test_a_port_that_is_none_is_not_read_as_another_one(written):
    with pytest.raises(typer.BadParameter, match="is not HOST"):
        place(written)


async def test_alone_it_lists(addispatch, running):
    running.operations.monitors_doc = {
        "monitors": [MONITOR, {**MONITOR, "name": "Gw", "state": "down", "value": None, "error": "no answer"}]
    }
    out = (await addispatch("monitors")).out
    assert "Boiler" in out
    assert "92.5 °C" in out
    assert "beyond hi" in out
    assert "no answer" in out
    assert (await addispatch("monitors", "--json")).doc == running.operations.monitors_doc


async def test_on_80_columns_only_the_row_with_a_long_problem_is_longer(monkeypatch, capsys):
    monkeypatch.setattr(table, "terminal_columns", lambda: 80)
    problem = "no answer within 5 s: " + "the gateway says that unit 17 has no path " * 2
    name = "Kuehlwasserpumpenhaus-2-Nord"
    lost = {**MONITOR, "name": name, "state": "down", "value": None, "error": problem}
    _listed({"monitors": [MONITOR, lost]})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["MONITOR", "STATE", "VALUE", "READ", "NOW"]
    assert "beyond hi" in lines[1]
    assert "Boiler" in lines[1]
    assert name in "\n".join(lines)
    assert all(len(line) <= 80 for line in lines)
    _listed({"monitors": [MONITOR, {**MONITOR, "name": "K" * 60}]})
    assert "K" * 60 in capsys.readouterr().out


async def test_a_value_older_than_the_last_reading_has_its_time(addispatch, running):
    lost = {**MONITOR, "name": "Gw", "state": "down", "value": 7, "units": "", "value_at": "2026-11-25T11:58:00.000Z"}
    running.operations.monitors_doc = {"monitors": [MONITOR, lost]}
    boiler, gateway = (await addispatch("monitors")).out.splitlines()[1:3]
    assert "92.5 °C at" not in boiler
    assert "7 at " in gateway
    assert ":58" in gateway


async def test_reading_once_shows_every_meaning_and_fails_without_a_reading(addispatch, running):
    done = await addispatch("monitors", "test", "--modbus", "10.0.0.1:1502", "unit=3")
    assert done.code == 0
    assert "good 21.5 (3.5 ms)" in done.out
    assert "float32 CDAB" in done.out
    assert running.operations.calls[-1] == (
        "monitor_test",
        {"probe": "modbus", "host": "10.0.0.1", "port": 1502, "unit": 3},
    )
    done = await addispatch("monitors", "test", "--name", "gone")
    assert done.code == 1
    assert "no reading: no answer" in done.out


async def test_a_monitor_is_set_key_by_key_and_removed(addispatch, running):
    done = await addispatch("monitors", "set", "PLC", "probe=ping", "host=10.0.0.20")
    assert done.out == "monitor PLC is stored\n", done.err
    assert running.operations.calls[-1] == (
        "directory_put",
        "monitor",
        {"name": "PLC", "probe": "ping", "host": "10.0.0.20"},
    )
    assert (await addispatch("monitors", "remove", "PLC")).out == "removed\n"


async def test_null_unsets_a_key(addispatch, running):
    await addispatch("monitors", "set", "PLC", "probe=ping", "host=10.0.0.20", "hi=null", "parent=null", "units=")
    (_, _, entry) = running.operations.calls[-1]
    assert entry == {"name": "PLC", "probe": "ping", "host": "10.0.0.20", "units": ""}


async def test_a_list_or_table_that_is_none_is_answered_with_an_example(addispatch, running):
    wrong = [
        ConfigError("to", "must be a list in [ ]"),
        ConfigError("priorities", "must be a table"),
        ConfigError("hi", "x"),
    ]

    async def refuse(*_args):
        raise ConfigErrors(wrong)

    running.operations.directory_put = refuse
    done = await addispatch("monitors", "set", "PLC", "to=Nobody")
    assert """to: must be a list in [ ], here as to='["one", "two"]'""" in " ".join(done.err.split())
    assert """priorities: must be a table, here as priorities='{"hihi": "critical"}'""" in " ".join(done.err.split())
    assert done.err.rstrip().endswith("hi: x")


async def test_a_source_reports(addispatch, running):
    done = await addispatch("monitors", "beat", "Backup of A/B")
    assert done.out == "monitor Backup of A/B was told\n", done.err
    assert running.operations.calls[-1] == ("monitor_beat", "Backup of A/B")
    done = await addispatch("monitors", "beat", "gone")
    assert done.code
    assert "there is no monitor 'gone'" in done.err
