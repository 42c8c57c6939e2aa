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
import contextlib
import json
import re
from collections.abc import AsyncIterator
from datetime import datetime
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
from addispatch.sdk.testing.clock import START

CONFIG = """
[node]
data_dir = "data"
timezone = "{timezone}"
[http]
listen = ""
public_url = "{url}"
[plugins]
folder = "dropins"
{more}
[plugin.pockets]
number = {number}
"""
DROP_IN = "from tale import pockets_plugin\nplugin = pockets_plugin()\n"
PEOPLE = {
    "Adam": "91234567", "Jane": "81234567", "Bo": "82345678", "Eve": "83456789", "Chief": "84567890", "Ops": "85678901",
}  # fmt: skip

_tales: dict[int, Tale] = {}


def people(*names: str, email: bool = False, **options: Any) -> str:
    """Recipients with phones, and mailboxes if asked; ``options`` are further keys of each."""
    mails = {name: {"email": [f"{name.lower()}@plant.example"]} if email else {} for name in names}
    return "".join(_entry("recipient", name=name, sms=PEOPLE[name], **mails[name], **options) for name in names)


def group(name: str, *members: str, policy: str = "usual") -> str:
    """A group and the policy it has; "" for none."""
    return _entry("group", name=name, members=list(members), policy=policy)


def policy(*levels: str, name: str = "usual", **options: Any) -> str:
    """A policy with what ``after`` made."""
    return _entry("policy", name=name, **options) + "".join(levels)


def after(minutes: float, *to: str, call: tuple[str, ...] = (), resend: bool = False) -> str:
    """A level: after so long, tell these, ring those."""
    return _entry("policy.level", after_minutes=minutes, to=list(to), call=list(call), resend=resend)


def settings(alert: str = "Chief", **options: Any) -> str:
    """The settings: who gets system alerts."""
    return "[settings]\n" + _keys(system_alert_to=[alert], **options)


def _entry(table: str, **keys: Any) -> str:
    return f"[[{table}]]\n{_keys(**keys)}"


