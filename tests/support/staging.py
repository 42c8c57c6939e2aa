"""A whole node in the test's process, told as a story: ``plant.raises("…")``, ``phone.expects("…")``, ``clock.forward``.

The core, the ledger, the mqtt plugin and the broker are real; SMS and mail leave by scripted channels (a drop-in plugin)
unless a story brings its own.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from channels import ScriptedChannel
from pipelines import ADMIN, until

from addispatch.config import load
from addispatch.domain.message import Delivery, Incoming
from addispatch.domain.receipt import Sent
from addispatch.engine.node import Node
from addispatch.sdk import Capability, Plugin, PluginConfig
from addispatch.sdk.testing import FakeClock
from addispatch.sdk.testing.mosquitto import Mosquitto

CONFIG = """
[node]
data_dir = "data"
[http]
listen = ""
[plugins]
folder = "dropins"
[plugin.mqtt]
url = "{url}"
publish = false
[[plugin.mqtt.subscribe]]
topic = "plant/{{machine}}/alarm"
text = "{{{{ machine }}}}: {{{{ payload.message }}}}"
id = "{{% if payload.id is defined %}}{{{{ payload.id }}}}{{% endif %}}"
key = "{{% if payload.key is defined %}}{{{{ payload.key }}}}{{% endif %}}"
priority = "{{% if payload.priority is defined %}}{{{{ payload.priority }}}}{{% else %}}medium{{% endif %}}"
state = "{{% if payload.active is defined %}}{{{{ payload.active }}}}{{% else %}}true{{% endif %}}"
{more}
"""
STAGE = "[plugin.stage]\nnumber = {number}\n"
DROP_IN = "from staging import stage_plugin\nplugin = stage_plugin()\n"
DIRECTORY = """
[[recipient]]
name = "Adam"
sms = "91234567"
email = ["adam@plant.example"]
[[recipient]]
name = "Jane"
sms = "81234567"
[[group]]
name = "Ops"
members = ["Adam", "Jane"]
[[group]]
name = "Fire"
members = ["Adam"]
[[route]]
name = "plant"
match = { topic = "plant/#" }
to = ["Ops"]
"""
ADAM, JANE, ADAMS_MAIL = "+6591234567", "+6581234567", "adam@plant.example"

_stories: dict[int, Story] = {}


class Pocket:
    """A phone or a mailbox: what came to one address; each message is expected once."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.received: list[str] = []
        self._unexpected: list[str] = []

    def put(self, text: str) -> None:
        self.received.append(text)
        self._unexpected.append(text)

    async def expects(self, fragment: str, timeout_s: float = 10) -> str:
        def found() -> list[str]:
            return [text for text in self._unexpected if fragment in text]

        try:
            await until(found, timeout_s)
        except TimeoutError:
            raise AssertionError(f"{self.address}: nothing with {fragment!r}; came: {self._unexpected}") from None
        text = found()[0]
        self._unexpected.remove(text)
        return text

    def expects_nothing_more(self) -> None:
        assert self._unexpected == [], self.address


class StageChannel(ScriptedChannel):
    """Puts what it was told to send into the pocket of the address."""

    def __init__(self, story: Story, name: str, window: int) -> None:
        super().__init__(name, window)
        self._story = story

    async def send(self, delivery: Delivery) -> Any:
        receipt = await super().send(delivery)
        if isinstance(receipt, Sent):
            self._story.pocket(delivery.address).put(delivery.text)
        return receipt


class StageConfig(PluginConfig):
    number: int


class StagePlugin:
    def __init__(self, config: StageConfig, context: Any) -> None:
        story = _stories[config.number]
        story.context = context
        story.sms, story.mail = StageChannel(story, "sms", 1), StageChannel(story, "email", 8)
        self.channels = (story.sms, story.mail)

    async def self_check(self) -> None: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...


def stage_plugin() -> Plugin:
    """The drop-in of this kit."""
    return Plugin(
        name="stage", summary="Scripted phones and mailboxes", config=StageConfig, create=StagePlugin,
        capabilities=frozenset({Capability.CHANNEL}), channels=("sms", "email"),
    )  # fmt: skip


class Plant:
    """Publishes alarms with mosquitto_pub, as a PLC would: QoS 1, done when the broker has it."""

    def __init__(self, broker: Mosquitto) -> None:
        self._broker = broker

    async def raises(self, message: str, machine: str = "boiler", **payload: Any) -> None:
        await self._broker.publish(f"plant/{machine}/alarm", json.dumps({"message": message, **payload}))

    async def clears(self, key: str, machine: str = "boiler") -> None:
        await self.raises("back to normal", machine, key=key, active=False)


class Clock(FakeClock):
    """The story's time; it passes only in ``forward``."""

    story: Story

    async def passes(self, **time: float) -> None:
        """Let time pass, and let the node look at everything, as its ticks would."""
        self.forward(**time)
        await self.story.node.housekeeping.sweep()
        await self.story.quiet()


class Story:
    """``async with Story(tmp_path) as story``: broker and node are up; ``restart`` and ``crash`` change that."""

    node: Node
    context: Any
    sms: StageChannel
    mail: StageChannel

    def __init__(self, folder: Path, *, directory: str = DIRECTORY, more: str = "", staged: bool = True) -> None:
        self._folder = folder
        self.broker = Mosquitto(folder)
        self.plant = Plant(self.broker)
        self.clock = Clock()
        self.clock.story = self
        self._pockets: dict[str, Pocket] = {}
        self._number = len(_stories)
        _stories[self._number] = self
        (folder / "dropins").mkdir(mode=0o700)
        (folder / "dropins" / "stage.py").write_text(DROP_IN)
        (folder / "directory.toml").write_text(directory)
        stage = STAGE.format(number=self._number) if staged else ""
        self._config = folder / "addispatch.toml"
        self._config.write_text(CONFIG.format(url=self.broker.url, more=stage + more))

    async def __aenter__(self) -> Self:
        await self.broker.start()
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.node.stop()
        await self.broker.stop()

    async def start(self) -> None:
        self.node = Node(load(self._config).config, self.clock)
        await self.node.start(self._folder / "directory.toml")
        await self.sees("Connected to MQTT broker")
        await asyncio.sleep(0.1)  # mosquitto answers the subscription

    async def crash(self) -> None:
        """End the node without settling what is under way."""
        await self.node.dispatcher.stop(0)
        await self.node.stop()

    def pocket(self, address: str) -> Pocket:
        return self._pockets.setdefault(address, Pocket(address))

    async def replies(self, number: str, text: str) -> None:
        """Somebody writes back."""
        now = datetime.now(UTC)
        await self.context.received(
            Incoming(channel="sms", sender=number, text=text, received_at=now, reference=f"{number} {now}")
        )

    async def quiet(self) -> None:
        """Wait until what can happen now has happened."""
        for _ in range(4):
            await self.node.ledger.submit(lambda _transaction: None)
            for _ in range(5):
                await asyncio.sleep(0)

    async def cases(self) -> list[dict[str, Any]]:
        return (await self.node.operations.cases(ADMIN, limit=500))["cases"][::-1]

    async def events(self, fragment: str = "") -> list[str]:
        found = (await self.node.operations.events(ADMIN, limit=500))["events"][::-1]
        return [event["text"] for event in found if fragment in event["text"]]

    async def sees(self, fragment: str, count: int = 1) -> None:
        """Wait for events with the fragment."""

        async def there() -> bool:
            return len(await self.events(fragment)) >= count

        try:
            await until(there, 15)
        except TimeoutError:
            raise AssertionError(f"no event {fragment!r}: {await self.events()}") from None
