"""The embedded broker: real, in its child process, killed and started again."""

import asyncio
import os
import signal
import socket
import sys

import pytest

from addispatch.sdk import PluginError
from addispatch.sdk.mqtt import BrokerAddress, MqttLink, MqttSettings
from addispatch.sdk.testing import Recording, RecordingContext
from addispatch.sdk.testing.mosquitto import free_port
from addispatch_plugins.broker import plugin


@pytest.fixture
async def context(tmp_path):
    async with RecordingContext(tmp_path, name="broker") as context:
        yield context


@pytest.fixture
async def service(context):
    service = plugin.create(plugin.config(port=free_port()), context)
    await service.self_check()
    yield service
    await service.stop()


class Client:
    def __init__(self, port):
        self.messages = Recording("message")
        self.up = Recording("connection")
        settings = MqttSettings(address=BrokerAddress("127.0.0.1", port), client_id="client")
        self.link = MqttLink(settings, self)
        self.link.subscribe([("x", 1)])

    def connected(self):
        self.up.add("up")

    def disconnected(self, reason): ...
    def failed(self, reason): ...
    def acknowledged(self, messages): ...

    def received(self, message):
        self.messages.add(message)
        self.link.acknowledge(message)


async def test_carries_messages_up_to_the_limit_of_the_intake_and_more(service, context):
    await service.start()
    assert service.status_line() == f"listening on 127.0.0.1:{service._config.port}"
    client = Client(service._config.port)
    context.supervise("client", client.link.run)
    await client.up.wait_for()
    await client.link.deliver("x", b"y" * 270_000)
    message = await client.messages.wait_for()
    assert len(message.payload) == 270_000


async def test_a_child_that_dies_is_started_again_and_clients_come_back(service, context):
    await service.start()
    client = Client(service._config.port)
    context.supervise("client", client.link.run)
    await client.up.wait_for()
    os.kill(service._broker._process.pid, signal.SIGKILL)
    await context.wait_for_event("died")
    where = f"127.0.0.1:{service._config.port}"
    assert context.condition_changes[-1] == ("embedded broker", f"the embedded MQTT broker on {where}: died")
    await context.wait_for_event("again")
    assert context.conditions == {"embedded broker": ""}
    await client.up.wait_for(timeout_s=10)
    await client.link.deliver("x", b"after")
    assert (await client.messages.wait_for()).payload == b"after"


async def test_a_port_that_is_taken_is_named(context):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        service = plugin.create(plugin.config(port=port), context)
        with pytest.raises(PluginError, match=f"port: cannot listen on 127.0.0.1:{port}"):
            await service.start()
        await service.stop()


async def test_a_port_taken_while_the_child_was_dead_is_told_once_and_tried_again(service, context, monkeypatch):
    monkeypatch.setattr("addispatch_plugins.broker.service.FIRST_PAUSE_S", 0.1)
    await service.start()
    process = service._broker._process
    os.kill(process.pid, signal.SIGSTOP)
    os.kill(process.pid, signal.SIGKILL)
    await asyncio.to_thread(process.wait)
    with socket.create_server(("127.0.0.1", service._config.port)):
        await context.wait_for_event("cannot listen")
        assert "cannot listen" in service.status_line()
        await asyncio.sleep(0.4)
    await context.wait_for_event("again")
    assert len([event for event in context.events if "cannot listen" in event.text]) == 1


async def test_examined_it_says_whether_it_listens_or_could(service, monkeypatch):
    where = f"127.0.0.1:{service._config.port}"
    assert [(one.detail, one.problem) for one in await service.examine()] == [(f"{where} is free", "")]
    with socket.create_server(("127.0.0.1", service._config.port)):
        (finding,) = await service.examine()
        assert finding.problem.startswith(f"cannot listen on {where}: ")
        assert str(service._config.port) in finding.advice
    await service.start()
    assert [(one.detail, one.problem) for one in await service.examine()] == [(f"listening on {where}", "")]
    service._problem = "died"
    assert (await service.examine())[0].problem == f"{where}: died"
    monkeypatch.setitem(sys.modules, "iotcore", None)
    assert "pip install" in (await plugin.create(plugin.config(), service._context).examine())[0].problem


async def test_a_missing_package_says_how_to_install_it(context, monkeypatch):
    monkeypatch.setitem(sys.modules, "iotcore", None)
    service = plugin.create(plugin.config(), context)
    with pytest.raises(PluginError, match=r"pip install 'addispatch\[demo\]'"):
        await service.self_check()


async def test_stop_ends_the_child_and_frees_the_port(service):
    await service.start()
    process = service._broker._process
    await service.stop()
    assert process.poll() is not None
    with socket.create_server(("127.0.0.1", service._config.port)):
        pass
    assert service.status_line().endswith("stopped")
