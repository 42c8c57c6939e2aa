"""Stories of escalation: phones and mailboxes with names, a clock that passes when told, a whole node without its wires.

    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm("pump is hot")
        code = tale.code
        await tale.phone("Jane").expects("pump is hot")
        await tale.clock.passes(minutes=5)
        await tale.phone("Jane").replies(f"{code} on my way")

The node is the real one with its ledger and directory; SMS, mail and calls leave by scripted channels.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from channels import ScriptedChannel
from pipelines import ADMIN

from addispatch.config import load
from addispatch.domain.alarm import Alarm, AlarmState, Priority
from addispatch.domain.message import Delivery, DeliveryReport, Incoming
from addispatch.domain.receipt import Sent
from addispatch.domain.result import Accepted
from addispatch.engine.node import Node
from addispatch.sdk import Capability, Plugin, PluginConfig
from addispatch.sdk.testing import FakeClock

CONFIG = """
[node]
data_dir = "data"
[http]
listen = ""
public_url = "{url}"
[plugins]
folder = "dropins"
[plugin.pockets]
number = {number}
"""
DROP_IN = "from tale import pockets_plugin\nplugin = pockets_plugin()\n"
PEOPLE = {
    "Adam": "91234567", "Jane": "81234567", "Bo": "82345678", "Eve": "83456789", "Chief": "84567890", "Ops": "85678901",
}  # fmt: skip

_tales: dict[int, Tale] = {}


def people(*names: str, email: bool = False) -> str:
    """Recipients with phones, and mailboxes if asked."""
    entries = []
    for name in names:
        mail = f'email = ["{name.lower()}@plant.example"]\n' if email else ""
        entries.append(f'[[recipient]]\nname = "{name}"\nsms = "{PEOPLE[name]}"\n{mail}')
    return "\n".join(entries)


class Pocket:
    """A phone or mailbox of somebody; each message is expected once."""

    def __init__(self, tale: Tale, channel: str, address: str) -> None:
        self.channel, self.address = channel, address
        self.received: list[Delivery] = []
        self._unexpected: list[Delivery] = []
        self._tale = tale
        self._reply_count = 0

    def put(self, delivery: Delivery) -> None:
        self.received.append(delivery)
        self._unexpected.append(delivery)

    async def expects(self, *fragments: str) -> str:
        """The next message with all the words; returns its text."""
        await self._tale.quiet()
        for delivery in self._unexpected:
            if all(fragment in delivery.text for fragment in fragments):
                self._unexpected.remove(delivery)
                return delivery.text
        raise AssertionError(f"{self.address}: nothing with {fragments}; came: {[d.text for d in self._unexpected]}")

    async def is_silent(self) -> None:
        """Nothing unexpected came."""
        await self._tale.quiet()
        assert [delivery.text for delivery in self._unexpected] == [], self.address

    async def replies(self, text: str, **fields: Any) -> None:
        """Write back; done when the node has it."""
        self._reply_count += 1
        now = self._tale.clock.now()
        await self._tale.node.received(
            Incoming(
                channel=self.channel, sender=self.address, text=text, received_at=now,
                reference=f"{self.address} {self._reply_count} {id(self)}", **fields,
            )
        )  # fmt: skip
        await self._tale.quiet()

    @property
    def token(self) -> str:
        """The token of the last message that carried one."""
        return next(delivery.token for delivery in reversed(self.received) if delivery.token)


class PocketChannel(ScriptedChannel):
    """Puts what it sends into the pocket of its address."""

    def __init__(self, tale: Tale, name: str) -> None:
        super().__init__(name, 8)
        self._tale = tale

    async def send(self, delivery: Delivery) -> Any:
        receipt = await super().send(delivery)
        if isinstance(receipt, Sent):
            self._tale.pocket(delivery.channel, delivery.address).put(delivery)
        return receipt


class PocketsConfig(PluginConfig):
    number: int


class PocketsPlugin:
    def __init__(self, config: PocketsConfig, _context: Any) -> None:
        tale = _tales[config.number]
        self.channels = tale.channels = tuple(PocketChannel(tale, name) for name in ("sms", "email", "voice"))

    async def self_check(self) -> None: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...


def pockets_plugin() -> Plugin:
    """The drop-in of this kit."""
    return Plugin(
        name="pockets", summary="Phones and mailboxes", config=PocketsConfig, create=PocketsPlugin,
        capabilities=frozenset({Capability.CHANNEL}), channels=("sms", "email", "voice"), receives=("email",),
    )  # fmt: skip


class Clock(FakeClock):
    """The tale's time; it passes only here."""

    tale: Tale

    async def passes(self, **time: float) -> None:
        """Let time pass, and let the node do all that became due in between, in order."""
        until_ms = self.now_ms() + round(_seconds(**time) * 1000)
        for _ in range(200):
            await self.tale.ticks()
            next_ms = await self.tale.next_deadline_ms()
            if next_ms is None or next_ms > until_ms:
                break
            self.forward(seconds=max(next_ms - self.now_ms(), 0) / 1000)
        self.forward(seconds=(until_ms - self.now_ms()) / 1000)
        await self.tale.ticks()


