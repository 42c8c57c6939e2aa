"""Two real daemons, each with its broker on a machine of its own; the plant and its broker are on a third one.

``async with site(folder) as pair``: both are together. ``Load`` raises alarms at a steady rate, ``Book`` knows which of
them were confirmed and how often each left: the files the nodes write are not in their data folders, so that what a
node had sent counts even when its disk is destroyed.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import ops
import orjson
from daemon import Daemon
from netns import Namespace, Net, find_program, namespaces, need_namespaces

from addispatch.cluster.keyring import generate

#: How long anything may take on a machine that is busy with other things, in seconds.
PATIENCE_S = 60.0
#: Where brokers listen on their machines.
PORT = 1883
#: An alarm's name in its text: what it was raised in, how, which one.
TAG = re.compile(r"\b[a-z_0-9]+-(?:http|mqtt|ask)-\d{5}\b")

#: Of a failover nobody is told but by what is sent itself: each message is counted.
UNTOLD = "notify_contacted = false\nrepeat_on_takeover = false\nanswer_acks = false"


class Broker:
    """A mosquitto on a machine, open to all of them."""

    def __init__(self, machine: Namespace, folder: Path) -> None:
        self.machine = machine
        self._config = folder / f"mosquitto-{machine.address}.conf"
        lines = (f"listener {PORT} 0.0.0.0", "allow_anonymous true", "user root", "max_queued_messages 100000")
        self._config.write_text("\n".join(lines) + "\n")
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"mqtt://{self.machine.address}:{PORT}"

    async def start(self) -> None:
        """Start it and wait until it listens."""
        with self._config.with_suffix(".log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.machine.argv(find_program("mosquitto") or "mosquitto", "-c", self._config), stdout=log, stderr=log
            )
        async with asyncio.timeout(PATIENCE_S):
            while f":{PORT} " not in await asyncio.to_thread(self.machine.run, "ss", "-Hltn"):
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """kill -9."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def up(self) -> None:
        """Start it if it does not run."""
        if self._process is None or self._process.returncode is not None:
            await self.start()


