"""What two nodes say to each other, before it is encoded (``wire``) and sealed (``envelope``). Used by ``node``."""

from __future__ import annotations

from typing import Any, NamedTuple


class Identity(NamedTuple):
    """Who a node is: ``store`` is the live identity of an owner, ``boot`` changes with each start and freeze."""

    name: str
    rank: int
    store: str
    boot: str


class Pause(NamedTuple):
    """The register of the emergency pause: the greatest wins, on both nodes."""

    counter: int = 0
    rank: int = 0
    on: bool = False
    by: str = ""


class Config(NamedTuple):
    """Which directory a node has: the greater (term, gen) is the newer one, ``sha`` its content."""

    term: int = 0
    gen: int = 0
    sha: str = ""


class Local(NamedTuple):
    """What a node tells of itself with each heartbeat, besides what the protocol itself needs."""

    channels: tuple[tuple[str, bool], ...] = ()
    disk: str = "ok"
    open_count: int = 0
    oldest_s: float = 0.0
    role: str = "master"
    pause: Pause = Pause()
    config: Config = Config()
    url: str = ""
    #: Whether entries are told to the other node; ``mirror_set`` is what the configuration says (``engine.alike``).
    mirror: bool = True
    #: The number its texts come from, as people see it.
    number: str = ""
    #: ``active/active`` or ``active/passive``, as the configuration says; empty: a node of an older version, unknown.
    mode: str = ""
    mirror_set: bool = True


class Heartbeat(NamedTuple):
    """``seen`` is the boot and store of the other node as this one knows them: it proves that its words are fresh.

    ``seen_number`` is that of the last heartbeat heard of it: of two boots, the one that heard more is the later one.
    ``counts_on`` says whether this node counts on the other one: it is up and settled, as far as is known here.
    """

    who: Identity
    number: int
    seen_boot: str
    seen_store: str
    is_settled: bool
    local: Local
    seen_number: int = 0
    counts_on: bool = True


class State(NamedTuple):
    """Entries, whole or what changed in them; each record is opaque here and joins into the receiver's copy."""

    records: tuple[Any, ...]


class Digests(NamedTuple):
    """``my digest of entry E is D`` (0: I do not have it). ``asks``: tell me yours; ``answers``: you asked."""

    pairs: tuple[tuple[str, int], ...]
    asks: bool = False
    answers: bool = False


class Synced(NamedTuple):
    """You now have everything of mine."""


Message = Heartbeat | State | Digests | Synced