def _seconds(*, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> float:
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


class Tale:
    """``async with Tale(folder, directory) as tale``; ``restart`` and ``crash`` end the node and start it again."""

    node: Node
    channels: tuple[PocketChannel, ...]

    def __init__(self, folder: Path, directory: str, *, url: str = "http://localhost:5556") -> None:
        self._folder = folder
        self.clock = Clock()
        self.clock.tale = self
        self._pockets: dict[tuple[str, str], Pocket] = {}
        self._number = len(_tales)
        _tales[self._number] = self
        self.accepted: Accepted | None = None
        (folder / "dropins").mkdir(mode=0o700)
        (folder / "dropins" / "pockets.py").write_text(DROP_IN)
        (folder / "directory.toml").write_text(directory)
        (folder / "addispatch.toml").write_text(CONFIG.format(number=self._number, url=url))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        for channel in self.channels:
            channel.gate.set()
        await self.node.stop()

    async def start(self) -> None:
        self.node = Node(load(self._folder / "addispatch.toml").config, self.clock)
        await self.node.start(self._folder / "directory.toml")
        await self.node.ticker.stop()  # time passes only when the tale says so
        await self.ticks()

    async def restart(self) -> None:
        await self.node.stop()
        await self.start()

    async def crash(self) -> None:
        """End the node without settling what is under way, and start it again."""
        await self.node.dispatcher.stop(0)
        await self.node.stop()
        await self.start()

    # -- people --------------------------------------------------------------------------------------------------

    def pocket(self, channel: str, address: str) -> Pocket:
        return self._pockets.setdefault((channel, address), Pocket(self, channel, address))

    def phone(self, name: str) -> Pocket:
        return self.pocket("sms", f"+65{PEOPLE[name]}")

    def ringer(self, name: str) -> Pocket:
        return self.pocket("voice", f"+65{PEOPLE[name]}")

    def mailbox(self, name: str) -> Pocket:
        return self.pocket("email", f"{name.lower()}@plant.example")

    def channel(self, name: str) -> PocketChannel:
        return next(channel for channel in self.channels if channel.name == name)

    # -- the plant -----------------------------------------------------------------------------------------------

    async def alarm(self, text: str = "pump is hot", *, to: str | tuple[str, ...] = "Team", **fields: Any) -> Accepted:
        """An alarm comes in; done when its texts are out, if they can be."""
        fields.setdefault("priority", Priority.HIGH)
        names = (to,) if isinstance(to, str) else to
        self.accepted = await self.node.accept(Alarm(text=text, source="plant", to=names, **fields))
        await self.quiet()
        return self.accepted

    async def clears(self, key: str, **fields: Any) -> None:
        await self.node.accept(Alarm(text="normal", source="plant", key=key, state=AlarmState.CLEARED, **fields))
        await self.quiet()

    @property
    def code(self) -> str:
        """The code of the last alarm."""
        assert self.accepted is not None
        return str(self.accepted.cases[0].code)

    # -- what is seen --------------------------------------------------------------------------------------------

    @property
    def operations(self) -> Any:
        return self.node.operations

    async def case(self, index: int = 0) -> dict[str, Any]:
        """A case of the last alarm."""
        assert self.accepted is not None
        return await self.operations.case(ADMIN, self.accepted.cases[index].id)

    async def events(self, kind: str = "") -> list[str]:
        found = (await self.operations.events(ADMIN, limit=500))["events"][::-1]
        return [event["text"] for event in found if kind in ("", event["kind"])]

    async def acks(self, **request: Any) -> dict[str, Any]:
        """Acknowledge by the API, the last code unless told otherwise."""
        if not {"codes", "case", "text"} & set(request):
            request["codes"] = [self.code]
        answer = await self.operations.acknowledge(ADMIN, request)
        await self.quiet()
        return answer

    # -- time ----------------------------------------------------------------------------------------------------

    async def ticks(self) -> None:
        """What the node's ticks would do now."""
        await self.node.timekeeper.check()
        await self.node.housekeeping.sweep()
        await self.quiet()

    async def quiet(self) -> None:
        """Wait until what can happen now has happened."""
        for _ in range(5):
            await self.node.ledger.submit(lambda _transaction: None)
            for _ in range(6):
                await asyncio.sleep(0)

    async def next_deadline_ms(self) -> int | None:
        """The next moment at which something is due."""

        def query(connection: Any) -> int | None:
            found = [
                connection.exec_driver_sql(text).scalar()
                for text in (
                    "SELECT min(next_at_ms) FROM cases WHERE next_at_ms IS NOT NULL",
                    "SELECT min(close_at_ms) FROM cases WHERE close_at_ms IS NOT NULL AND state <> 'closed'",
                    "SELECT min(due_at_ms) FROM deliveries WHERE due_at_ms IS NOT NULL AND phase = 0",
                    "SELECT min(expires_at_ms) FROM deliveries WHERE expires_at_ms IS NOT NULL AND fact = 0",
                )
            ]
            now_ms = self.clock.now_ms()
            return min((at_ms for at_ms in found if at_ms is not None and at_ms > now_ms), default=None)

        return await self.node.ledger.read(query)

    async def reports(self, delivery: Delivery, *, delivered: bool) -> None:
        """The network tells what became of a text; the scripted channels give no references, so by its row."""
        del delivered
        await self.node.reported(
            DeliveryReport(
                channel=delivery.channel, address=delivery.address, reference=delivery.id, delivered=False,
                at=datetime.now(UTC),
            )
        )  # fmt: skip
        await self.quiet()
