"""Simulated modems behind real libGammu, for the tests of this folder."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from addispatch.sdk.testing import RecordingContext
from addispatch.simulator.modem import SimulatedModem
from addispatch.simulator.network import Network
from addispatch_plugins.modem import actor, inbox
from addispatch_plugins.modem.actor import Modem
from addispatch_plugins.modem.channel import SmsChannel, VoiceChannel
from addispatch_plugins.modem.config import ModemPluginConfig
from addispatch_plugins.modem.instance import ModemPlugin
from addispatch_plugins.modem.link import Deadlines

#: As in life, but tests do not wait a minute for a modem that never answers.
DEADLINES = Deadlines(send_s=2.5)
#: The configuration asks for five seconds at least; too long for tests.
RING_S = 0.8


@dataclass
class Rig:
    """A started plugin with simulated modems; ``modems`` are the simulated ones by name."""

    network: Network
    modems: dict[str, SimulatedModem]
    context: RecordingContext
    plugin: ModemPlugin

    @property
    def sms(self) -> SmsChannel:
        return self.plugin.channels[0]

    @property
    def voice(self) -> VoiceChannel:
        return self.plugin.channels[1]

    def document(self, name: str) -> dict[str, Any]:
        return next(document for document in self.plugin.modems() if document["name"] == name)

    def modem(self, name: str) -> Modem:
        return next(modem for modem in self.plugin.fleet.modems if modem.name == name)

    async def wait_online(self, name: str = "sim1") -> None:
        await self.context.wait_for_event(f"Modem {name} is online", timeout_s=25)


MakeRig = Callable[..., Awaitable[Rig]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def make_rig(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MakeRig]:
    """Build rigs: ``make_rig(sim1={}, sim2={"pin": "1234"}, config={"sim2": {"pin": "9999"}})``.

    ``options`` are those of the plugin. No rate is limited unless ``config`` says so.
    """
    patch = pytest.MonkeyPatch()
    # Failures come thick and fast here: no long pauses between them.
    patch.setattr(actor, "PAUSES_S", (0.1,))
    patch.setattr(actor, "LOOK_S", 0.2)
    patch.setattr(actor, "NO_NETWORK_STATUS_S", 0.3)
    patch.setattr(actor, "RING_PAUSE_S", 0.3)
    patch.setattr(inbox, "COMMIT_WAIT_S", 0.3)
    async with AsyncExitStack() as stack:

        async def make(
            *,
            config: dict[str, Any] | None = None,
            options: dict[str, Any] | None = None,
            start: bool = True,
            deadlines: Deadlines = DEADLINES,
            **modems: dict[str, Any],
        ) -> Rig:
            folder = tmp_path_factory.mktemp("rig")
            network, simulated, tables = Network(), {}, []
            for number, (name, kind) in enumerate(modems.items()):
                modem = SimulatedModem(network, f"+659000000{number}", link=folder / f"tty-{name}", **kind)
                await modem.start()
                stack.push_async_callback(modem.stop)
                simulated[name] = modem
                own = (config or {}).get(name, {})
                common = {"name": name, "port": str(folder / f"tty-{name}"), "poll_s": 1, "rate_per_minute": 0}
                tables.append(common | own)
            (folder / "data").mkdir()
            context = await stack.enter_async_context(RecordingContext(folder / "data", name="modem"))
            checked = ModemPluginConfig.model_validate({"modem": tables, **(options or {})})
            quick = tuple(modem.model_copy(update={"ring_s": RING_S}) for modem in checked.modem)
            plugin = ModemPlugin(checked.model_copy(update={"modem": quick}), context, deadlines)
            await plugin.self_check()
            if start:
                await plugin.start()
            return Rig(network, simulated, context, plugin)

        yield make
    # asyncio closes the pipes of a process whose start was cut short a moment later.
    await asyncio.sleep(0.05)
    patch.undo()


def child_pids() -> dict[str, int]:
    """The processes we started that run a modem's child, by the device they have open (empty if none yet)."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            if b"modem/child.py" not in (entry / "cmdline").read_bytes():
                continue
            status = (entry / "stat").read_text().rpartition(")")[2].split()
            opened = [str(link.readlink()) for link in (entry / "fd").iterdir()]
        except OSError:
            continue
        if status[1] == str(os.getpid()):
            found[next((path for path in opened if path.startswith("/dev/pts/")), "")] = int(entry.name)
    return found


@pytest.fixture
def children() -> Callable[[], dict[str, int]]:
    return child_pids
