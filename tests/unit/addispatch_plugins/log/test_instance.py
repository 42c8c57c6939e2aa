"""The log channel: a line per delivery, whole or not at all."""

from __future__ import annotations

import json
import logging
import os
import time

import pytest
from instances import starting

from addispatch.sdk import PluginError, Sent, Temporary
from addispatch.sdk.testing import RecordingContext, make_delivery
from addispatch_plugins.log import plugin
from addispatch_plugins.log.config import LogConfig


@pytest.fixture
async def start(tmp_path):
    async with starting(
        lambda **config: plugin.create(LogConfig(**config), RecordingContext(tmp_path, name="log"))
    ) as start:
        yield start


async def test_writes_json_lines_that_are_there_at_once(start, tmp_path):
    [channel] = (await start()).channels
    delivery = make_delivery("log", "adam", "two\nlines °C", code="A123")
    assert await channel.send(delivery) == Sent()
    await channel.send(make_delivery("log", "jane"))
    lines = [json.loads(line) for line in (tmp_path / "deliveries.log").read_text().splitlines()]
    assert [line["to"] for line in lines] == ["adam", "jane"]
    assert lines[0] == {
        "id": delivery.id, "case": delivery.case_id, "to": "adam", "recipient": "", "code": "A123", "subject": "",
        "text": "two\nlines °C", "attempt": 0,
    }  # fmt: skip


async def test_appends_to_what_is_there(start, tmp_path):
    (tmp_path / "deliveries.log").write_text("before\n")
    [channel] = (await start()).channels
    await channel.send(make_delivery("log", "adam"))
    assert (tmp_path / "deliveries.log").read_text().startswith("before\n{")


async def test_text_lines_are_one_line_each(start, tmp_path):
    [channel] = (await start(path="d.txt", format="text")).channels
    await channel.send(make_delivery("log", "adam", "two\r\nlines"))
    [line] = (tmp_path / "d.txt").read_text().splitlines()
    assert line.endswith("Z adam: two lines")


async def test_can_write_to_the_log_only(start, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    instance = await start(path="", to_log=True)
    await instance.channels[0].send(make_delivery("log", "adam", "hello"))
    assert "to adam: hello" in caplog.text
    assert list(tmp_path.iterdir()) == []
    assert instance.status_line() == "writing to the log"


def test_must_write_somewhere():
    with pytest.raises(ValueError, match="deliveries would vanish"):
        LogConfig(path="")


async def test_a_path_that_cannot_be_written_is_named(start, tmp_path):
    (tmp_path / "deliveries.log").mkdir()
    with pytest.raises(PluginError, match=r"path: cannot write .*deliveries.log: Is a directory"):
        await start()


async def test_a_full_disk_is_temporary_and_recovers(start, tmp_path):
    instance = await start(path="/dev/full")
    [channel] = instance.channels
    receipt = await channel.send(make_delivery("log", "adam"))
    assert receipt == Temporary("cannot write /dev/full: No space left on device")
    assert not channel.health.up
    assert "No space left" in instance.status_line()


async def test_a_line_cut_by_a_full_disk_is_taken_back(start, tmp_path, monkeypatch):
    [channel] = (await start()).channels
    await channel.send(make_delivery("log", "adam"))
    before = (tmp_path / "deliveries.log").read_bytes()
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real_write(file, data[:7]))
    assert isinstance(await channel.send(make_delivery("log", "jane")), Temporary)
    assert (tmp_path / "deliveries.log").read_bytes() == before
    monkeypatch.undo()
    assert isinstance(await channel.send(make_delivery("log", "jane")), Sent)
    assert channel.health.up


async def test_a_delivery_costs_microseconds(start):
    [channel] = (await start()).channels
    delivery = make_delivery("log", "adam")

    async def cost_s():
        began = time.process_time()
        for _ in range(2000):
            await channel.send(delivery)
        return (time.process_time() - began) / 2000

    # The goal is 5 µs; the bound leaves room for a busy machine.
    assert min([await cost_s() for _ in range(5)]) < 25e-6
