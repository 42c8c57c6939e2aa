"""What must be set alike on both nodes, ``mode`` and ``mirror``: what is told, and done, while it is not.

While they differ, as in the middle of a change, both nodes do what is safe on either side: both send, each shared
publish by the one that both reckon out, and both mirror. Used by ``engine.cluster`` and ``engine.peer``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from addispatch.cluster.messages import Local

PASSIVE = "active/passive"


def is_passive(mode: str, theirs: Local | None) -> bool:
    """Whether only the master sends: this node says so, and the other one does not say otherwise."""
    return mode == PASSIVE and (theirs is None or theirs.mode in ("", PASSIVE))


def mirrors(is_set: bool, theirs: Local | None) -> bool:  # noqa: FBT001
    """Whether entries are told to the other node: one of the two says so."""
    return is_set or (theirs is not None and theirs.mirror_set)


def difference(mine: Local, theirs: Local, name: str) -> str:
    """Say what differs between this node and the other one, and what is done meanwhile; empty if nothing does."""
    parts, until = list[str](), list[str]()
    if theirs.mode and theirs.mode != mine.mode:
        parts.append(f"mode is {mine.mode} on this node and {theirs.mode} on {name}")
        until.append("both send, as active/active")
    if theirs.mirror_set is not mine.mirror_set:
        parts.append(f"mirror is {_word(mine.mirror_set)} on this node and {_word(theirs.mirror_set)} on {name}")
        until.append("both mirror")
    if not parts:
        return ""
    return f"{' and '.join(parts)}: set the same on both and restart that node; until then {' and '.join(until)}"


def _word(is_set: bool) -> str:  # noqa: FBT001
    return "true" if is_set else "false"
