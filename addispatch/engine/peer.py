"""What is known of the other node, for people: status, events in the seed's words, conditions. Made by ``cluster``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from addispatch.cluster.liveness import Standing
from addispatch.cluster.path import OWN_NAME
from addispatch.domain.events import INFO, SEVERE, WARNING, Said
from addispatch.engine import alike

if TYPE_CHECKING:
    from addispatch.cluster.messages import Heartbeat
    from addispatch.engine.cluster import Cluster
    from addispatch.engine.node import Node

#: Apart for so long, it is told (SPEC 7), in seconds.
APART_S = 300.0
#: Heard within so long, though not often enough yet to count as there, it is coming, in seconds.
BACK_S = 0.5
#: Alarms refused for so long are told of, in seconds: a restart of the other node takes less.
REFUSES_S = 10.0
#: A node that may not be one of the pair is there until it was silent for so long, in seconds.
RIVAL_S = 10.0
#: What must be alike and differs for so long is an alert, in seconds: to change both one by one takes less.
DIFFERS_S = 60.0
#: What was dropped is told once a minute; it is a reason for silence for a little longer, in seconds.
STRANGE_S = 75.0
#: A copy that stayed alone is told of as an event once in so long, in seconds.
SINGLE_S = 60.0
#: The first ones are told together, after so long, in seconds.
FIRST_SINGLE_S = 2.0


class Peer:
    """The other node as this one sees it."""

    def __init__(self, node: Node, cluster: Cluster) -> None:
        self._node, self._cluster = node, cluster
        self.paths: dict[str, str] = {}
        self._beats: dict[str, float] = {}
        self._single_count = 0
        self._single_s = float("-inf")
        self._standing = Standing.UNKNOWN
        self._down_s = self._rival_s = float("-inf")
        self._strange_s = float("-inf")
        self._rival = self._differs = self._strange = ""

    # -- what comes --------------------------------------------------------------------------------------------------

    def path(self, path: str, problem: str) -> None:
        """A broker is connected (no problem) or not."""
        before = self.paths.get(path)
        self.paths[path] = problem
        if bool(before) == bool(problem) and before is not None:
            return
        is_master = self._cluster.role == "master"
        client, other = ("Failover", "Slave") if is_master else ("Replication", "Master")
        if problem:
            text = (
                f"{client} Client Disconnected from {other}: {path}"
                if before == ""
                else f"{client} Error: {path}: {problem}"
            )
            self._node.say(Said(text, WARNING, "ClusterPath"))
        else:
            self._node.say(Said(f"{client} Client Connected to {other}: {path}", INFO, "ClusterPath"))

    def heard_by(self, path: str, sender: str) -> None:
        """A heartbeat came by a path."""
        peer = self._cluster.rules.peer
        if peer is not None and sender == peer.who.name:
            self._beats[path] = self._node.clock.monotonic_s()

    def rival(self, heartbeat: Heartbeat) -> None:
        """A node with this one's role in the file was heard: the rules do not listen to it."""
        role, url = heartbeat.local.role, heartbeat.local.url
        where = f" at {url}" if url else ""
        self._rival = (
            f"{heartbeat.who.name}{where} began with the same role as this node (it is the {role} now), or was "
            "restored from its backup, and neither listens to the other: stop one of them, give it the other role and "
            "an empty data folder"
        )
        self._rival_s = self._node.clock.monotonic_s()

    def strange(self, reason: str) -> None:
        """Something on the link was dropped: it may be the other node, with another key or under this node's name."""
        self._strange, self._strange_s = reason, self._node.clock.monotonic_s()

    def changed(self, standing: Standing, heartbeat: Heartbeat | None) -> bool:
        """It came, went, or tells something else of itself; True if it has come."""
        before, self._standing = self._standing, standing
        if heartbeat is not None:
            self._cluster.learn(heartbeat.who)
        if standing is Standing.DOWN:
            self._down_s = self._node.clock.monotonic_s()
        if standing is before or heartbeat is None:
            return False
        name = heartbeat.who.name
        if standing is Standing.UP and before is not Standing.SUSPECT:
            self._node.say(Said(f"Node {name} is connected", INFO, "PeerUp"))
            return True
        if standing is Standing.DOWN:
            self._node.say(Said(f"Node {name} is not there: this node sends for both", SEVERE, "PeerDown"))
        return False

    def single_copy(self) -> None:
        """An alarm was confirmed though only this node holds it."""
        if not self._single_count:
            self._single_s = max(self._single_s, self._node.clock.monotonic_s() + FIRST_SINGLE_S)
        self._single_count += 1

    def tell_single(self, *, is_last: bool = False) -> None:
        """Tell how many such there were: soon, then once in a while, and before the end."""
        now_s = self._node.clock.monotonic_s()
        if self._single_count and (is_last or now_s >= self._single_s):
            text = f"Confirmed {self._single_count} alarm(s) that this node alone holds: {self.problem or 'no answer'}"
            self._node.say(Said(text, WARNING, "SingleCopy"))
            self._single_count, self._single_s = 0, now_s + SINGLE_S

    # -- what is told ------------------------------------------------------------------------------------------------

    @property
    def other(self) -> str:
        """What the other one is called in the seed's sentences."""
        return "Slave" if self._cluster.role == "master" else "Master"

    @property
    def name(self) -> str:
        """What the other node is called, for people."""
        peer = self._cluster.rules.peer
        return peer.who.name if peer is not None else "the other node"

    def number(self) -> str:
        """The number the other node's texts come from, as it says."""
        peer = self._cluster.rules.peer
        return peer.local.number if peer is not None else ""

    @property
    def has_sms(self) -> bool:
        """Whether the other node can send texts, as far as it said."""
        peer = self._cluster.rules.peer
        return peer is not None and dict(peer.local.channels).get("sms", False)

    @property
    def problem(self) -> str:
        """Why the other node is not there; empty if it is."""
        if self._standing in (Standing.UP, Standing.SUSPECT):
            return ""
        broken = [f"{path}: {problem}" for path, problem in self.paths.items() if problem]
        if self.paths and len(broken) == len(self.paths):
            return f"no broker can be reached ({'; '.join(broken)})"
        if rival := self._rival_now():
            return rival
        peer, now_s = self._cluster.rules.peer, self._node.clock.monotonic_s()
        return self._silence(peer, now_s) + self._dropped(now_s)

    def _silence(self, peer: Heartbeat | None, now_s: float) -> str:
        if peer is None:
            return "nothing heard of it yet"
        heard_s = max(self._beats.values(), default=self._down_s)
        if heard_s > self._down_s and now_s - heard_s < BACK_S:
            return f"{peer.who.name} is heard, but not for long enough yet"
        # It may be short: a broker says at once that the connection of a node has ended.
        silence_s = self._cluster.rules.live.silence_s(now_s)
        return f"{peer.who.name} has been silent for {silence_s:.{0 if silence_s >= 1 else 1}f} s"

    def _dropped(self, now_s: float) -> str:
        """What may be the reason: the link dropped something lately."""
        if now_s - self._strange_s >= STRANGE_S:
            return ""
        is_named_alike = self._strange == OWN_NAME
        why = f"another node has the name {self._node.name}, too" if is_named_alike else self._strange
        return f"; what came by the brokers was dropped: {why}"

    def _rival_now(self) -> str:
        return self._rival if self._node.clock.monotonic_s() - self._rival_s < RIVAL_S else ""

    def difference(self) -> str:
        """What must be alike on both nodes and is not, as long as the other one is there."""
        rules = self._cluster.rules
        peer = rules.peer if rules.has_peer else None
        return alike.difference(rules.local, peer.local, peer.who.name) if peer is not None else ""

    def _look_at_difference(self) -> None:
        before, self._differs = self._differs, self.difference()
        if self._differs and self._differs != before:
            self._node.say(Said(f"Cluster: {self._differs}", WARNING, "ClusterDiffers"))
        self._node.conditions.report("settings of the pair", self._differs, grace_s=DIFFERS_S)

    def look(self) -> None:
        """Report how it, and the brokers, stand: a tick."""
        self._look_at_difference()
        self.tell_single()
        broken = [f"{path}: {trouble}" for path, trouble in sorted(self.paths.items()) if trouble]
        text = f"Brokers between the nodes are out of reach, please check them: {'; '.join(broken)}"
        self._node.conditions.report("brokers of the pair", text if broken else "", grace_s=APART_S)
        self._node.conditions.report("role of this node", self._rival_now(), grace_s=RIVAL_S)
        refuses = self._cluster.refusal()
        self._node.conditions.report("alarms", f"No alarm is taken: {refuses}" if refuses else "", grace_s=REFUSES_S)
        problem = self.problem
        text = f"Replication {self.other} not available. Please check the other node and the brokers: {problem}"
        self._node.conditions.report("peer", text if problem else "", grace_s=APART_S)

    def why_claim(self) -> str:
        """Why cases are taken over."""
        peer = self._cluster.rules.peer
        if self._cluster.rules.has_peer:  # then it is their store that is gone
            return "their node has come back without them"
        return f"{peer.who.name} is not there" if peer is not None else "their node is not there"

    def why_give(self) -> str:
        """Why cases are handed over."""
        return f"{self.name} can send them"

    def document(self) -> dict[str, Any]:
        """The cluster's part of the status (CONTRACT, ``/cluster``)."""
        cluster, rules = self._cluster, self._cluster.rules
        now_s = self._node.clock.monotonic_s()
        problem, peer = self.problem, rules.peer
        return {
            "name": self._node.cluster,
            "role": cluster.role,
            "mode": cluster.config.mode,
            "mirror": cluster.config.mirror,
            "state": self.state(),
            "settled": rules.is_settled,
            "store": rules.me.store,
            "peer": None
            if peer is None
            else {
                "name": peer.who.name,
                "store": peer.who.store,
                "role": peer.local.role,
                "standing": str(rules.standing),
                "settled": peer.is_settled,
                "channels": {name: "ok" if is_up else "down" for name, is_up in peer.local.channels},
                "disk": peer.local.disk,
                "url": peer.local.url,
            },
            "peer_status": f"Disconnected. {problem}" if problem else "Connected",
            "differs": self.difference(),
            "paths": [
                {
                    "broker": path,
                    "problem": trouble,
                    "heard_ago_s": round(now_s - self._beats[path], 1) if path in self._beats else None,
                }
                for path, trouble in sorted(self.paths.items())
            ],
            "directory": cluster.replication.document(),
            "entries": {"known": len(rules.entries), "unclean": len(rules.entries.unclean)},
        }

    def brief(self) -> dict[str, Any]:
        """The line of the pair in the node's status."""
        cluster, peer, problem = self._cluster, self._cluster.rules.peer, self.problem
        return {
            "role": cluster.role,
            "state": self.state(),
            "settled": cluster.rules.is_settled,
            "peer": peer.who.name if peer is not None else "",
            "peer_status": f"Disconnected. {problem}" if problem else "Connected",
        }

    def state(self) -> str:
        """What this node does, in the seed's words."""
        cluster, rules = self._cluster, self._cluster.rules
        if not rules.is_passive:  # while the modes differ neither node is passive
            return "Active"
        if cluster.role == "master":
            return "Active Master"
        return "Passive Slave (failover)" if rules.is_active else "Passive Slave (standby)"
