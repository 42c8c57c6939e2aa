"""Which directory a node has, and whether it is the one that is edited. Used by ``cluster.replica`` and ``store``."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, NamedTuple

from addispatch.domain.errors import ClusterError

_SHA = re.compile(r"[0-9a-f]{64}|")
#: Beyond this a JSON number is not exact everywhere.
_MAX = 2**53


class ClusterRole(StrEnum):
    """The directory is edited on the master; the slave gets it from there."""

    MASTER = "master"
    SLAVE = "slave"


class Version(NamedTuple):
    """A state of the directory: the greater (term, gen) wins, ``sha`` tells whether two are the same.

    ``term`` grows with each promotion, ``gen`` with each edit. gen 0: never published nor taken over; ``sha`` is then
    empty if the node has nothing that it could publish.
    """

    term: int
    gen: int
    sha: str

    @property
    def key(self) -> tuple[int, int]:
        """What is compared."""
        return self.term, self.gen

    @property
    def is_fresh(self) -> bool:
        """Whether this directory has never been shared with the peer."""
        return self.gen == 0

    def __str__(self) -> str:
        return f"{self.term}.{self.gen} ({self.sha[:8] or 'empty'})"

    def row(self) -> list[Any]:
        """Return it as JSON: [term, gen, sha]."""
        return list(self)

    @classmethod
    def parse(cls, value: Any) -> Version:
        """Read ``row``; raises ``ClusterError``."""
        match value:
            case [int(term), int(gen), str(sha)] if (
                0 <= term < _MAX and 0 <= gen < _MAX and not isinstance(term, bool) and not isinstance(gen, bool)
            ):
                if _SHA.fullmatch(sha):
                    return cls(term, gen, sha)
        raise ClusterError("version: must be [term, gen, sha256 in hexadecimal]")


class Saved(NamedTuple):
    """What a node keeps of it.

    ``is_started``: the operator said that an empty directory is meant to be one. ``is_own``: there is something in the
    directory that the peer perhaps never had.
    """

    version: Version
    role: ClusterRole
    is_started: bool = False
    is_own: bool = True
