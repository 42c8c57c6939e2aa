"""Nodes of a pair as far as the directory goes: a replica, a directory on disk or in memory, and a wire between two."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from addispatch.cluster.replica import Action, Become, Install, Replica, Send, Store, Tell
from addispatch.cluster.transfer import CHUNK_BYTES
from addispatch.domain.errors import Refused, StoreError
from addispatch.domain.replication import ClusterRole, Saved
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
                is_mended=self.directory.is_mended,
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


async def meet(one: DiskNode, other: DiskNode, rounds: int = 20, lost: Callable[[], bool] = bool) -> None:
    """Let heartbeats and messages flow for a while: 0.25 s a round. ``lost`` decides about each message."""
    for _ in range(rounds):
        for me, peer in ((one, other), (other, one)):
            if not (me.is_alive and peer.is_alive):
                continue
            me.now_s += 0.25
            await me.hear(peer)
            await me.act(me.replica.tick(me.now_s))
            for text in [me.outbox.pop(0) for _ in range(len(me.outbox))]:
                if peer.is_alive and not lost():
                    await peer.take(text)


async def refused(node: DiskNode) -> str:
    """Try to edit; return the reason why not, or nothing."""
    try:
        await node.edit(recipient=[{"name": "Nobody"}])
    except Refused as error:
        return str(error)
    return ""


class ModelNode:
    """One node without a disk: its directory is the edits made to it, of which each builds on those before.

    ``kept`` has the directories kept as files, ``had`` all this node has ever had.
    """

    def __init__(self, name: str, role: ClusterRole, edits: tuple[int, ...] = ()) -> None:
        self.name, self.configured, self.edits = name, role, edits
        self.saved: Saved | None = None
        self.had, self.kept = {edits}, set[tuple[int, ...]]()
        self.out: list[tuple[Any, ...]] = []
        self.now_s = 0.0
        self.told: list[str] = []
        self.start()
        self.back_up()

    def start(self, *, is_mended: bool = False) -> None:
        """With what is on the disk."""
        self.replica = Replica()
        self.installing: Install | None = None
        self.act(
            self.replica.begin(
                self.saved, self.configured, *packed(self.edits), has_directory=bool(self.edits), is_mended=is_mended
            )
        )

    def lose_disk(self) -> None:
        self.saved, self.edits = None, ()
        self.start()

    def back_up(self) -> None:
        self.backup = self.saved, self.edits

    def roll_back(self) -> None:
        """As a virtual machine set back to an earlier state."""
        self.saved, self.edits = self.backup
        self.start()

    def edit(self, number: int) -> bool:
        if self.replica.read_only():
            return False
        self.change((*self.edits, number))
        self.act(self.replica.edited(*packed(self.edits)))
        return True

    def change(self, edits: tuple[int, ...]) -> None:
        self.edits = edits
        self.had.add(edits)

    def act(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Store(saved):
                    self.saved = saved
                case Send(body):
                    self.out.append(("cf", body))
                case Install():
                    assert self.installing is None
                    assert action.version.key >= self.replica.version.key, "an older one replaces a newer"
                    self.installing = action
                case Tell(_, text):
                    self.told.append(text)

    def finish_install(self, peer: ModelNode, *, dies: bool = False) -> None:
        """Do what ``Install`` said; ``dies``: and be killed before it is noted."""
        action, self.installing = self.installing, None
        if action is None:
            return
        edits = unpacked(action.blob)
        assert packed(edits)[0] == action.version.sha, "mixed chunks"
        if self.edits and edits[: len(self.edits)] != self.edits:
            assert action.keep or self.edits in peer.had, "an edit is lost for good"
        if action.keep:
            self.kept.add(self.edits)
        self.change(edits)
        if dies:
            self.start()
        else:
            self.act(self.replica.installed(action.version, *packed(edits)))

    def beat(self) -> None:
        self.out.append(("hb", self.replica.version, self.replica.role))

    def take(self, message: tuple[Any, ...], peer: ModelNode) -> None:
        match message:
            case "hb", version, role:
                self.act(self.replica.heartbeat(version, role, peer.name, self.now_s))
            case "cf", body:
                self.act(self.replica.message(body, self.now_s))

    def pass_time(self, by_s: float) -> None:
        self.now_s += by_s
        self.act(self.replica.tick(self.now_s))


def packed(edits: tuple[int, ...]) -> tuple[str, bytes]:
    """A directory of several chunks."""
    plain = json.dumps(edits).encode()
    return hashlib.sha256(plain).hexdigest(), plain + b" " * (2 * CHUNK_BYTES + len(plain))


def unpacked(blob: bytes) -> tuple[int, ...]:
    return tuple(json.loads(blob))


def heal(one: ModelNode, other: ModelNode, rounds: int = 12) -> None:
    """Let everything through for a while."""
    for _ in range(rounds):
        for me, peer in ((one, other), (other, one)):
            me.beat()
            me.pass_time(0.5)
            me.finish_install(peer)
            while me.out:
                peer.take(me.out.pop(0), me)
