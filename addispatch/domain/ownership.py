"""Which node sends for a case, and how that passes to the other one (CLUSTER: CLAIM, HANDOVER, FAILBACK).

Pure changes of a case; when they are due is decided by ``cluster.node``.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from addispatch.domain.case import Case, DeliveryState, Fact, Owner, Phase

if TYPE_CHECKING:
    from collections.abc import Iterable


def is_mine(case: Case, store: str) -> bool:
    """Whether this store's node sends for the case; one from before there was a cluster belongs to whoever has it."""
    return case.owner.store in ("", store)


def passed_to(case: Case, rank: int, store: str) -> Case:
    """The delta that makes another store the owner: its epoch wins over everything before."""
    return Case(id=case.id, owner=Owner(case.owner.epoch + 1, rank, store))


def in_doubt(case: Case) -> Case:
    """The delta that makes what was under way in another node's hands due again, to be marked as repeat."""
    due = {
        key: DeliveryState(Fact.NONE, state.attempt + 1)
        for key, state in case.deliveries.items()
        if state.fact is Fact.NONE and state.phase is Phase.SENDING
    }
    return Case(id=case.id, deliveries=due)


def is_under_way(case: Case) -> bool:
    """Whether a message of the case is in a channel's hands right now: such a case does not change hands."""
    return any(state.fact is Fact.NONE and state.phase is Phase.SENDING for state in case.deliveries.values())


def rendezvous(ident: str, names: Iterable[str]) -> str:
    """Pick one of the nodes for something both of them heard: the same one on each, and half of it on either."""
    return max(names, key=lambda name: (hashlib.sha256(f"{name}\x00{ident}".encode()).digest(), name))
