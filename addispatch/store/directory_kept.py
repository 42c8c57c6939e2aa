"""Directories that the other node's replaced, kept as files people can read. Used by ``store.directory_book``."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from addispatch.domain.errors import ConfigErrors
from addispatch.store.directory_pack import Packed, differences
from addispatch.store.directory_records import Document
from addispatch.store.exchange import from_json, to_json
from addispatch.store.safe_storage import write_durably

log = logging.getLogger(__name__)

#: How many are kept, the newest.
KEPT_COUNT = 5
#: Most differences in an event, and most characters of each.
_MAX_SHOWN, _MAX_CHARS = 5, 70


@dataclass(frozen=True, slots=True)
class Installed:
    """What taking over a directory did. ``kept``: name of the file with the one replaced, or empty.

    ``differences``: what the one replaced had otherwise, if it was to be kept; ``here`` is the one replaced.
    """

    packed: Packed
    kept: str
    differences: list[str] = field(repr=False)

    def line(self, peer: str) -> str:
        """Say for the event log what was replaced; empty if nothing was kept."""
        if not self.kept:
            return ""
        more = f"; and {len(self.differences) - _MAX_SHOWN} more" if len(self.differences) > _MAX_SHOWN else ""
        shown = "; ".join(line[:_MAX_CHARS] for line in self.differences[:_MAX_SHOWN])
        return f"the directory of {peer} replaced the one here, which is kept as directory/{self.kept}: {shown}{more}"


@dataclass(frozen=True, slots=True)
class Offered:
    """A kept file and how it differs from the directory in force: ``here`` is the latter."""

    path: Path
    differences: list[str]


class ReplacedFiles:
    """The files ``replaced-<time>.json`` in the directory's folder; ``addispatch directory import`` reads them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, document: Document) -> str:
        """Write one and remove the oldest beyond ``KEPT_COUNT``; return its name. Raises ``StoreError``."""
        path = self._folder / f"replaced-{datetime.now(UTC).strftime('%Y%m%dT%H%M%S.%fZ')}.json"
        write_durably(path, to_json(document).encode())
        for old in self._all()[:-KEPT_COUNT]:
            with suppress(OSError):
                old.unlink()
        return path.name

    def newest(self, present: Document) -> Offered | None:
        """Return the newest that can be read, compared with the present one."""
        for path in reversed(self._all()):
            try:
                return Offered(path, differences(present, from_json(path.read_bytes(), str(path))))
            except (OSError, ConfigErrors, LookupError, TypeError, AttributeError) as error:
                log.warning("%s cannot be compared: %s", path, error)
        return None

    def _all(self) -> list[Path]:
        return sorted(self._folder.glob("replaced-*.json"))
