"""A node with two simulated modems, one of which falls ill, for the fault matrix and the soak.

Everything but hardware is real: ledger, dispatch, the modem plugin, libGammu in its child processes. Deadlines are those
of ``SHORT``, so that a test does not wait a minute for a modem that never answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pipelines import ADMIN, until

from addispatch.config import Config
from addispatch.config.models import DispatchConfig, HttpConfig, NodeConfig
from addispatch.domain.delivery import REPEAT_MARK
from addispatch.engine.node import Node
from addispatch.runtime.clock import SystemClock
from addispatch.sdk import Alarm
from addispatch.simulator import Network, Phone, SimulatedModem
from addispatch_plugins.modem import actor
from addispatch_plugins.modem.config import ModemConfig, ModemPluginConfig
from addispatch_plugins.modem.link import Deadlines

#: Seconds. gammu needs 3.9 to connect and 0.7 to send on a healthy modem.
SHORT = {
    "init_s": 12.0, "sim_s": 4.0, "identify_s": 6.0, "signal_s": 4.0, "network_s": 4.0, "poll_s": 4.0, "delete_s": 4.0,
    "send_s": 4.0,
}  # fmt: skip
#: Pauses between tries, as in life but for the long ones.
PAUSES_S = (0.5, 1.0)
RETRY_FIRST_S = 0.5
ADAM = "+6591234567"
DIRECTORY = '[[recipient]]\nname = "Adam"\nsms = "91234567"\n'


@contextlib.contextmanager
def short_deadlines():
    """Let modem plugins made in the block be impatient."""
    with pytest.MonkeyPatch.context() as patch:
        for name in {field.name for field in dataclasses.fields(Deadlines)} & SHORT.keys():
            patch.setitem(Deadlines.__init__.__kwdefaults__, name, SHORT[name])
        patch.setattr(actor, "PAUSES_S", PAUSES_S, raising=False)
        patch.setattr(actor, "NO_NETWORK_STATUS_S", 0.5, raising=False)
        yield


def modem_table(name: str, port: Path | str, **options: Any) -> dict[str, Any]:
    """``[[plugin.modem.modem]]`` without a limit to its rate."""
    unlimited = {"rate_per_minute": 0} if "rate_per_minute" in ModemConfig.model_fields else {}
    return {"name": name, "port": str(port), "poll_s": 1, **unlimited, **options}


def plugin_table(*modems: dict[str, Any]) -> dict[str, Any]:
    unlimited = {"rate_per_minute": 0} if "rate_per_minute" in ModemPluginConfig.model_fields else {}
    return {"modem": {"modem": list(modems), **unlimited}}


@dataclass
class Ward:
    """What happened to the alarms raised here is in the phone and in ``events``."""

    node: Node
    network: Network
    modems: dict[str, SimulatedModem]
    phone: Phone
    events: list[dict[str, Any]] = field(default_factory=list)
    #: When each text was taken, and when it first arrived: of the loop's clock.
    taken_s: dict[str, float] = field(default_factory=dict)
    arrived_s: dict[str, float] = field(default_factory=dict)
    #: (state, error) as shown of each modem, in the order they came.
    shown: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    async def raises(self, text: str) -> None:
        """Take an alarm; it is in the ledger when this returns."""
        await self.node.accept(Alarm(text=text, source="ward", to=("Adam",)))
        self.taken_s[text] = time.monotonic()

    async def raises_steadily(self, every_s: float, prefix: str) -> None:
        """Take one alarm after another, for ever."""
        number = 0
        while True:
            await self.raises(f"{prefix} {number}")
            number += 1
            await asyncio.sleep(every_s)

    def document(self, name: str) -> dict[str, Any]:
        return next(document for document in self.node.host.modems() if document["name"] == name)

    def is_online(self, name: str) -> bool:
        return self.document(name)["state"] == "online"

    async def online(self, *names: str, timeout_s: float = 40.0) -> None:
        await until(lambda: all(self.is_online(name) for name in names or self.modems), timeout_s)

    async def is_quiet(self, timeout_s: float = 40.0) -> None:
        async def nothing_left() -> bool:
            return not any((await self.node.operations.status(ADMIN))["queue"].values())

        await until(nothing_left, timeout_s)

    def look(self) -> None:
        """Note how the modems are shown."""
        for document in self.node.host.modems():
            now = (document["state"], document["error"])
            seen = self.shown.setdefault(document["name"], [])
            if not seen or seen[-1] != now:
                seen.append(now)

    # -- what became of it -----------------------------------------------------------------------------------------

    @property
    def plain(self) -> Counter[str]:
        return Counter(m.text for m in self.phone.received if not m.text.startswith(REPEAT_MARK))

    @property
    def repeated(self) -> Counter[str]:
        marked = (m.text for m in self.phone.received if m.text.startswith(REPEAT_MARK))
        return Counter(text.removeprefix(REPEAT_MARK) for text in marked)

    @property
    def lost(self) -> list[str]:
        return sorted(text for text in self.taken_s if not self.plain[text] + self.repeated[text])

    def delays_s(self) -> dict[str, float]:
        return {text: at_s - self.taken_s[text] for text, at_s in self.arrived_s.items() if text in self.taken_s}

    def said(self, words: str = "") -> list[str]:
        return [event["text"] for event in self.events if words in event["text"]]


def node_config(folder: Path, *modems: dict[str, Any]) -> Config:
    """A node in that folder with these modems, without any port open."""
    return Config(
        node=NodeConfig(data_dir=folder / "data"),
        http=HttpConfig(listen=""),
        dispatch=DispatchConfig(retry_first_s=RETRY_FIRST_S, retry_longest_s=4, max_attempts=100),
        plugin=plugin_table(*modems),
    )


@contextlib.asynccontextmanager
async def open_ward(folder: Path, *names: str, **options: Any) -> AsyncIterator[Ward]:
    """A started node with modems of these names on their way online; ``options`` go into each modem's table."""
    folder.mkdir(exist_ok=True)
    (folder / "directory.toml").write_text(DIRECTORY)
    network, modems = Network(), {}
    async with contextlib.AsyncExitStack() as stack:
        for number, name in enumerate(names):
            modem = modems[name] = SimulatedModem(
                network, f"+65900000{number:02d}", link=folder / f"tty-{name}", imei=f"3569380356438{number:02d}"
            )
            await modem.start()
            stack.push_async_callback(modem.stop)
        config = node_config(folder, *(modem_table(name, folder / f"tty-{name}", **options) for name in names))
        node = Node(config, SystemClock())
        ward = Ward(node, network, modems, network.phone(ADAM, "Adam"))

        def arrived(_phone: Phone, message: Any) -> None:
            ward.arrived_s.setdefault(message.text.removeprefix(REPEAT_MARK), time.monotonic())

        network.on_delivered = arrived
        stack.push_async_callback(node.stop)
        await node.start(folder / "directory.toml")
        stack.callback(node.feed.subscribe(ward.events.append))
        yield ward
