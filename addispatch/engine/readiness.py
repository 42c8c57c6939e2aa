"""Whether alarms are to come to this node: what ``/readyz`` tells keepalived and HAProxy. Called by ``operations``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from addispatch.engine.node import Node


def readiness(node: Node, needs: Iterable[str]) -> dict[str, Any]:
    """Return ``{"ready", "reason", "standby"}``; ``needs`` are channels beside those of ``[http] ready_needs``.

    ``standby`` is true when nothing is amiss here and the peer is the one that works.
    """
    ledger = node.ledger
    trouble = ledger.problem or ledger.intake_problem or ("" if node.is_started else "starting")
    trouble = trouble or _lacking(node, dict.fromkeys((*node.config.http.ready_needs, *needs)))
    standby = "" if trouble else node.standby_reason()
    return {"ready": not (trouble or standby), "reason": trouble or standby, "standby": bool(standby)}


def _lacking(node: Node, needs: Iterable[str]) -> str:
    """Say which of the channels cannot send, and why; empty if all can."""
    channels = node.host.channels()
    lacking = []
    for name in needs:
        channel = channels.get(name)
        if channel is None:
            lacking.append(f"{name} is down: no plugin that runs has such a channel")
        elif not (health := channel.health).up:
            lacking.append(f"{name} is down: {health.reason}")
    return "; ".join(lacking)
