"""Decides which node is the master and which directory is in force on both. Pure: no I/O, no clock.

Called by ``engine.cluster``, which carries out the actions returned, in their order and each before the next heartbeat.
The rule: the greater (term, gen) wins, and the node that has less asks for it, whatever its role. A slave never makes
a version, only hands on what it has; so a master that lost its disk gets its directory back from the slave.

``now_s`` is any clock that does not jump (``time.monotonic``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from addispatch.cluster.transfer import RESEND_S, Fetch, answer
from addispatch.domain.errors import ClusterError, Refused
from addispatch.domain.events import SEVERE, WARNING
from addispatch.domain.replication import ClusterRole, Saved, Version

#: Kind of the messages, as the link names it.
KIND = "cf"
#: A peer not heard for this long is not asked.
PEER_SILENT_S = 3.0
#: Pause after a directory could not be installed.
RETRY_S = 30.0
#: A pair that cannot agree is told about after this: a heartbeat of before a promotion may come late.
CALM_S = 1.0

MASTER, SLAVE = ClusterRole.MASTER, ClusterRole.SLAVE


@dataclass(frozen=True, slots=True)
class Send:
    """Send ``body`` (JSON, less than 16 KiB) to the peer."""

    body: dict[str, Any]
    kind: str = KIND


@dataclass(frozen=True, slots=True)
class Install:
    """Put a directory in force, then call ``installed`` or ``not_installed``.

    ``keep``: what it replaces has something that the peer perhaps never had, so it is to be kept as a file.
    """

    version: Version
    blob: bytes
    keep: bool


@dataclass(frozen=True, slots=True)
class Become:
    """The role has changed.

    A new master applies its own directory.toml then, as an edit; without one, what came from the other's is editable.
    """

    role: ClusterRole


@dataclass(frozen=True, slots=True)
class Tell:
    """Write an event. ``severity`` as in ``domain.events``."""

    severity: int
    text: str


@dataclass(frozen=True, slots=True)
class Store:
    """Keep this durably (``store.cluster_file``)."""

    saved: Saved


Action = Send | Install | Become | Tell | Store


@dataclass(frozen=True, slots=True)
class Peer:
    """What the last heartbeat said."""

    name: str
    version: Version
    role: ClusterRole
    heard_s: float


class Replica:
    """The state of one node. ``begin`` first; inputs return the actions to carry out."""

    def __init__(self) -> None:
        self.version, self.role = Version(0, 0, ""), SLAVE
        self.peer: Peer | None = None
        self._is_started = False
        self._sha, self._blob = "", b""
        #: Whether there is something in the directory that the peer has never had.
        self._is_own = True
        self._fetch: Fetch | None = None
        self._installing: Version | None = None
        #: The peer's version that was installed here: the same content, even if this program packs it differently.
        self._twin: Version | None = None
        self._failed: Version | None = None
        self._retry_s = 0.0
        self._trouble = ""
        self._tell_s: float | None = None

    # -- inputs ----------------------------------------------------------------------------------------------------

    def begin(
        self,
        saved: Saved | None,
        configured: ClusterRole,
        sha: str,
        blob: bytes,
        *,
        has_directory: bool,
        is_mended: bool = False,
    ) -> list[Action]:
        """Start from what is on the disk: the file of ``Store`` (None: the first start) and the packed directory.

        ``has_directory``: there are entries, or a directory.toml. ``is_mended``: an older generation of a file had to
        be used, so that a copy of the peer is better than ours.
        """
        self._sha, self._blob = sha, blob
        old = saved or Saved(Version(0, 0, ""), configured)
        self.role, self._is_started = old.role, old.is_started
        term, gen, known = old.version
        if gen and known != sha and self.role is MASTER:
            # Edited, and ended before that was noted; or damaged.
            gen += -1 if is_mended else 1
        self._is_own = not gen or known != sha or old.is_own
        has_some = gen or has_directory or self._is_started
        self.version = Version(term, gen, sha if has_some else "")
        actions: list[Action] = []
        if saved and saved.role is not configured:
            text = f"the configuration says {configured}, but since then this node has become the {saved.role}"
            actions.append(Tell(WARNING, text))
        return [*self._stored(saved), *actions]

    def heartbeat(self, version: Version, role: ClusterRole, name: str, now_s: float) -> list[Action]:
        """Take what the peer says of itself."""
        self.peer = peer = Peer(name, version, role, now_s)
        before = self._saved()
        actions = self._yielded(peer)
        self._published(peer)
        actions += self._told(now_s)
        if version == self.version:
            self._is_own = False
        if self._is_ahead(version) and self._installing is None:
            if version.sha == self._sha:
                self._take_over(version)
            elif self._is_newer_fetch(version):
                actions += self._start_fetch(version, now_s)
        return [*self._stored(before), *actions]

    def edited(self, sha: str, blob: bytes) -> list[Action]:
        """Note that the directory here has changed; nothing happens if it has not."""
        if sha == self._sha:
            self._blob = blob
            return []
        before = self._saved()
        self._sha, self._blob, self._is_own, self._twin = sha, blob, True, None
        term, gen, _ = self.version
        if self.version.is_fresh or self.role is SLAVE:
            # A slave's change is a mend or one that was under way: the master's copy will replace it.
            self.version = Version(term, gen, sha)
        else:
            self.version = Version(term, gen + 1, sha)
        if self._fetch and not self._is_ahead(self._fetch.version):
            self._fetch = None
        return self._stored(before)

    def message(self, body: Mapping[str, Any], now_s: float) -> list[Action]:
        """Take a message of the kind ``cf``. Raises ``ClusterError`` if it is none."""
        match body.get("t"):
            case "ask":
                return [Send(each) for each in answer(body, self.version, self._blob)]
            case "gone":
                if self._fetch and Version.parse(body.get("version")) == self._fetch.version:
                    version, self._fetch = self._fetch.version, None
                    if why := body.get("why"):
                        return self.not_installed(version, str(why)[:100], now_s)
                return []
            case "chunk":
                return self._chunk(body, now_s)
            case other:
                raise ClusterError(f"t: {str(other)[:40]!r} is no message about the directory")

    def tick(self, now_s: float) -> list[Action]:
        """Ask again for what did not come; call it every 0.1 to 0.5 s."""
        if self._fetch is None or now_s - self._fetch.asked_s < RESEND_S:
            return []
        if self.peer is None or now_s - self.peer.heard_s > PEER_SILENT_S:
            return []
        return [Send(self._fetch.ask(now_s))]

    def installed(self, version: Version, sha: str, blob: bytes) -> list[Action]:
        """Note that an ``Install`` is done; ``sha`` and ``blob`` are the directory as this node packs it."""
        before = self._saved()
        self._installing = None
        if version.key < self.version.key:
            # Promoted meanwhile: what is in force now is this node's own new version.
            return self.edited(sha, blob)
        self._sha, self._blob = sha, blob
        self._take_over(version)
        return self._stored(before)

    def not_installed(self, version: Version, reason: str, now_s: float) -> list[Action]:
        """Note that an ``Install`` failed; it is tried again after a while, and told once."""
        self._installing = None
        is_new, self._failed, self._retry_s = self._failed != version, version, now_s + RETRY_S
        if not is_new:
            return []
        name = self.peer.name if self.peer else "the peer"
        return [Tell(SEVERE, f"the directory of {name} cannot be used, what is here stays in force: {reason}")]

    def promote(self) -> list[Action]:
        """Make this node the master with what it has, by the operator's wish; the other one becomes the slave.

        A node that is new to the pair wins over no node that is not.
        """
        before, behind, peer = self._saved(), self._fetch, self.peer
        term, gen, _ = self.version
        if not self.version.is_fresh or (peer and peer.version.is_fresh):
            self.version = Version(max(term, peer.version.term if peer else 0) + 1, max(gen, 1), self._sha)
        else:
            # A node that has never had the directory must not replace that of one that has: it starts empty.
            self._is_started, self.version = True, Version(term, gen, self._sha)
        self._fetch, self.role = None, MASTER
        text = f"promoted: this node is the master now (term {self.version.term})"
        if behind and peer:
            text += f"; edits of {peer.name} that had not come yet are not in it"
        self._trouble = ""
        became: list[Action] = [] if before.role is MASTER else [Become(MASTER)]
        return [*self._stored(before), *became, Tell(WARNING, text)]

    def start_empty(self) -> list[Action]:
        """Let an empty directory count, by the operator's wish; the peer's wins all the same if it has one.

        Raises ``Refused``.
        """
        if not self.version.is_fresh or self.version.sha:
            raise Refused("directory", "this node has one already")
        if self.role is SLAVE:
            raise Refused("directory", "this node is the slave, which gets its directory from the master")
        before = self._saved()
        self._is_started, self.version = True, self.version._replace(sha=self._sha)
        return [*self._stored(before), Tell(WARNING, "this node starts with an empty directory, as the operator said")]

    # -- questions -------------------------------------------------------------------------------------------------

    def read_only(self, peer_url: str = "") -> str:
        """Return why nothing may be edited here, as a sentence for people; empty if it may. Safe in any thread.

        ``peer_url``: where the console or API of the peer is, if known.
        """
        peer = self.peer
        if self.role is SLAVE:
            if self._trouble:
                return self._trouble
            where = " ".join(filter(None, [peer.name if peer else "", f"at {peer_url}" if peer_url else ""]))
            return f"this node is the slave; edit on the master{f' {where}' if where else ''}"
        if self._trouble:
            return self._trouble
        if peer and (self._installing or self._is_ahead(peer.version)):
            return f"{peer.name} has a newer directory, which is being fetched; try again in a moment"
        if self.version.is_fresh and not self.version.sha:
            return "this node has no directory yet: it waits for that of its peer, or for being told to start empty"
        return ""

    @property
    def trouble(self) -> str:
        """Why the two cannot agree by themselves, as a sentence for people; empty if they can."""
        return self._trouble

    @property
    def progress(self) -> tuple[int, int] | None:
        """Bytes fetched and bytes in all (0: not known yet); None if nothing is being fetched."""
        return self._fetch.progress if self._fetch else None

    @property
    def is_synced(self) -> bool:
        """Whether both nodes have the same directory, by what was heard last."""
        return self.peer is not None and self.peer.version in (self.version, self._twin)

    # -- rules -----------------------------------------------------------------------------------------------------

    def _is_ahead(self, theirs: Version) -> bool:
        """Whether the peer's directory is to replace ours."""
        if theirs.is_fresh or theirs in (self.version, self._twin) or self._is_contested():
            return False
        if theirs.key == self.version.key:
            return self.role is SLAVE and self.peer is not None and self.peer.role is MASTER
        return theirs.key > self.version.key

    def _is_contested(self) -> bool:
        """Whether both are master by the same right, so that only the operator can choose."""
        peer = self.peer
        if peer is None or self.role is SLAVE or peer.role is SLAVE:
            return False
        mine, theirs = self.version, peer.version
        if mine.is_fresh and theirs.is_fresh:
            return bool(mine.sha and theirs.sha)
        return not mine.is_fresh and not theirs.is_fresh and mine.term == theirs.term

    def _yielded(self, peer: Peer) -> list[Action]:
        """Become the slave of a master with more right.

        A slave with a higher term is no reason: its term came from this node, which has lost it with its disk.
        """
        if self.role is SLAVE or peer.role is SLAVE or peer.version.is_fresh:
            return []
        if self.version.is_fresh:
            text = f"{peer.name} is the master already: this node is its slave"
        elif peer.version.term > self.version.term:
            text = f"{peer.name} has been promoted (term {peer.version.term}): this node is the slave now"
        else:
            return []
        self.role = SLAVE
        return [Become(SLAVE), Tell(WARNING, text)]

    def _published(self, peer: Peer) -> None:
        """Make the first version, when neither node has had one."""
        mine, theirs = self.version, peer.version
        if self.role is MASTER and mine.is_fresh and mine.sha and theirs.is_fresh and not self._is_contested():
            self.version = Version(max(1, mine.term), 1, self._sha)

    def _told(self, now_s: float) -> list[Action]:
        """Tell about a pair that cannot agree by itself, once each time it begins."""
        peer, trouble = self.peer, ""
        if peer and self._is_contested():
            trouble = f"this node and {peer.name} are both master (term {self.version.term}): promote the right one"
        elif peer and self.role is peer.role is SLAVE:
            trouble = f"this node and {peer.name} are both slave: promote one of them"
        if trouble != self._trouble:
            self._trouble, self._tell_s = trouble, now_s + CALM_S if trouble else None
        if self._tell_s is None or now_s < self._tell_s:
            return []
        self._tell_s = None
        return [Tell(SEVERE, f"{trouble}; the directory cannot be edited until then")]

    def _is_newer_fetch(self, version: Version) -> bool:
        """Whether to fetch this instead of what is being fetched; an older heartbeat may come late."""
        fetched = self._fetch.version if self._fetch else None
        return fetched is None or (version != fetched and version.key >= fetched.key)

    def _start_fetch(self, version: Version, now_s: float) -> list[Action]:
        if version == self._failed and now_s < self._retry_s:
            return []
        self._fetch = Fetch(version)
        return [Send(self._fetch.ask(now_s))]

    def _chunk(self, body: Mapping[str, Any], now_s: float) -> list[Action]:
        fetch = self._fetch
        if fetch is None:
            return []
        wants_more, blob = fetch.take(body), fetch.blob
        if blob is None:
            return [Send(fetch.ask(now_s))] if wants_more else []
        self._fetch = None
        if not self._is_ahead(fetch.version):
            return []
        self._installing = fetch.version
        # The same number with another content should not be; so nobody knows whose is the better one.
        return [Install(fetch.version, blob, keep=self._is_own or fetch.version.key == self.version.key)]

    def _take_over(self, version: Version) -> None:
        """Have the peer's version from now on."""
        self.version, self._twin = version._replace(sha=self._sha), version
        self._fetch = self._failed = None
        self._is_own = False

    def _saved(self) -> Saved:
        return Saved(self.version, self.role, self._is_started, self._is_own)

    def _stored(self, before: Saved | None) -> list[Action]:
        now = self._saved()
        return [] if now == before else [Store(now)]
