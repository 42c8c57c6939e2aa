"""What the nodes are called that had a store: kept in the ledger, for cases outlive the nodes that sent for them.

Noted by ``engine.cluster``, for this node at each start and for the other one whenever it is heard of; asked by
``engine.operations`` for what people see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from addispatch.store.transaction import Transaction

#: How the names of the marks begin; a store's id follows.
MARK = "node:"
#: So much of a store's id tells two unknown nodes apart.
ID_CHARS = 4


def is_known(marks: Mapping[str, bytes], store: str, name: str) -> bool:
    """Whether it is noted that the node of this store has this name."""
    return marks.get(MARK + store) == name.encode()


def note(transaction: Transaction, store: str, name: str) -> None:
    """Note the name of a store's node."""
    transaction.marks[MARK + store] = name.encode()


def shown(marks: Mapping[str, bytes], store: str | None) -> str | None:
    """The name of the node that has, or last had, a store: ``node-b``, or ``unknown node (ab12…)``; None: no store."""
    if not store:
        return None
    name = marks.get(MARK + store)
    return f"unknown node ({store[:ID_CHARS]}…)" if name is None else name.decode(errors="replace")