def _keys(**keys: Any) -> str:
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in keys.items()) + "\n"


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
        fields.setdefault("reference", f"{self.address} {self._reply_count} {id(self)}")
        now = self._tale.clock.now()
        message = Incoming(channel=self.channel, sender=self.address, text=text, received_at=now, **fields)
        await self._tale.node.received(message)
        await self._tale.quiet()

    async def answers(self, text: str, **fields: Any) -> None:
        """Write back by mail: what is written refers to the last message that asked."""
        await self.replies(text, tokens=(self.token,), **fields)

    @property
    def token(self) -> str:
        """The token of the last message that carried one."""
        return next(delivery.token for delivery in reversed(self.received) if delivery.token)

    @property
    def link(self) -> str:
        """The token in the last message with a link."""
        found = (re.search(r"/a/([A-Za-z0-9_-]{56})", delivery.text) for delivery in reversed(self.received))
        return next(match[1] for match in found if match)

    @property
    def last(self) -> Delivery:
        """The last message."""
        return self.received[-1]

    @property
    def texts(self) -> list[str]:
        """Every text that came."""
        return [delivery.text for delivery in self.received]


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
        await self.tale.ticks()  # first of all the node follows a clock that was set
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

    def __init__(
        self,
        folder: Path,
        directory: str,
        *,
        url: str = "http://localhost:5556",
        timezone: str = "UTC",
        starts: datetime = START,
        more: str = "",
    ) -> None:
        self._folder = folder
        self.clock = Clock(starts)
        self.clock.tale = self
        self._pockets: dict[tuple[str, str], Pocket] = {}
        self._number = len(_tales)
        _tales[self._number] = self
        self.accepted: Accepted | None = None
        (folder / "dropins").mkdir(mode=0o700)
        (folder / "dropins" / "pockets.py").write_text(DROP_IN)
        (folder / "directory.toml").write_text(directory)
        (folder / "addispatch.toml").write_text(
            CONFIG.format(number=self._number, url=url, timezone=timezone, more=more)
        )

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

    async def restart(self, directory: str = "") -> None:
        """End the node and start it again, perhaps with another address book."""
        async with self.down():
            if directory:
                (self._folder / "directory.toml").write_text(directory)

    @contextlib.asynccontextmanager
    async def down(self) -> AsyncIterator[None]:
        """While the node is stopped."""
        await self.node.stop()
        yield
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

    def dies(self, name: str = "sms") -> None:
        """The modem or server takes nothing any more; what waits for it waits."""
        self.channel(name).window = 0

    async def revives(self, name: str = "sms") -> None:
        self.channel(name).window = 8
        self.node.window_changed()
        await self.quiet()

    def hangs(self, name: str = "sms") -> None:
        """What the channel takes stays under way, until it goes on."""
        self.channel(name).gate.clear()

    async def goes_on(self, name: str = "sms") -> None:
        self.channel(name).gate.set()
        await self.quiet()

    def answers_next(self, *receipts: Any, by: str = "sms") -> None:
        """What the channel says of the next messages it takes."""
        self.channel(by).script.extend(receipts)

    # -- the plant -----------------------------------------------------------------------------------------------

    async def alarm(self, text: str = "pump is hot", *, to: str | tuple[str, ...] = "Team", **fields: Any) -> Accepted:
        """An alarm comes in; done when its texts are out, if they can be."""
        fields["priority"] = Priority(fields.get("priority", Priority.HIGH))
        names = (to,) if isinstance(to, str) else to
        self.accepted = await self.node.accept(Alarm(text=text, source="plant", to=names, **fields))
        await self.quiet()
        return self.accepted

    async def clears(self, key: str, **fields: Any) -> None:
        fields.setdefault("source", "plant")
        await self.node.accept(Alarm(text="normal", key=key, state=AlarmState.CLEARED, **fields))
        await self.quiet()

    @property
    def code(self) -> str:
        """The code of the last alarm."""
        assert self.accepted is not None
        return str(self.accepted.cases[0].code)

    async def spoils_policy(self, text: str) -> None:
        """Damage the policy in the last alarm's row of the ledger."""
        options, code = json.dumps({"policy": text}), self.code

        def spoil(transaction: Any) -> None:
            transaction.flush()
            transaction.connection.exec_driver_sql("UPDATE cases SET options = ? WHERE code = ?", (options, code))
            transaction.forget()

        await self.node.ledger.submit(spoil)

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

    async def roll_call(self) -> dict[str, str]:
        """Who has answered what, by the last code."""
        (recall,) = (await self.operations.roll_call(ADMIN, self.code))["recalls"]
        return {person["recipient"]: person["answer"] for person in recall["people"]}

    async def acks(self, **request: Any) -> dict[str, Any]:
        """Acknowledge by the API, the last code unless told otherwise."""
        if not {"codes", "case", "text"} & set(request):
            request["codes"] = [self.code]
        answer = await self.operations.acknowledge(ADMIN, request)
        await self.quiet()
        return answer

    async def follows(self, token: str, **request: Any) -> dict[str, Any]:
        """Press the button behind a link."""
        answer = await self.operations.link_answer(token, request)
        await self.quiet()
        return answer

    # -- time ----------------------------------------------------------------------------------------------------

    async def ticks(self) -> None:
        """What the node's ticks would do now."""
        await self.node.timekeeper.check()
        await self.node.housekeeping.sweep()
        await self.node.remind_of_pause()
        await self.node.heartbeat.look()
        await self.node.auditor.look()
        await self.node.conditions.tell_due()
        await self.quiet()

    async def quiet(self) -> None:
        """Wait until what can happen now has happened."""
        for _ in range(6):
            await self.node.ledger.submit(lambda _transaction: None)
            for _ in range(8):
                await asyncio.sleep(0)
            while any(lane._settling for lane in self.node.dispatcher.lanes.values()):
                await asyncio.sleep(0.002)  # outcomes wait a little for each other

    async def next_deadline_ms(self) -> int | None:
        """The next moment at which something is due; what is due already waits for something else."""
        now_ms = self.clock.now_ms()

        def query(connection: Any) -> int | None:
            found = [
                connection.exec_driver_sql(f"{text} > {now_ms}").scalar()
                for text in (
                    "SELECT min(next_at_ms) FROM cases WHERE next_at_ms",
                    "SELECT min(close_at_ms) FROM cases WHERE state <> 'closed' AND close_at_ms",
                    "SELECT min(due_at_ms) FROM deliveries WHERE phase = 0 AND due_at_ms",
                    "SELECT min(expires_at_ms) FROM deliveries WHERE fact = 0 AND expires_at_ms",
                )
            ]
            return min((at_ms for at_ms in found if at_ms is not None), default=None)

        return await self.node.ledger.read(query)

    async def reports(self, delivery: Delivery, *, delivered: bool, reason: str = "") -> None:
        """The network tells what became of a text."""
        await self.node.reported(
            DeliveryReport(
                channel=delivery.channel, address=delivery.address, reference=delivery.id, delivered=delivered,
                at=self.clock.now(), reason=reason,
            )
        )  # fmt: skip
        await self.quiet()
