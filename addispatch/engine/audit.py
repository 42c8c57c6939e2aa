"""The auditor: looks for cases that nobody takes care of, which cannot be unless addispatch itself is wrong.

An open or acknowledged case has a next step, a time at which it ends, or a message under way; and a next step does not
lie in the past. A case without, for longer than a minute, is a system alert (law 6). A tick of ``engine.node``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from addispatch.domain.case import Fact
from addispatch.store import schema

if TYPE_CHECKING:
    from addispatch.engine.node import Node

#: How long a case may look forgotten: a unit may be waiting for its turn.
GRACE_S = 60.0
#: Most cases looked at closely in one round.
MOST = 100

_c, _d = schema.cases.c, schema.deliveries.c


class Forgotten(NamedTuple):
    """A case nobody takes care of, and why it looks so."""

    seq: int
    code: str
    audience: str
    why: str

    def __str__(self) -> str:
        return f"{self.code or 'case'} for {self.audience} {self.why}"


def forgotten(connection: sa.Connection, now_ms: int) -> list[Forgotten]:
    """Return the cases without a deadline, and those whose deadline has passed."""
    waits = sa.exists().where(_d.case_seq == _c.seq, _d.fact == int(Fact.NONE))
    columns = (_c.seq, _c.code, _c.audience)
    endless = (
        sa.select(*columns)
        .where(_c.state != "closed", _c.next_at_ms.is_(None), _c.close_at_ms.is_(None), ~waits)
        .limit(MOST)
    )
    late = (
        sa.select(*columns)
        .where(_c.mine == 1, _c.next_at_ms.is_not(None), _c.next_at_ms < now_ms - int(GRACE_S * 1000))
        .limit(MOST)
    )
    found = [
        Forgotten(row[0], row[1] or "", row[2], "has no next step and no end") for row in connection.execute(endless)
    ]
    found += [Forgotten(row[0], row[1] or "", row[2], "missed its next step") for row in connection.execute(late)]
    return found


class Auditor:
    """``look`` is the tick."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._since_s: dict[tuple[int, str], float] = {}

    async def look(self) -> None:
        """Compare with the last look; what stays forgotten is reported."""
        node = self._node
        if node.ledger.is_paused:  # time stands still
            self._since_s.clear()
            return
        now_ms, now_s = node.clock.now_ms(), node.clock.monotonic_s()
        found = {(case.seq, case.why): case for case in await node.ledger.read(lambda c: forgotten(c, now_ms))}
        self._since_s = {key: self._since_s.get(key, now_s) for key in found}
        lasting = [found[key] for key, since_s in self._since_s.items() if now_s - since_s >= GRACE_S]
        problem = ""
        if lasting:
            more = f" and {len(lasting) - 1} more" if len(lasting) > 1 else ""
            problem = f"a case is not taken care of: {lasting[0]}{more}. Look at it, acknowledge or close it"
        node.conditions.report("auditor", problem, grace_s=0)
