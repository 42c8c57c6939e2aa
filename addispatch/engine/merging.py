"""Joins what the other node told, a message at a time; a record that cannot be read is left out alone.

Used by ``engine.cluster``. A message is one unit of the ledger. If it fails, each of its records becomes a unit of its
own: whatever is wrong with one of them, as after an upgrade of one node, the others count. What is left out is not
confirmed to the other node, so that it comes again once this one can read it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from addispatch.cluster.limits import Complaints
from addispatch.domain.errors import ClusterError, StoreError
from addispatch.domain.events import WARNING, Said
from addispatch.engine import joining

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from addispatch.cluster.events import Merge
    from addispatch.engine.node import Node
    from addispatch.store.transaction import Transaction

log = logging.getLogger(__name__)

#: What a record that is none may raise.
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, OverflowError)
#: What databases say of a value that is none, however they are asked (PEP 249); of their own troubles they say another.
REFUSED = ("IntegrityError", "DataError", "ProgrammingError", "InterfaceError")


class Merging:
    """``take`` each message. In the loop."""

    def __init__(self, node: Node) -> None:
        self._node = node
        #: Records left out since the start, each time they came.
        self.unread_count = 0
        self._complaints = Complaints(self._tell, node.clock.monotonic_s)

    def take(self, merge: Merge, *, peer: str, peer_has_sms: bool, failed: Callable[[], None]) -> None:
        """Join the records; ``peer`` names the other node, ``peer_has_sms``: it can send texts.

        ``failed`` is called for what was not joined, so that nobody waits for it; of a message in parts perhaps often.
        """
        node, is_single = self._node, len(merge.records) == 1

        def unit(transaction: Transaction) -> None:
            refused = [
                getattr(where, name) for where in (sa.exc, transaction.connection.dialect.dbapi) for name in REFUSED
            ]
            try:
                joining.join(transaction, node.desk(), merge, node.clock.now_ms(), peer_has_sms=peer_has_sms)
                if is_single:
                    transaction.flush()  # what the database thinks of it, too, is said now
            except (*UNREADABLE, *refused) as error:
                raise ClusterError(type(error).__name__) from error

        def done(future: asyncio.Future[Any]) -> None:
            error = None if future.cancelled() else future.exception()
            if error is None:
                return
            if isinstance(error, StoreError):
                failed()
                return
            if not is_single:
                for record in merge.records:
                    one = merge._replace(records=(record,))
                    self.take(one, peer=peer, peer_has_sms=peer_has_sms, failed=failed)
                return
            failed()
            self.unread_count += 1
            log.debug("a record of %s cannot be read", peer, exc_info=error)
            # By the kind alone: these are few, and what the record says may be private.
            self._complaints.add(str(error) if isinstance(error, ClusterError) else type(error).__name__, peer)

        node.ledger.submit(unit).add_done_callback(done)

    def _tell(self, reason: str, peer: str, count: int) -> None:
        times = f" ({count} times)" if count > 1 else ""
        text = f"Cluster: left out a record of {peer} that cannot be read: {reason}{times}; bring both to one version"
        self._node.say(Said(text, WARNING, "RecordLeftOut"))
