"""Whose a new entry is, and which change hands (CLUSTER: ACCEPT, CLAIM, HANDOVER, FAILBACK). Pure; used by ``node``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from addispatch.domain.ownership import rendezvous

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from addispatch.cluster.entries import Row

#: The node of higher rank waits so long before it takes what belongs to a store that nobody has any more.
SECOND_S = 2.0
#: So many are taken over in one go.
CLAIM_COUNT = 50
#: What was not confirmed as taken over is tried again after so long, in seconds.
AGAIN_S = 5.0
#: Whoever leaves offers again what the other node has not taken after so long, in seconds.
LEAVING_S = 1.0


def opens_there(
    shared: str, names: tuple[str, str], roles: tuple[str, str], *, is_passive: bool, is_known: bool
) -> bool:
    """Whether the other node, which can send, is the one to send for a new entry; of each pair ours comes first.

    ``shared`` names what both hear, or is empty; ``is_known``: the other node counts on this one, so it does not
    take for its own whatever both hear. A moment in which each leaves it to the other does no harm: they join.
    """
    if shared and not is_known:
        return True
    if is_passive:
        return roles[0] != "master" and roles[1] == "master"
    return bool(shared) and rendezvous(shared, names) == names[1]


def to_claim(rows: Mapping[str, Row], but: str, now_s: float, wait_s: float, most: int) -> list[str]:
    """Return those to take over, each once in a while: all but those of one store, the first time after a wait.

    Those of which a message is still to be sent come first: with thousands open it must not wait for the rest.
    """
    due: list[str] = []
    for ident, row in sorted(rows.items(), key=lambda one: not one[1].needs):
        if row.owner.store == but:
            continue
        if row.claimed_s == float("-inf"):
            row.claimed_s = now_s - AGAIN_S + wait_s
        if now_s - row.claimed_s < AGAIN_S:
            continue
        row.claimed_s = now_s
        due.append(ident)
        if len(due) >= most:
            break
    return due


class Claims:
    """What is being taken over: some at a time, for each costs the ledger time, and what comes in must not wait.

    The other node may also come back before the last.
    """

    def __init__(self) -> None:
        self._some: list[str] = []
        self._since_s = float("-inf")

    def due(self, foreign: Mapping[str, Row], spared: str | None, now_s: float, *, is_second: bool) -> list[str]:
        """Return the next to take over; none while the last ones are on their way.

        ``spared`` is the store of a node that is there, "" if there is none, None if nobody knows. ``is_second``: with
        two nodes there, this one waits before it takes what belongs to neither.
        """
        is_busy = now_s - self._since_s < AGAIN_S and any(ident in foreign for ident in self._some)
        if not foreign or spared is None or is_busy:
            return []
        wait_s = SECOND_S if spared and is_second else 0.0
        self._some, self._since_s = to_claim(foreign, spared, now_s, wait_s, CLAIM_COUNT), now_s
        return self._some


class Terms(NamedTuple):
    """On which terms entries are handed over.

    ``down`` are the channels that cannot send here, ``up`` those that can there; ``all`` hands over whatever the other
    one can send, ``leaving`` everything; ``unmirrored`` also what the other one has not yet.
    """

    down: AbstractSet[str]
    up: AbstractSet[str]
    all: bool
    leaving: bool
    unmirrored: bool


def to_give(rows: Iterable[tuple[str, Row]], terms: Terms, now_s: float, pause_s: float, most: int) -> list[str]:
    """Return those to hand over: none of which a message is under way, and none twice within ``pause_s``."""
    due: list[str] = []
    for ident, row in rows:
        is_wanted = terms.all or terms.leaving or bool(row.needs & terms.down)
        can_go = now_s - row.given_s >= (LEAVING_S if terms.leaving else pause_s)
        can_go = can_go and (terms.leaving or row.needs <= terms.up)
        if is_wanted and can_go and not row.under_way and (row.is_clean or terms.unmirrored):
            row.given_s = now_s
            due.append(ident)
            if len(due) >= most:
                break
    return due
