"""The virtual address goes to the node that can work: real keepalived, real daemons with modems, two machines and a client.

The times it takes are printed (``pytest -s``); docs/high-availability.md has them.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from daemon import Daemon
from failover import Client, Keepalived
from netns import Namespace, Net, namespaces, need_namespaces

from addispatch.simulator import Network, SimulatedModem

pytestmark = [pytest.mark.debian, pytest.mark.slow]

ADDRESS, PORT = "10.86.0.100", 5556
#: The daemons' time zones tell the client which of the two answers.
MASTER, SLAVE = "Europe/Berlin", "Asia/Singapore"
MODEM = """
[plugin.modem]
[[plugin.modem.modem]]
name = "sim1"
port = "{port}"
poll_s = 1
"""


@dataclass
class Pair:
    """Two nodes with a modem and a keepalived each, and a client. The first one is the master."""

    net: Net
    client: Client
    modems: list[SimulatedModem] = field(default_factory=list)
    daemons: list[Daemon] = field(default_factory=list)
    guards: list[Keepalived] = field(default_factory=list)


def generated(daemon: Daemon, peer: Namespace, priority: int) -> str:
    """What the command prints for this node."""
    options = {
        "--config": str(daemon.config), "--address": f"{ADDRESS}/24", "--interface": "eth0", "--peer": peer.address,
        "--priority": str(priority), "--needs": "sms", "--user": "root", "--back-after": "1",
    }  # fmt: skip
    words = [word for pair in options.items() for word in pair]
    command = [sys.executable, "-m", "addispatch", "cluster", "keepalived", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    need_namespaces("keepalived", "curl")
    network = Network()
    async with contextlib.AsyncExitStack() as stack:
        net = stack.enter_context(namespaces(3))
        made = Pair(net, Client(net[2], ADDRESS, PORT))
        for number, zone in enumerate((MASTER, SLAVE)):
            modem = SimulatedModem(network, f"+659000000{number}", link=tmp_path / f"tty{number}")
            await modem.start()
            stack.push_async_callback(modem.stop)
            made.modems.append(modem)
            folder = tmp_path / f"node{number}"
            (folder / "conf.d").mkdir(parents=True)
            (folder / "conf.d" / "zone.toml").write_text(f'[node]\ntimezone = "{zone}"\n')
            daemon = Daemon(folder, MODEM.format(port=modem.port), listen=f"0.0.0.0:{PORT}", machine=net[number])
            await daemon.spawn()
            made.daemons.append(daemon)
        for daemon in made.daemons:
            stack.push_async_exit(daemon)
            await daemon.says("Engine initialized")
        for number, daemon in enumerate(made.daemons):
            text = generated(daemon, net[1 - number], 150 - 10 * number)
            guard = Keepalived(net[number], tmp_path / f"guard{number}", text)
            assert await guard.complaints() == ""
            made.guards.append(await stack.enter_async_context(guard))
        yield made


async def test_the_address_goes_to_the_node_that_can_work(pair: Pair) -> None:
    async def moves(to: str, why: str, *causes: Callable[[], object]) -> None:
        for cause in causes:
            cause()
        print(f"\n{why}: {await pair.client.finds(to):.2f} s", end="")

    master = pair.daemons[0]
    await moves(MASTER, "both keepalived started")
    await pair.guards[0].says("Changing effective priority from 130 to 150")  # its modem has come, too
    await pair.guards[1].says("Changing effective priority from 120 to 140")
    await master.kill()
    await moves(SLAVE, "daemon killed")
    assert ADDRESS not in pair.net[0].addresses()
    await master.start()
    await moves(MASTER, "daemon started again")
    await moves(SLAVE, "daemon hangs", lambda: master.process.send_signal(signal.SIGSTOP))
    await moves(MASTER, "daemon goes on", lambda: master.process.send_signal(signal.SIGCONT))
    await moves(SLAVE, "modem lost", pair.modems[0].unplug)
    # Without the better node nothing is lost: the other one, which still has no modem, takes alarms.
    await moves(MASTER, "cable pulled", lambda: pair.net.unplug(pair.net[1]))
