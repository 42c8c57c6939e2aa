"""The directory on both nodes: carries out what ``cluster.replica`` wants, one thing after the other.

Made by ``engine.cluster``. Everything that happens is put into one queue, so that what is written to the disk is
written before the next heartbeat speaks of it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import orjson

from addispatch.cluster import replica as rules
from addispatch.cluster.messages import Config
from addispatch.cluster.replica import Replica
from addispatch.domain.errors import AddispatchError, ClusterError, StoreError
from addispatch.domain.events import WARNING, Said
from addispatch.domain.replication import ClusterRole, Version
from addispatch.store.cluster_file import ClusterFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from addispatch.cluster.messages import Heartbeat
    from addispatch.domain.addressbook import Directory
    from addispatch.engine.cluster import Cluster
    from addispatch.engine.node import Node
    from addispatch.store.directory_pack import Packed

log = logging.getLogger(__name__)

#: How often the rules are asked what is due, in seconds.
TICK_S = 0.25
#: Two that cannot agree are told of as a system alert after so long, in seconds: a promotion may be on its way.
GRACE_S = 10.0
#: Most that waits to be looked at; beyond it heartbeats and pieces are dropped, for they come again.
MOST_WAITING = 200
#: Most lines of a difference that are told.
MOST_LINES = 20


class Replication:
    """``begin`` when the directory is loaded, ``run`` as long as the node does."""

    def __init__(self, node: Node, cluster: Cluster) -> None:
        self._node, self._cluster = node, cluster
        self.rules = Replica()
        self._file = ClusterFile(node.config.node.data_dir)
        self._queue: asyncio.Queue[Callable[[], list[rules.Action]] | None] = asyncio.Queue()
        self._directory_file: Path | None = None
        self._unlike: Path | None = None

    @property
    def role(self) -> str:
        """Master or slave, now."""
        return str(self.rules.role)

    @property
    def config(self) -> Config:
        """The version in force, for the heartbeat."""
        return Config(*self.rules.version)

    async def read_role(self) -> None:
        """Learn at the start which role this node has had."""
        saved = await asyncio.to_thread(self._file.read)
        if self._file.note:
            self._node.say(Said(self._file.note, WARNING, "ClusterFile"))
        self.rules.role = saved.role if saved is not None else ClusterRole(self._cluster.config.role)

    async def begin(self, directory_file: Path | None) -> bool:
        """Start from what is on the disk; returns whether ``directory.toml`` counts here."""
        directory = self._node.directory
        self._directory_file = directory_file
        saved = await asyncio.to_thread(self._file.read)
        directory.share()
        packed = await self._packed()
        has_file = directory_file is not None and await asyncio.to_thread(directory_file.exists)
        actions = self.rules.begin(
            saved,
            ClusterRole(self._cluster.config.role),
            packed.sha,
            packed.blob,
            has_directory=not packed.is_empty or has_file,
            is_mended=bool(directory.notes),
        )
        await self._carry_out(actions)
        directory.refuse = self.read_only
        directory.on_change(self._on_change)
        if self.rules.role is ClusterRole.MASTER:
            return True
        if directory_file is not None and has_file:
            self._unlike = directory_file
            if not self.rules.version.is_fresh:
                await self._tell_unlike()
        return False

    def _report(self) -> None:
        """What only an operator can decide is a system alert as long as it lasts."""
        trouble = self.rules.trouble
        if trouble:
            trouble += ": until then neither can be edited. To decide: addispatch cluster promote"
        self._node.conditions.report("roles of the pair", trouble, grace_s=GRACE_S)

    async def _packed(self) -> Packed:
        """The directory for the other node; if it is too large for that, people hear of it and nothing is copied."""
        packed = await self._node.directory.packed()
        problem = packed.problem and f"The directory is {packed.problem}: the other node keeps what it has"
        self._node.conditions.report("size of the directory", problem, grace_s=0)
        return packed

    async def _tell_unlike(self) -> None:
        """Tell once what is otherwise in ``directory.toml`` than in force: a new slave has nothing at first."""
        file, self._unlike = self._unlike, None
        if file is None:
            return
        try:
            lines = await self._node.directory.unlike(file)
        except AddispatchError as error:
            lines = [str(error)]
        if lines:
            more = f" and {len(lines) - 3} more" if lines[3:] else ""
            text = f"{file.name} does not count on the slave; it differs: {'; '.join(lines[:3])}{more}"
            self._node.say(Said(text, WARNING, "DirectoryDiffers"))

    def read_only(self) -> str:
        """Why nothing may be edited here; empty if it may."""
        peer = self._cluster.rules.peer
        return self.rules.read_only(peer.local.url if peer is not None else "")

    # -- what happens ------------------------------------------------------------------------------------------------

    def _on_change(self, _directory: Directory) -> None:
        self._queue.put_nowait(None)

    def heartbeat(self, heartbeat: Heartbeat) -> None:
        """The other node told of its version and role."""
        local, name, now_s = heartbeat.local, heartbeat.who.name, self._node.clock.monotonic_s()
        try:
            version, role = Version.parse(list(local.config)), ClusterRole(local.role)
        except (ClusterError, ValueError):
            return
        self._put(lambda: self.rules.heartbeat(version, role, name, now_s))

    def message(self, body: bytes) -> None:
        """A piece of a directory, or a request for one, came."""
        now_s = self._node.clock.monotonic_s()
        try:
            doc = orjson.loads(body)
        except ValueError:
            return
        if isinstance(doc, dict):
            self._put(lambda: self.rules.message(doc, now_s))

    def _put(self, work: Callable[[], list[rules.Action]]) -> None:
        if self._queue.qsize() < MOST_WAITING:
            self._queue.put_nowait(work)

    async def promote(self) -> None:
        """Make this node the master."""
        await self._ask(self.rules.promote)

    async def start_empty(self) -> None:
        """Let an empty directory count."""
        await self._ask(self.rules.start_empty)

    async def _ask(self, work: Callable[[], list[rules.Action]]) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def asked() -> list[rules.Action]:
            try:
                actions = work()
            except AddispatchError as error:
                done.set_exception(error)
                return []
            done.set_result(None)
            return actions

        self._queue.put_nowait(asked)
        await done

    async def run(self) -> None:
        """Look at what happened, one thing after the other, for ever."""
        due_s = self._node.clock.monotonic_s()
        while True:
            now_s = self._node.clock.monotonic_s()
            if now_s >= due_s:  # however much there is to look at
                due_s = now_s + TICK_S
                self._report()
                await self._carry_out(self.rules.tick(now_s))
                if self.rules.is_synced and not self.rules.version.is_fresh:
                    await self._tell_unlike()
            try:
                async with asyncio.timeout(TICK_S):
                    work = await self._queue.get()
            except TimeoutError:
                continue
            await self._look_at(work)

    async def _look_at(self, work: Callable[[], list[rules.Action]] | None) -> None:
        if work is None:
            packed = await self._packed()
            await self._carry_out(self.rules.edited(packed.sha, packed.blob))
            return
        try:
            await self._carry_out(work())
        except ClusterError as error:
            log.warning("a message about the directory was not taken: %s", error)

    # -- what is to be done ------------------------------------------------------------------------------------------

    async def _carry_out(self, actions: list[rules.Action]) -> None:
        for action in actions:
            match action:
                case rules.Send(body):
                    self._cluster.send_config(orjson.dumps(body))
                case rules.Store(saved):
                    await asyncio.to_thread(self._file.write, saved)
                case rules.Tell(severity, text):
                    self._node.say(Said(text, severity, "Directory"))
                case rules.Become(role):
                    await self._become(role)
                case rules.Install():
                    await self._install(action)

    async def _become(self, role: ClusterRole) -> None:
        self._node.say(Said(f"Server Replication Role: [{role.value.capitalize()}]", WARNING, "Role"))
        file = self._directory_file
        if role is ClusterRole.MASTER and file is not None and await asyncio.to_thread(file.exists):
            await self._node.provision(file)

    async def _install(self, action: rules.Install) -> None:
        version, now_s = action.version, self._node.clock.monotonic_s()
        try:
            installed = await self._node.directory.install(action.blob, version.sha, keep=action.keep)
        except StoreError as error:
            await self._carry_out(self.rules.not_installed(version, str(error), now_s))
            return
        text = f"The directory of the other node is in force: version {version.term}.{version.gen}"
        if installed.kept:
            lines = "; ".join(installed.differences[:MOST_LINES])
            text += f". What was here is kept as {installed.kept}; "
            text += f'the other node\'s ("there") differs: {lines or "in nothing"}'
        self._node.say(Said(text, WARNING if installed.kept else 0, "DirectoryInstalled"))
        await self._carry_out(self.rules.installed(version, installed.packed.sha, installed.packed.blob))

    def document(self) -> dict[str, Any]:
        """The directory's part of the cluster's document."""
        version, progress, peer = self.rules.version, self.rules.progress, self.rules.peer
        return {
            "version": [version.term, version.gen],
            "sha": version.sha,
            # Nobody knows what a node has that is away: then what it had when it was heard last, and how long ago.
            "same": self.rules.is_synced if self._cluster.rules.has_peer else None,
            "last_same": self.rules.is_synced,
            "last_heard_s": None if peer is None else round(self._node.clock.monotonic_s() - peer.heard_s, 1),
            "read_only": self.read_only(),
            "trouble": self.rules.trouble,
            "fetching": list(progress) if progress else None,
        }