class Node(Daemon):
    """One of the two: what it sent is in ``log``, outside its data folder."""

    def __init__(
        self, folder: Path, name: str, machine: Namespace, config: str, directory: str, extra: Callable[[Path], str]
    ) -> None:
        folder.mkdir()
        self.name, self.machine = name, machine
        self.log, self.wall = folder / "sent.log", folder / "wall-clock"
        config += f'\n[plugin.log]\npath = "{self.log}"\n{extra(folder)}'
        super().__init__(folder, config, directory, machine=machine)
        self.config.write_text(self.config.read_text().replace("[node]\n", f'[node]\nname = "{name}"\n', 1))
        self.step_clock(0)
        self.program = [sys.executable, str(Path(__file__).with_name("wall_clock.py")), str(self.wall)]

    def step_clock(self, ahead_s: float) -> None:
        """Set the clock of its machine."""
        draft = self.wall.with_suffix(".new")
        draft.write_text(str(ahead_s))
        draft.replace(self.wall)

    def freeze(self) -> None:
        """SIGSTOP."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    async def restart(self) -> None:
        """Stop and start it in order, as an upgrade does."""
        await self.stop()
        await self.start()

    def destroy(self) -> None:
        """Its disk is gone, and a new one is there."""
        shutil.rmtree(self.data)

    def snapshot(self) -> Path:
        """A copy of its disk at one moment, as that of a virtual machine is."""
        copy = self.folder / "snapshot"
        shutil.rmtree(copy, ignore_errors=True)
        self.freeze()
        try:
            shutil.copytree(self.data, copy, ignore=shutil.ignore_patterns("ballast*", "*.sock"))
        finally:
            self.thaw()
        return copy

    def roll_back(self, copy: Path) -> None:
        """Put a copy of its disk back; it must not run."""
        shutil.rmtree(self.data)
        copy.rename(self.data)

    def sent(self) -> list[tuple[str, str]]:
        """The name of the alarm and the recipient of each message that left, in order."""
        if not self.log.exists():
            return []
        found = []
        for line in self.log.read_bytes().splitlines():
            doc = orjson.loads(line)
            tag = TAG.search(doc["text"])
            if tag is not None:
                found.append((tag[0], doc["recipient"]))
        return found


class Site:
    """The pair, the plant, and the cables between them. Node a is the first master."""

    def __init__(
        self, folder: Path, net: Net, mode: str, after_minutes: float, directory: str, extra: Callable[[Path], str]
    ) -> None:
        self.net, self.plant = net, net[2]
        self.brokers = (Broker(net[0], folder), Broker(net[1], folder))
        self.plant_broker = Broker(net[2], folder)
        self.keys = [generate("k1"), generate("k2")]
        directory = ops.directory(after_minutes, policy=UNTOLD) + directory
        urls = ", ".join(f'"{broker.url}"' for broker in self.brokers)
        config = (
            f'[cluster]\nrole = "{{role}}"\nmode = "{mode}"\nbrokers = [{urls}]\nkey = "{", ".join(self.keys)}"\n'
            f"[plugin.mqtt]\nurl = '{self.plant_broker.url}'\n"
            "[[plugin.mqtt.subscribe]]\ntopic = 'plant/+'\nto = ['Ops']\n"
        )
        self.a, self.b = (
            Node(folder / name, name, machine, config.format(role=role), text, extra)
            for name, machine, role, text in (("a", net[0], "master", directory), ("b", net[1], "slave", ""))
        )

    @property
    def nodes(self) -> tuple[Node, Node]:
        return self.a, self.b

    def other(self, node: Node) -> Node:
        return self.b if node is self.a else self.a

    def set_keys(self, *keys: str) -> None:
        """Write the keys into both files; they count from the next start."""
        for node in self.nodes:
            text = node.config.read_text()
            node.config.write_text(re.sub(r'(?m)^key = ".*"$', f'key = "{", ".join(keys)}"', text))
        self.keys = list(keys)

    def sent(self) -> Counter[tuple[str, str]]:
        """How often each message left, by either node."""
        return Counter([*self.a.sent(), *self.b.sent()])

    async def up(self) -> None:
        """Whatever happened before: cables healed, all processes running, both nodes together, nothing queued."""
        self.net.heal()
        await asyncio.gather(*(broker.up() for broker in (*self.brokers, self.plant_broker)))
        for node in self.nodes:
            node.step_clock(0)
            if node.runs:
                node.thaw()
        await asyncio.gather(*(node.start() for node in self.nodes if not node.runs))
        await self.together()
        await asyncio.gather(*(node.idle(timeout_s=PATIENCE_S) for node in self.nodes))

    async def together(self, *, timeout_s: float = PATIENCE_S) -> None:
        """Wait until both are settled and hear each other."""
        for node in self.nodes:
            await until(node, "/cluster", _is_together, timeout_s)

    async def equal(self, missing: Callable[[], object] = lambda: None, *, timeout_s: float = PATIENCE_S) -> None:
        """Wait until nothing is ``missing``, both hold the same of all cases (CLUSTER I3), and nothing is queued."""
        differing: Any = None
        try:
            async with asyncio.timeout(timeout_s):
                while differing := missing() or await self._difference():
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"they never became equal: {differing}\n{self.a.tail}\n{self.b.tail}") from None

    async def equal_open(self, *, timeout_s: float = PATIENCE_S) -> None:
        """Wait until each is sure that the other one has everything of its own."""
        for node in self.nodes:
            await until(node, "/cluster", lambda doc: doc["entries"]["unclean"] == 0, timeout_s)

    async def _difference(self) -> Any:
        documents = [await node.get("/cluster") for node in self.nodes]
        if not all(map(_is_together, documents)):
            return documents
        ones, others = [await cases(node) for node in self.nodes]
        differing = {ident: (ones.get(ident), others.get(ident)) for ident in {*ones, *others}}
        waiting = [
            case for case in ones.values() if {"queued", "sending", "in_doubt"} & {one[2] for one in case["sends"]}
        ]
        if waiting:
            return waiting[:5]
        # A new disk gets what is open and what it may lack; what was over on both before need not come back.
        return [pair for pair in differing.values() if pair[0] != pair[1] and not _is_old(pair)][:5]


def _is_together(doc: dict[str, Any]) -> bool:
    peer = doc["peer"]
    is_up = peer is not None and peer["standing"] == "up" and peer["settled"]
    return bool(is_up and doc["settled"] and doc["directory"]["same"])


def _is_old(pair: tuple[Any, Any]) -> bool:
    there = pair[0] or pair[1]
    return None in pair and there["state"] == "closed"


async def until(node: Node, path: str, holds: Callable[[Any], object], timeout_s: float = PATIENCE_S) -> Any:
    """Wait until a document of the API is so; while the node does not answer it is not."""
    found: Any = None
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if holds(found := await node.get(path)):
                        return found
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{path} of {node.name} never came so: {found}\n{node.tail}") from None


async def cases(node: Node) -> dict[str, dict[str, Any]]:
    """What counts of each case of a node: state, owner, acks, and what became of its messages."""
    found: dict[str, dict[str, Any]] = {}
    query: dict[str, Any] = {"limit": 500}
    while True:
        page = await node.get("/cases", **query)
        for case in page["cases"]:
            found[case["id"]] = {
                "text": case["text"],
                "state": case["state"],
                "reason": case["reason"],
                "owner": case["owner"] if case["state"] != "closed" else None,  # a node that was may have no name there
                "acks": sorted((ack["by"], ack["via"]) for ack in case["acknowledgements"]),
                "sends": sorted((one["recipient"], one["to"], one["state"]) for one in case["deliveries"]),
            }
        if page["next"] is None:
            return found
        query["cursor"] = page["next"]


def _nothing(_folder: Path) -> str:
    return ""


@contextlib.asynccontextmanager
async def site(
    folder: Path,
    *,
    mode: str = "active/active",
    after_minutes: float = 5,
    directory: str = "",
    extra: Callable[[Path], str] = _nothing,
) -> AsyncIterator[Site]:
    """The pair, together."""
    need_namespaces("mosquitto", "mosquitto_pub", "ss")
    with namespaces(3) as net:
        made = Site(folder, net, mode, after_minutes, directory, extra)
        try:
            await made.up()
            yield made
        finally:
            for node in made.nodes:
                if node.runs:
                    node.thaw()
                    await node.kill()
            for broker in (*made.brokers, made.plant_broker):
                await broker.kill()
