"""Nodes of a pair as far as the directory goes: a replica, a directory on disk or in memory, and a wire between two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from addispatch.cluster.replica import Action, Become, Install, Replica, Send, Store, Tell
from addispatch.domain.errors import Refused, StoreError
from addispatch.domain.replication import ClusterRole
from addispatch.store.cluster_file import ClusterFile
from addispatch.store.directory import DirectoryStore
from addispatch.store.directory_kept import Installed


class DiskNode:
    """One node on its disk. The wire is ``outbox``: bodies as JSON, as they would cross the broker."""

    def __init__(self, name: str, folder: Path, role: ClusterRole) -> None:
        self.name, self.folder, self.configured = name, folder, role
        self.directory_file = folder / "directory.toml"
        self.told: list[Tell] = []
        self.became: list[ClusterRole] = []
        self.installs: list[Installed] = []
        self.outbox: list[str] = []
        self.dies_at: type[Any] | None = None
        """The kind of action after which the node is dead: what follows it is not done."""
        self.is_alive = False

    async def start(self) -> None:
        """As after a power cut: only the files are there."""
        self.replica, self.file, self.now_s = Replica(), ClusterFile(self.folder), 0.0
        self.folder.mkdir(parents=True, exist_ok=True)
        self.directory = DirectoryStore(self.folder / "directory", "SG")
        await self.directory.load()
        saved = self.file.read()
        role = saved.role if saved else self.configured
        if role is ClusterRole.MASTER and self.directory_file.exists():
            await self.directory.provision(self.directory_file)
        packed = await self.directory.packed()
        self.is_alive, self.outbox, self.told, self.became, self.installs = True, [], [], [], []
        await self.act(
            self.replica.begin(
                saved, self.configured, packed.sha, packed.blob,
                has_directory=not packed.is_empty or (role is ClusterRole.MASTER and self.directory_file.exists()),
                is_mended=bool(self.directory.notes),
            )
        )  # fmt: skip
        self.directory.refuse = lambda: self.replica.read_only("http://the-other:5556")

    async def stop(self) -> None:
        self.is_alive = False
        await self.directory.close()

    async def edit(self, **tables: Any) -> None:
        await self.directory.apply(tables)
        await self.edited()

    async def promote(self) -> None:
        """As the operator does it: from now on this node's own directory.toml counts."""
        await self.act(self.replica.promote())
        await self.directory.provision(self.directory_file)
        await self.edited()

    async def edited(self) -> None:
        packed = await self.directory.packed()
        await self.act(self.replica.edited(packed.sha, packed.blob))

    async def act(self, actions: list[Action]) -> None:
        for action in actions:
            if not self.is_alive:
                return
            match action:
                case Store(saved):
                    self.file.write(saved)
                case Send(body):
                    text = json.dumps(body)
                    assert len(text) <= 16 * 1024
                    self.outbox.append(text)
                case Tell():
                    self.told.append(action)
                case Become(role):
                    self.became.append(role)
                case Install():
                    await self._install(action)
            if self.dies_at and isinstance(action, self.dies_at):
                self.is_alive = False

    async def _install(self, action: Install) -> None:
        try:
            done = await self.directory.install(action.blob, action.version.sha, keep=action.keep)
        except StoreError as error:
            await self.act(self.replica.not_installed(action.version, str(error), self.now_s))
            return
        self.installs.append(done)
        if self.dies_at is Install:
            self.is_alive = False
            return
        await self.act(self.replica.installed(action.version, done.packed.sha, done.packed.blob))

    async def hear(self, peer: DiskNode) -> None:
        await self.act(self.replica.heartbeat(peer.replica.version, peer.replica.role, peer.name, self.now_s))

    async def take(self, text: str) -> None:
        await self.act(self.replica.message(json.loads(text), self.now_s))


async def meet(one: DiskNode, other: DiskNode, rounds: int = 20) -> None:
    """Let heartbeats and messages flow for a while: 0.25 s a round."""
    for _ in range(rounds):
        for me, peer in ((one, other), (other, one)):
            if not (me.is_alive and peer.is_alive):
                continue
            me.now_s += 0.25
            await me.hear(peer)
            await me.act(me.replica.tick(me.now_s))
            for text in [me.outbox.pop(0) for _ in range(len(me.outbox))]:
                if peer.is_alive:
                    await peer.take(text)


async def refused(node: DiskNode) -> str:
    """Try to edit; return the reason why not, or nothing."""
    try:
        await node.edit(recipient=[{"name": "Nobody"}])
    except Refused as error:
        return str(error)
    return ""
