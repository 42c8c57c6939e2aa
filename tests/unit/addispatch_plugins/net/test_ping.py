"""The probe ``ping`` against the kernel."""

from __future__ import annotations

import asyncio
import socket

import pytest

from addispatch_plugins.net import ping as module
from addispatch_plugins.net.echo import PingFailed
from addispatch_plugins.net.keys import PingKeys
from addispatch_plugins.net.names import Address, NameFailed, Names
from addispatch_plugins.net.ping import PingProbe

HERE = "127.0.0.1"


@pytest.fixture
async def probe():
    made = PingProbe(Names())
    try:
        made.try_socket()
    except PingFailed as error:
        pytest.skip(str(error))
    yield made
    made.close()


async def test_it_answers_and_says_how_soon(probe):
    plain, latency, loss = await probe.read(
        [PingKeys(host=HERE), PingKeys(host=HERE, value="latency_ms"), PingKeys(host=HERE, value="loss_percent")], 2
    )
    assert (plain.problem, plain.value, loss.value) == ("", None, 0.0)
    assert latency.value == pytest.approx(latency.latency_s * 1000, abs=0.001)
    assert 0 < latency.latency_s < 2


async def test_so_many_are_sent_and_the_best_counts(probe, monkeypatch):
    monkeypatch.setattr(module, "PAUSE_S", 0.001)
    echoes, answers = probe.echoes[socket.AF_INET], [0.3, None, 0.1]

    async def send(_address):
        future = asyncio.get_running_loop().create_future()
        if (took_s := answers.pop(0)) is not None:
            future.set_result(took_s)
        return len(answers), future

    monkeypatch.setattr(echoes, "send", send)
    (reading,) = await probe.read([PingKeys(host=HERE, count=3, value="loss_percent")], 0.1)
    assert (reading.value, reading.latency_s) == (33.3, 0.1)


async def test_silence_is_a_problem_after_the_time_out_and_leaves_nothing(probe, monkeypatch):
    echoes = probe.echoes[socket.AF_INET]
    monkeypatch.setattr(echoes, "_take", lambda *_: None)
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    (reading,) = await probe.read([PingKeys(host=HERE, count=10)], 0.2)
    assert reading.problem == "no answer within 0.2 s"
    assert 0.19 < loop.time() - began_s < 5
    assert echoes.waiting_count == 0


async def test_a_name_that_is_not_known_or_not_found_in_time(probe, monkeypatch):
    async def unknown(_host):
        raise NameFailed("the name plc is not known")

    monkeypatch.setattr(probe._names, "addresses", unknown)
    (reading,) = await probe.read([PingKeys(host="plc")], 1)
    assert reading.problem == "the name plc is not known"

    async def hangs(_host):
        await asyncio.Event().wait()

    monkeypatch.setattr(probe._names, "addresses", hangs)
    (reading,) = await probe.read([PingKeys(host="plc")], 0.05)
    assert reading.problem == "the name plc was not looked up within 0.05 s"


async def test_a_host_that_cannot_be_reached(probe, monkeypatch):
    async def nowhere(_host):
        return (Address(socket.AF_INET, "255.255.255.255"),)

    monkeypatch.setattr(probe._names, "addresses", nowhere)
    (reading,) = await probe.read([PingKeys(host="plc")], 1)
    assert reading.problem == "permission denied"


async def test_without_monitors_there_is_no_socket(probe):
    await probe.read([PingKeys(host=HERE)], 2)
    assert probe.echoes[socket.AF_INET]._socket is not None
    probe.prepare([])
    assert probe.echoes[socket.AF_INET]._socket is None
    assert probe.group(PingKeys(host="a")) != probe.group(PingKeys(host="b"))
