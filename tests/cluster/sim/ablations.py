"""The rules, each with one of them switched off: the oracle must see every one of these fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from sim.world import Rules

from addispatch.cluster import events as ev
from addispatch.cluster.entries import Entries, Row
from addispatch.cluster.liveness import Liveness, Timing
from addispatch.cluster.messages import Heartbeat, Identity, Local
from addispatch.cluster.node import Node


class _Trusting(Entries):
    """Believes that what was there once is there for ever."""

    def forget_theirs(self) -> None:
        """Nothing."""


class NoMirrorToANewStore(Node):
    """What a store that is gone had is not sent to the one that took its place."""

    def __init__(self, me: Identity, *args: Any, **kwargs: Any) -> None:
        super().__init__(me, *args, **kwargs)
        self.entries = _Trusting(me.store)


class NoSettling(Node):
    """Sends and claims from the first moment."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_settled = True

    def _unsettle(self, now_s: float) -> None:
        """Stays settled."""


class CleanWhenPushed(Node):
    """Takes what was sent for received: no digests."""

    def _push(self, changes: Iterable[ev.Change], now_s: float) -> None:
        changes = tuple(changes)
        super()._push(changes, now_s)
        if self.has_peer:
            for change in changes:
                row = self.entries.get(change.id)
                if row is not None and change.record is not None:
                    self.entries.theirs(change.id, row, row.digest)


class Hasty(Node):
    """Claims after a short silence."""

    def __init__(
        self, me: Identity, timing: Timing, local: Local, new_boot: Callable[[], str], now_s: float, **kwargs: Any
    ) -> None:
        super().__init__(me, timing, local, new_boot, now_s, **kwargs)
        self.live = Liveness(replace(timing, suspect_s=0.3, t_dead_s=0.35), now_s)


class NoDoubt(Node):
    """Waits for ever for what is under way in nobody's hands."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.entries.in_doubt = lambda now_s, after_s: []  # type: ignore[method-assign]


class TakesAnyBoot(Node):
    """A heartbeat of an earlier boot that comes late takes the place of the later boot."""

    def _is_late(self, heartbeat: Heartbeat) -> bool:
        return False


class ForgetsWhatChangedHands(Node):
    """Without mirroring, what was taken back is not told to the one it was taken from."""

    def _is_shared(self, row: Row) -> bool:
        return super()._is_shared(row) and not (row.theirs is None and row.owner.store == self.me.store)


ABLATIONS = {
    # What hides this one's harm otherwise is the doubt about what nobody sends.
    "owner by name instead of store": Rules(owner_by_name=True, node=NoDoubt),
    "no mirror to a new store": Rules(node=NoMirrorToANewStore),
    "in doubt is failed": Rules(doubt_fails=True),
    "clean when pushed": Rules(node=CleanWhenPushed),
    "wall clocks": Rules(wall_clocks=True),
    "a passive node ignores": Rules(passive_ignores=True),
    "claim without waiting": Rules(node=Hasty),
    "no look before the wire": Rules(rechecks=False),
    "no doubt about what nobody sends": Rules(node=NoDoubt),
    # The gate keeps them out, too, by the same numbers.
    "any boot counts": Rules(node=TakesAnyBoot, echoes=False),
    "what changed hands is forgotten": Rules(node=ForgetsWhatChangedHands),
    "no settling": Rules(node=NoSettling),
}
