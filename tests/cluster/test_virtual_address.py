"""The virtual address goes to the node that can work: real keepalived, real daemons with modems, two machines and a client.

The times it takes are printed (``pytest -s``). With ``ADDISPATCH_CAMPAIGN=1`` there are five rounds, and keepalived with the
configuration of its manual beside them: the figures of docs/high-availability.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from daemon import Daemon
from failover import STOCK, Client, Keepalived
from netns import Namespace, Net, namespaces, need_namespaces

from addispatch.simulator import Network, SimulatedModem

CAMPAIGN = bool(os.environ.get("ADDISPATCH_CAMPAIGN"))
ROUNDS = 5 if CAMPAIGN else 1

pytestmark = [pytest.mark.debian, pytest.mark.slow, pytest.mark.timeout(1800 if CAMPAIGN else 180)]

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
    took_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    async def moves(self, to: str, why: str, cause: Callable[[], object] | Awaitable[object] | None = None) -> None:
        """The client finds the other node after the cause."""
        if callable(cause):
            cause()
        elif cause is not None:
            await cause
        self.took_s[why].append(await self.client.finds(to))

    def report(self) -> None:
        for why, times_s in self.took_s.items():
            print(f"\n{why:28} {min(times_s):.2f} / {statistics.median(times_s):.2f} / {max(times_s):.2f} s", end="")


def generated(daemon: Daemon, peer: Namespace, number: int) -> str:
    """What the command prints for this node."""
    options = {
        "--config": str(daemon.config), "--address": f"{ADDRESS}/24", "--interface": "eth0", "--peer": peer.address,
        "--priority": str(150 - 10 * number), "--needs": "sms", "--user": "root", "--back-after": "1",
    }  # fmt: skip
    words = [word for pair in options.items() for word in pair]
    command = [sys.executable, "-m", "addispatch", "cluster", "keepalived", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def stock(_daemon: Daemon, _peer: Namespace, number: int) -> str:
    return STOCK.format(state=("MASTER", "BACKUP")[number], priority=(150, 100)[number], address=ADDRESS)


@contextlib.asynccontextmanager
async def paired(folder: Path, conf: Callable[[Daemon, Namespace, int], str], *, modems: bool) -> AsyncIterator[Pair]:
    need_namespaces("keepalived", "curl")
    network = Network()
    async with contextlib.AsyncExitStack() as stack:
        net = stack.enter_context(namespaces(3))
        pair = Pair(net, Client(net[2], ADDRESS, PORT))
        for number, zone in enumerate((MASTER, SLAVE)):
            modem = SimulatedModem(network, f"+659000000{number}", link=folder / f"tty{number}")
            await modem.start()
            stack.push_async_callback(modem.stop)
            pair.modems.append(modem)
            home = folder / f"node{number}"
            (home / "conf.d").mkdir(parents=True)
            (home / "conf.d" / "zone.toml").write_text(f'[node]\ntimezone = "{zone}"\n')
            more = MODEM.format(port=modem.port) if modems else ""
            daemon = Daemon(home, more, listen=f"0.0.0.0:{PORT}", machine=net[number])
            await daemon.spawn()
            pair.daemons.append(daemon)
        for daemon in pair.daemons:
            stack.push_async_exit(daemon)
            await daemon.says("Engine initialized")
        for number, daemon in enumerate(pair.daemons):
            guard = Keepalived(net[number], folder / f"guard{number}", conf(daemon, net[1 - number], number))
            assert await guard.complaints() == ""
            pair.guards.append(await stack.enter_async_context(guard))
        try:
            yield pair
        except BaseException:
            print(*(f"\nkeepalived {number}: {guard.log}" for number, guard in enumerate(pair.guards)))
            raise


@contextlib.contextmanager
def stopped(process: asyncio.subprocess.Process) -> Iterator[None]:
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


async def test_the_address_goes_to_the_node_that_can_work(tmp_path: Path) -> None:
    async with paired(tmp_path, generated, modems=True) as pair:
        master = pair.daemons[0]
        await pair.moves(MASTER, "both keepalived started")
        assert pair.guards[0].may_work_us == 1_000_000  # by itself it asks for 10 ms: too little at times
        await pair.guards[0].says("Changing effective priority from 130 to 150")  # its modem has come, too
        await pair.guards[1].says("Changing effective priority from 120 to 140")
        await pair.moves(MASTER, "both modems found")  # the other one may have had its modem first
        await pair.moves(SLAVE, "the two cut from each other", lambda: pair.net.cut(pair.net[0], pair.net[1]))
        assert ADDRESS in pair.net[0].addresses() & pair.net[1].addresses()  # neither can know what the other one does
        await pair.moves(MASTER, "the cut healed", pair.net.heal)
        assert pair.took_s["the cut healed"][0] < 8, "clients send to the node that has given the address up"
        for _ in range(ROUNDS):
            await pair.moves(SLAVE, "daemon killed", master.kill())
            assert ADDRESS not in pair.net[0].addresses()
            await pair.daemons[1].event(f"The virtual address {ADDRESS} came to this node")
            await pair.moves(MASTER, "daemon started again", master.start())
            with stopped(master.process):
                await pair.moves(SLAVE, "daemon hangs")
            await pair.moves(MASTER, "daemon goes on")
            await pair.moves(SLAVE, "modem lost", pair.modems[0].unplug)
            # Without the better node nothing is lost: the other one, which still has no modem, takes alarms.
            await pair.moves(MASTER, "cable pulled", lambda: pair.net.unplug(pair.net[1]))
            if CAMPAIGN:
                await pair.moves(SLAVE, "cable put back", pair.net.heal)
                await pair.moves(MASTER, "modem back", pair.modems[0].replug)
        pair.report()


@pytest.mark.skipif(not CAMPAIGN, reason="a measurement of keepalived alone: ADDISPATCH_CAMPAIGN=1")
async def test_keepalived_as_its_manual_has_it(tmp_path: Path) -> None:
    async with paired(tmp_path, stock, modems=False) as pair:
        await pair.moves(MASTER, "both started")
        for _ in range(ROUNDS):
            await pair.moves(SLAVE, "cable pulled", lambda: pair.net.unplug(pair.net[0]))
            await pair.moves(MASTER, "cable put back", pair.net.heal)
            await pair.moves(SLAVE, "keepalived killed", pair.guards[0].kill())
            await pair.moves(MASTER, "keepalived started again", pair.guards[0].start())
        pair.report()
