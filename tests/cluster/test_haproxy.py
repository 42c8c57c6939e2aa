"""config/haproxy.cfg as it is shipped, in front of two real daemons and two real brokers."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import switch_plugin
from daemon import Daemon
from failover import Client
from netns import Namespace, Net, find_program, namespaces, need_namespaces

pytestmark = [pytest.mark.debian, pytest.mark.slow]

CONFIG = Path(__file__).parents[2] / "config" / "haproxy.cfg"
#: The daemons' time zones tell which of the two answers.
ZONES = ("Europe/Berlin", "Asia/Singapore")
PATIENCE_S = 20.0


@dataclass
class Balanced:
    """Two nodes with a broker each on two machines, HAProxy on the third one."""

    net: Net
    daemons: list[Daemon] = field(default_factory=list)
    brokers: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def answering(self, asked_count: int = 4) -> set[str]:
        """Who answers so many requests in a row; "" for one that failed."""
        client = Client(self.net[2], self.net[2].address, 5556)
        return {await client.asks("/metrics") for _ in range(asked_count)}

    async def settles(self, *zones: str) -> None:
        """Wait until these alone answer."""
        async with asyncio.timeout(PATIENCE_S):
            while await self.answering() != set(zones):
                await asyncio.sleep(0.3)

    async def broker(self) -> str:
        """Which broker a new client of the balancer is connected to."""
        words = ("mosquitto_sub", "-h", self.net[2].address, "-t", "who", "-C", "1", "-W", "5")
        return await asyncio.to_thread(self.net[2].run, *words)


async def start_broker(machine: Namespace, folder: Path, name: str) -> asyncio.subprocess.Process:
    config = folder / "mosquitto.conf"
    config.write_text("listener 1883 0.0.0.0\nallow_anonymous true\nuser root\n")
    process = await asyncio.create_subprocess_exec(
        *machine.argv(find_program("mosquitto") or "mosquitto", "-c", config), stderr=asyncio.subprocess.DEVNULL
    )
    publish = machine.argv("mosquitto_pub", "-t", "who", "-r", "-m", name)
    async with asyncio.timeout(PATIENCE_S):
        while (await asyncio.to_thread(subprocess.run, publish, capture_output=True)).returncode:
            await asyncio.sleep(0.05)
    return process


@pytest.fixture
async def balanced(tmp_path: Path) -> AsyncIterator[Balanced]:
    need_namespaces("haproxy", "mosquitto", "mosquitto_sub")
    config = tmp_path / "haproxy.cfg"
    config.write_text(CONFIG.read_text().replace("10.0.0.", "10.86.0."))
    async with contextlib.AsyncExitStack() as stack:
        net = stack.enter_context(namespaces(3))
        made = Balanced(net)
        for number, zone in enumerate(ZONES):
            folder = tmp_path / f"node{number}"
            (folder / "conf.d").mkdir(parents=True)
            (folder / "conf.d" / "zone.toml").write_text(f'[node]\ntimezone = "{zone}"\n')
            needs = 'ready_needs = ["sms"]\n' + switch_plugin.drop_in(folder)
            daemon = Daemon(folder, needs, listen="0.0.0.0:5556", machine=net[number])
            await daemon.spawn()
            made.daemons.append(daemon)
            made.brokers.append(await start_broker(net[number], folder, f"broker{number}"))
        for daemon in made.daemons:
            stack.push_async_exit(daemon)
            await daemon.says("Engine initialized")
        with (tmp_path / "haproxy.log").open("ab") as log:
            command = net[2].argv(find_program("haproxy") or "haproxy", "-db", "-f", config)
            await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        yield made


def test_haproxy_takes_the_file() -> None:
    program = find_program("haproxy")
    if program is None:
        pytest.skip("needs haproxy from Debian's packages (.ci/packages installs it)")
    checked = subprocess.run([program, "-c", "-f", str(CONFIG)], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


async def test_requests_go_to_nodes_that_are_ready_and_mqtt_to_brokers_of_nodes_that_live(balanced: Balanced) -> None:
    _berlin, singapore = ZONES
    await balanced.settles(*ZONES)
    assert await balanced.broker() in {"broker0\n", "broker1\n"}

    # Made not ready it is drained, and its broker still used: the node lives and listens to it.
    down = switch_plugin.switch(balanced.daemons[0].data)
    down.touch()
    await balanced.settles(singapore)
    links = Client(balanced.net[2], balanced.net[2].address, 80)
    assert (await links.asks("/api/v1/status"), await links.asks("/metrics")) == ("", "")
    assert "HTTP/1.1 200" in await asyncio.to_thread(
        balanced.net[2].run, "curl", "--silent", "--include", f"http://{balanced.net[2].address}/check"
    )
    down.unlink()
    await balanced.settles(*ZONES)

    # Killed it gets neither.
    await balanced.daemons[0].kill()
    await balanced.settles(singapore)
    async with asyncio.timeout(PATIENCE_S):
        while {await balanced.broker() for _ in range(3)} != {"broker1\n"}:
            await asyncio.sleep(0.3)
    await balanced.daemons[0].start()
    await balanced.settles(*ZONES)

    # A broker that is gone refuses: the other one gets the client at once.
    balanced.brokers[1].kill()
    await balanced.brokers[1].wait()
    assert {await balanced.broker() for _ in range(3)} == {"broker0\n"}
