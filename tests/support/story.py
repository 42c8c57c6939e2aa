"""A whole node with people around it, for tests that read as a story.

    async with story(tmp_path, DIRECTORY) as tale:
        await tale.plant_raises("boiler 1 too hot")
        await tale.adam.expects("boiler 1 too hot")

The node, the broker, the mail server and the phones are real or simulated as in the demo. Text messages go by a
``Pager`` that knows no waiting, or with ``modem=True`` by the modem plugin, gammu and a simulated modem.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from channels import ScriptedChannel
from pipelines import ADMIN, until

from addispatch.app import started
from addispatch.config import load
from addispatch.domain.message import Delivery
from addispatch.domain.receipt import Sent
from addispatch.engine.node import Node
from addispatch.sdk import Capability, Plugin, PluginConfig
from addispatch.sdk.testing.mosquitto import Mosquitto
from addispatch.simulator import Network, Phone, SimulatedModem
from addispatch.simulator.mailsink import MailSink
from addispatch.simulator.plant import Plant

PATIENCE_S = 30.0
TOPIC = "plant/north/boiler1/alarm"

CONFIG = """
[node]
data_dir = "data"
[http]
listen = ""
[dispatch]
retry_first_s = 0.2
[plugins]
folder = "plugins"
[plugin.mqtt]
url = "{broker}"
[[plugin.mqtt.subscribe]]
topic = "plant/{{area}}/{{machine}}/alarm"
[plugin.smtp.primary]
host = "127.0.0.1"
port = {smtp_port}
security = "none"
sender = "addispatch@plant.example"
"""
BY_MODEM = """
[[plugin.modem.modem]]
name = "sim1"
port = "{port}"
poll_s = {poll_s}
rate_per_minute = 0
"""
BY_PAGER = """
[plugin.pager]
"""
#: The drop-in; what it offers is made here, so that the test holds it in its hands.
DROP_IN = "from story import Pager\nplugin = Pager.newest.plugin()\n"

PEOPLE = """
[[recipient]]
name = "Adam"
sms = "91234567"
email = ["adam@plant.example"]
[[recipient]]
name = "Jane"
sms = "81234567"
"""


class Pager(ScriptedChannel):
    """Channel ``sms`` that brings texts to the phones at once; can be told what to answer, or to wait."""

    newest: Pager

    def __init__(self, network: Network) -> None:
        super().__init__("sms", 4)
        self._network = network
        Pager.newest = self

    async def send(self, delivery: Delivery) -> Any:
        receipt = await super().send(delivery)
        if isinstance(receipt, Sent):
            self._network.write("+6590000000", delivery.address, delivery.text)
        return receipt

    def plugin(self) -> Plugin:
        return Plugin(
            name="pager", summary="Brings texts to phones", config=PluginConfig, create=lambda *_: _Instance(self),
            capabilities=frozenset({Capability.CHANNEL}), channels=("sms",),
        )  # fmt: skip


class _Instance:
    def __init__(self, pager: Pager) -> None:
        self.channels = (pager,)

    async def self_check(self) -> None:
        """Nothing to check."""

    async def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""


@dataclass
class Person:
    """Somebody with a phone and perhaps a mailbox."""

    name: str
    phone: Phone
    mailbox: MailSink
    address: str = ""

    async def expects(self, words: str) -> str:
        """Wait for an SMS with the words and return all of it."""
        return (await self.phone.expect(words, PATIENCE_S)).text

    async def expects_mail(self, words: str) -> str:
        """Wait for a mail with the words in subject or text, and return its text."""
        mail = await self.mailbox.mails.wait_for(
            lambda mail: self.address in mail.recipients and (words in mail.text or words in mail.subject),
            timeout_s=PATIENCE_S,
        )
        return mail.text

    async def replies(self, text: str) -> None:
        await self.phone.reply(text)

    def has_received(self) -> list[str]:
        """All SMS so far."""
        return [message.text for message in self.phone.received]


@dataclass
class Story:
    """Everybody who plays; ``node`` is None while it is down."""

    folder: Path
    broker: Mosquitto
    plant: Plant
    mailbox: MailSink
    adam: Person
    jane: Person
    pager: Pager
    modem: SimulatedModem | None
    node: Node | None = None
    _stack: contextlib.AsyncExitStack | None = None

    # -- the node ----------------------------------------------------------------------------------------------------

    async def starts(self) -> None:
        """The node starts, and hears the plant."""
        self._stack = contextlib.AsyncExitStack()
        config = load(self.folder / "addispatch.toml").config
        self.node = await self._stack.enter_async_context(started(config, self.folder / "directory.toml"))
        await self.happens("Connected to MQTT broker")

    async def stops(self) -> None:
        if self._stack is not None:
            await self._stack.aclose()
        self.node = self._stack = None

    async def crashes(self) -> None:
        """The node ends without settling what is under way."""
        assert self.node is not None
        await self.node.dispatcher.stop(0)
        await self.stops()

    async def restarts(self) -> None:
        await self.stops()
        await self.starts()

    # -- the plant ---------------------------------------------------------------------------------------------------

    async def plant_raises(self, text: str, *, topic: str = TOPIC, **fields: Any) -> None:
        """The PLC publishes an alarm; the broker has it when this returns."""
        await self.plant.publish(topic, {"text": text, **fields})

    async def plant_clears(self, key: str) -> None:
        await self.plant.publish(TOPIC, {"state": "cleared", "key": key, "text": "normal"})

    # -- what is seen ------------------------------------------------------------------------------------------------

    @property
    def operations(self) -> Any:
        assert self.node is not None
        return self.node.operations

    async def cases(self, state: str | None = None) -> list[dict[str, Any]]:
        """The oldest first."""
        return (await self.operations.cases(ADMIN, state=state))["cases"][::-1]

    async def the_case(self) -> dict[str, Any]:
        """The only one."""
        (case,) = await self.cases()
        return case

    async def happens(self, words: str) -> dict[str, Any]:
        """Wait for an event with the words, past or future."""
        seen: list[str] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S), contextlib.aclosing(self.operations.follow(ADMIN, 0)) as events:
                async for event in events:
                    seen.append(event["text"])
                    if words in event["text"]:
                        return event
        raise AssertionError(f"{words!r} did not happen, but: {'; '.join(seen[-20:])}")

    async def is_quiet(self) -> None:
        """Wait until nothing is queued or under way."""

        async def nothing_left() -> bool:
            return not any((await self.operations.status(ADMIN))["queue"].values())

        await until(nothing_left, PATIENCE_S)


@contextlib.asynccontextmanager
async def story(folder: Path, directory: str, *, modem: bool = False, poll_s: int = 1) -> AsyncIterator[Story]:
    """``directory`` is added to the people; ``poll_s``: how often the modem is asked for texts that came in."""
    async with contextlib.AsyncExitStack() as stack:
        network, simulated, port = Network(), None, folder / "ttySIM0"
        if modem:
            simulated = SimulatedModem(network, "+6590000000", link=port)
            await simulated.start()
            stack.push_async_callback(simulated.stop)
        mailbox = await stack.enter_async_context(MailSink())
        broker = await stack.enter_async_context(Mosquitto(folder))
        text = CONFIG.format(broker=broker.url, smtp_port=mailbox.port)
        (folder / "addispatch.toml").write_text(
            text + (BY_MODEM.format(port=port, poll_s=poll_s) if modem else BY_PAGER)
        )
        (folder / "directory.toml").write_text(PEOPLE + directory)
        (folder / "plugins").mkdir(mode=0o755)
        if not modem:
            (folder / "plugins" / "pager.py").write_text(DROP_IN)
        tale = Story(
            folder,
            broker,
            await stack.enter_async_context(Plant("127.0.0.1", broker.port)),
            mailbox,
            Person("Adam", network.phone("+6591234567", "Adam"), mailbox, "adam@plant.example"),
            Person("Jane", network.phone("+6581234567", "Jane"), mailbox),
            Pager(network),
            simulated,
        )
        stack.push_async_callback(_as_before, sys.getswitchinterval())
        stack.push_async_callback(tale.stops)
        await tale.starts()
        yield tale


async def _as_before(switch_interval_s: float) -> None:
    sys.setswitchinterval(switch_interval_s)
