"""Whether alarms are to come to this node: what ``/readyz`` tells keepalived and HAProxy. Called by ``operations``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from addispatch.host.prepare import MIRROR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from addispatch.engine.node import Node


def readiness(node: Node, needs: Iterable[str]) -> dict[str, Any]:
    """Return ``{"ready", "reason", "standby", "refuses"}``; ``needs`` are channels beside ``[http] ready_needs``.

    ``standby`` is true when nothing is amiss here and the peer is the one that works. ``refuses``: why alarms are
    refused though the node is well, for ``strict`` is set and the peer away. It is ready all the same: the peer would
    refuse them, too, and what else people want of a node, as to acknowledge, must not end because of it.
    """
    ledger = node.ledger
    trouble = ledger.problem or ledger.intake_problem or ("" if node.is_started else "starting")
    trouble = trouble or _lacking(node, dict.fromkeys((*node.config.http.ready_needs, *needs)))
    standby = "" if trouble else node.standby_reason()
    refuses = node.twin.refusal() if node.twin is not None and node.is_started else ""
    return {
        "ready": not (trouble or standby), "reason": trouble or standby, "standby": bool(standby), "refuses": refuses,
    }  # fmt: skip


def _lacking(node: Node, needs: Iterable[str]) -> str:
    """Say which of the channels cannot send, and why; empty if all can."""
    channels = node.host.channels()
    lacking = []
    for name in needs:
        if name == MIRROR:
            lacking += [f"{MIRROR} is down: {problem}"] if (problem := _alone(node)) else []
            continue
        channel = channels.get(name)
        if channel is None:
            lacking.append(f"{name} is down: no plugin that runs has such a channel")
        elif not (health := channel.health).up:
            lacking.append(f"{name} is down: {health.reason}")
    return "; ".join(lacking)


def _alone(node: Node) -> str:
    """Say why no other node holds copies; empty if one does."""
    if node.twin is None:
        return "there is no table [cluster]"
    return node.twin.peer.problem if node.twin.config.mirror else "[cluster] mirror is off"
