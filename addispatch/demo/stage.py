"""Puts up the demo's stage: a modem on a pty, two phones, a mailbox, and addispatch between them and a broker."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from addispatch.app import started
from addispatch.config import load
from addispatch.runtime.logs import configure_file
from addispatch.simulator import Network, Phone, SimulatedModem
from addispatch.simulator.mailsink import MailSink
from addispatch.simulator.plant import Plant

if TYPE_CHECKING:
    from addispatch.demo.screen import Screen
    from addispatch.engine.node import Node

_HERE = Path(__file__).parent
#: How long the modem may take to come online: libGammu itself needs about 4 s.
MODEM_S = 30.0


@dataclass(frozen=True, slots=True)
class Stage:
    """Everybody who plays."""

    node: Node
    network: Network
    plant: Plant
    adam: Phone
    jane: Phone
    mailbox: MailSink
    folder: Path
    http_port: int


@contextlib.asynccontextmanager
async def put_up(screen: Screen) -> AsyncIterator[Stage]:
    """Start everything, saying so; take it down at the end."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="addispatch-demo-")))
        configure_file(folder / "demo.log", logging.INFO)
        screen.progress("putting up a mobile network, a modem on a serial port and two phones")
        network = Network(operator="Singtel")
        modem = SimulatedModem(network, number="+6590000001", link=str(folder / "ttySIM0"))
        await modem.start()
        stack.push_async_callback(modem.stop)
        adam, jane = network.phone("+6591234567", "Adam"), network.phone("+6581234567", "Jane")
        screen.done(f"a GSM modem at {modem.port}, the phones of Adam and Jane")
        mailbox = await stack.enter_async_context(MailSink())
        screen.done(f"a mail server at 127.0.0.1:{mailbox.port}")
        broker_port, http_port = free_port(), free_port()
        os.environ.update(
            ADDISPATCH_DEMO_DIR=str(folder),
            ADDISPATCH_DEMO_BROKER_PORT=str(broker_port),
            ADDISPATCH_DEMO_HTTP_PORT=str(http_port),
            ADDISPATCH_DEMO_MODEM=modem.port,
            ADDISPATCH_DEMO_SMTP_PORT=str(mailbox.port),
        )
        screen.progress("starting addispatch with its MQTT broker")
        loaded = load(_HERE / "addispatch.toml")
        node = await stack.enter_async_context(started(loaded.config, _HERE / "directory.toml"))
        screen.done(f"addispatch, with an MQTT broker at 127.0.0.1:{broker_port}")
        screen.progress("gammu talks to the modem (about four seconds)")
        await online(node)
        screen.done("the modem is online")
        plant = await stack.enter_async_context(Plant("127.0.0.1", broker_port))
        screen.done("a PLC in boiler house 1, connected by MQTT")
        yield Stage(node, network, plant, adam, jane, mailbox, folder, http_port)


async def online(node: Node) -> None:
    """Wait until the modem can send; raises ``TimeoutError``."""
    follower = node.feed.follow()  # each change of a modem's state is an event
    try:
        async with asyncio.timeout(MODEM_S):
            while not node.host.channels()["sms"].health.up:
                await follower.next()
    finally:
        follower.close()


def free_port() -> int:
    """Return a TCP port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
