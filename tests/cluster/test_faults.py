"""Two real daemons and two real brokers, each on a machine of its own: whatever breaks, nothing confirmed is lost.

Each scenario runs under load: a fault, its end, and then both nodes hold the same, everything accepted has left, and what
left more often than once was overlapped by as many faults. With ``ADDISPATCH_CAMPAIGN=1`` the faults last longer and
come ``ADDISPATCH_ROUNDS`` times (10), and what came of each is printed (``pytest -s``).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import pytest
import pytest_asyncio
from load import Book, Load
from pair_netns import PATIENCE_S, Site, site

from addispatch.cluster.keyring import generate

CAMPAIGN = bool(os.environ.get("ADDISPATCH_CAMPAIGN"))
ROUNDS = int(os.environ.get("ADDISPATCH_ROUNDS", "10")) if CAMPAIGN else 1

pytestmark = [
    pytest.mark.debian,
    pytest.mark.slow,
    pytest.mark.timeout(3600 if CAMPAIGN else 400),
    pytest.mark.asyncio(loop_scope="module"),
]

#: The longest a pair may take to hold the same on both after the last fault, in seconds: generous, for busy machines.
CONVERGES_S = PATIENCE_S

Fault = Callable[[Site], AbstractAsyncContextManager[None]]


@dataclass(frozen=True)
class Scenario:
    """What breaks and mends; how long it lasts; how many faults it is."""

    fault: Fault
    short_s: float = 2.5
    long_s: float = 10.0
    count: int = 1
    #: Names of the nodes whose disk is destroyed or goes back in time: what they alone held may be gone.
    forgetful: str = ""


@contextlib.asynccontextmanager
async def killed(pair: Site) -> AsyncIterator[None]:
    await pair.a.kill()
    yield
    await pair.a.start()


@contextlib.asynccontextmanager
async def frozen(pair: Site) -> AsyncIterator[None]:
    pair.a.freeze()
    yield
    pair.a.thaw()


@contextlib.asynccontextmanager
async def broker_killed(pair: Site) -> AsyncIterator[None]:
    await pair.brokers[0].kill()
    yield
    await pair.brokers[0].start()


@contextlib.asynccontextmanager
async def cut(pair: Site) -> AsyncIterator[None]:
    pair.net.cut(pair.net[0], pair.net[1])
    yield
    pair.net.heal()


@contextlib.asynccontextmanager
async def cut_one_way(pair: Site) -> AsyncIterator[None]:
    pair.net.cut_one_way(pair.net[0], pair.net[1])
    yield
    pair.net.heal()


@contextlib.asynccontextmanager
async def lossy(pair: Site) -> AsyncIterator[None]:
    pair.net.lose(pair.net[0], pair.net[1], percent=30)
    yield
    pair.net.heal()


@contextlib.asynccontextmanager
async def both_off(pair: Site) -> AsyncIterator[None]:
    await asyncio.gather(*(one.kill() for one in (*pair.nodes, *pair.brokers)))
    yield
    await asyncio.gather(*(one.start() for one in (*pair.brokers, *pair.nodes)))


@contextlib.asynccontextmanager
async def disks_replaced(pair: Site) -> AsyncIterator[None]:
    await pair.a.kill()
    pair.a.destroy()
    yield
    await pair.a.start()
    await pair.together()
    await pair.equal_open()
    await pair.b.kill()
    pair.b.destroy()
    await asyncio.sleep(1)
    await pair.b.start()


@contextlib.asynccontextmanager
async def rolled_back(pair: Site) -> AsyncIterator[None]:
    copy = await asyncio.to_thread(pair.a.snapshot)
    yield
    await pair.a.kill()
    pair.a.roll_back(copy)
    await pair.a.start()


@contextlib.asynccontextmanager
async def clocks_set(pair: Site) -> AsyncIterator[None]:
    pair.a.step_clock(7200)
    pair.b.step_clock(-7200)
    yield
    pair.a.step_clock(0)
    pair.b.step_clock(0)


@contextlib.asynccontextmanager
async def keys_changed(pair: Site) -> AsyncIterator[None]:
    """The three steps of docs/cluster.md, each a rolling restart; the short way is the second one alone."""
    old, new = pair.keys[0], generate(f"k{os.urandom(3).hex()}")
    steps = ((old, new), (new, old), (new,)) if CAMPAIGN else (tuple(reversed(pair.keys)),)
    for keys in steps:
        pair.set_keys(*keys)
        await restarted(pair)
    yield


@contextlib.asynccontextmanager
async def upgraded(pair: Site) -> AsyncIterator[None]:
    await restarted(pair)
    yield


async def restarted(pair: Site) -> None:
    """One node after the other, as for an upgrade."""
    for node in pair.nodes:
        await node.restart()
        await pair.together()


SCENARIOS = {
    "kill9": Scenario(killed),
    "broker": Scenario(broker_killed),
    "stop1s": Scenario(frozen, 1.0, 1.0),
    "cut": Scenario(cut, 3.0, 20.0),
    "oneway": Scenario(cut_one_way, 3.0, 20.0),
    "loss30": Scenario(lossy, 3.0, 30.0, count=3),
    "bothoff": Scenario(both_off, 0.5, 5.0),
    "disks": Scenario(disks_replaced, 2.5, 5.0, count=2, forgetful="ab"),
    "stop": Scenario(frozen, 3.5, 60.0),
    "rollback": Scenario(rolled_back, 1.0, 10.0, count=2, forgetful="a"),
    "clock2h": Scenario(clocks_set, 1.5, 20.0),
    "keys": Scenario(keys_changed, 0.0, 0.0, count=6),
}
if CAMPAIGN:
    SCENARIOS["upgrade"] = Scenario(upgraded, 0.0, 0.0, count=2)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with site(tmp_path_factory.mktemp("pair")) as made:
        yield made


@pytest.mark.parametrize("number", range(ROUNDS))
@pytest.mark.parametrize("name", SCENARIOS)
async def test_nothing_confirmed_is_lost(pair: Site, name: str, number: int) -> None:
    scenario = SCENARIOS[name]
    await pair.up()
    book = Book(f"{name}{number}")
    loop = asyncio.get_running_loop()
    async with Load(pair, book) as load:
        await load.confirmed(6)
        async with scenario.fault(pair):
            await asyncio.sleep(scenario.long_s if CAMPAIGN else scenario.short_s)
        healed_s = loop.time()
    excused = {tag for node in pair.nodes if node.name in scenario.forgetful for tag in book.single(node)}
    await pair.equal(lambda: book.verdict(pair.sent(), excused).lost, timeout_s=CONVERGES_S)
    converged_s = loop.time() - healed_s
    verdict = book.verdict(pair.sent(), excused)
    print(f"\n{name:9} {verdict}, {converged_s:5.1f} s to converge")
    assert not verdict.lost
    assert verdict.most <= 1 + scenario.count, f"{verdict.often}: more often than there were faults"
    assert not verdict.early, "a level came though nobody had waited for it"
