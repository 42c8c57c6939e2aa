"""What happens to a node, and what it wants done: the two sides of ``node.Node.step``."""

from __future__ import annotations

from typing import Any, NamedTuple

from addispatch.cluster.messages import Digests, Heartbeat, Local, Message, Pause, State, Synced
from addispatch.domain.case import Owner


class Change(NamedTuple):
    """An entry as it is durable now; ``record`` is what changed in it, to be sent (None: nothing to send).

    ``needs`` names the channels its waiting messages need; ``under_way``: one of them is in a channel's hands.
    """

    id: str
    digest: int
    owner: Owner
    is_open: bool
    needs: frozenset[str] = frozenset()
    under_way: bool = False
    record: Any = None


# -- events -----------------------------------------------------------------------------------------------------------


class Tick(NamedTuple):
    """Time has passed."""


class PathUp(NamedTuple):
    """A broker is connected."""

    path: str


class PathDown(NamedTuple):
    """A broker is not connected any more."""

    path: str


class Beat(NamedTuple):
    """An authentic heartbeat came."""

    heartbeat: Heartbeat


class Will(NamedTuple):
    """A broker published the last will of a boot of the other node."""

    boot: str


class Came(NamedTuple):
    """A message of the other node came; ``store`` and ``boot`` are the sender's."""

    message: State | Digests | Synced
    store: str
    boot: str


class Loaded(NamedTuple):
    """What the store held at the start: all open entries, and those the other node may not have."""

    changes: tuple[Change, ...]


class Committed(NamedTuple):
    """Entries were changed here, durably."""

    changes: tuple[Change, ...]


class Extra(NamedTuple):
    """Something that is no entry is to be told to the other node, if it is there; it is not said twice."""

    records: tuple[Any, ...]


class Merged(NamedTuple):
    """Records of the other node were joined in, durably. ``theirs`` is its digest of each; a digest of 0 is missing."""

    changes: tuple[Change, ...]
    theirs: dict[str, int]
    store: str
    boot: str


class Looked(NamedTuple):
    """Entries that were not in memory were looked up in the store; those that are not there have digest 0."""

    changes: tuple[Change, ...]
    theirs: dict[str, int]


class Fetched(NamedTuple):
    """Whole records, as asked for by ``Fetch``."""

    changes: tuple[Change, ...]


class Await(NamedTuple):
    """Somebody waits until the other node holds these entries in at least this state (digest by id)."""

    token: int
    digests: dict[str, int]


class Became(NamedTuple):
    """What this node tells of itself is this from now on."""

    local: Local


Event = (
    Tick
    | PathUp
    | PathDown
    | Beat
    | Will
    | Came
    | Loaded
    | Committed
    | Extra
    | Merged
    | Looked
    | Fetched
    | Await
    | Became
)


# -- actions ----------------------------------------------------------------------------------------------------------


class Send(NamedTuple):
    """Send to the other node (a heartbeat: to all who listen)."""

    message: Message


class Merge(NamedTuple):
    """Join records of the other node into the store, then say ``Merged``."""

    records: tuple[Any, ...]
    store: str
    boot: str


class Fetch(NamedTuple):
    """Read whole entries and say ``Fetched``."""

    ids: tuple[str, ...]


class Look(NamedTuple):
    """Look up entries that are not in memory and say ``Looked``; ``theirs`` comes back with it."""

    theirs: dict[str, int]


class Claim(NamedTuple):
    """Take entries over: nobody else sends for them any more."""

    ids: tuple[str, ...]


class Give(NamedTuple):
    """Hand entries to the other node."""

    ids: tuple[str, ...]
    rank: int
    store: str


class Doubt(NamedTuple):
    """Ours, with a message under way for long: what of it is not in the hands of a channel here is due again.

    Such comes back from the other node after a disk went back in time, or when it ended during a send of its own.
    """

    ids: tuple[str, ...]


class Mirrored(NamedTuple):
    """These closed entries are on both nodes: they need not be remembered as open ends."""

    ids: tuple[str, ...]


class Confirm(NamedTuple):
    """Answer who waits: held by both nodes, or by this one alone."""

    token: int
    mirrored: bool


class Settle(NamedTuple):
    """Sending and claiming are on from now, or off."""

    is_settled: bool


class Renew(NamedTuple):
    """Speak with a new boot from now on: we were frozen, and what we know may be old."""

    boot: str


class SetPause(NamedTuple):
    """The other node's pause register is newer."""

    pause: Pause


class PeerChanged(NamedTuple):
    """What is known of the other node changed: it came, went, or tells something else of itself."""

    standing: str
    heartbeat: Heartbeat | None


class Tell(NamedTuple):
    """For the event log."""

    text: str
    is_severe: bool = False


Action = (
    Send
    | Merge
    | Fetch
    | Look
    | Claim
    | Give
    | Doubt
    | Mirrored
    | Confirm
    | Settle
    | Renew
    | SetPause
    | PeerChanged
    | Tell
)
