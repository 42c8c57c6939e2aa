"""A backup made by the running daemon: prepared beside its data, handed out in pieces. By ``engine.operations``."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import IO, TYPE_CHECKING

from addispatch.domain.errors import Refused
from addispatch.store import backup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from addispatch.engine.node import Node

PIECE_BYTES = 256 * 1024


class Backups:
    """One at a time."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._is_busy = False

    async def make(self) -> AsyncIterator[bytes]:
        """Make a backup and return it in pieces. Raises ``Refused`` if one is being made, ``StoreError``."""
        if self._is_busy:
            raise Refused("backup", "another one is being made: wait for its end")
        node = self._node
        sources = backup.Sources(Path(str(node.ledger.engine.url.database)), node.config.node.data_dir, node.name)
        self._is_busy = True
        try:
            made = await asyncio.to_thread(_make, sources, node.clock.now_ms())
        finally:
            self._is_busy = False
        return _pieces(made)


def _make(sources: backup.Sources, now_ms: int) -> IO[bytes]:
    """Make it; returned open and without a name, so that nothing is left whoever ends when."""
    for old in sources.data_dir.glob(f"{backup.SCRATCH}*"):  # of a process that died over it
        shutil.rmtree(old, ignore_errors=True)
    scratch = backup.new_scratch(sources.data_dir)
    try:
        backup.make(sources, scratch, now_ms)
        return (scratch / backup.archive_name(scratch)).open("rb")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


async def _pieces(made: IO[bytes]) -> AsyncIterator[bytes]:
    with made:
        while piece := await asyncio.to_thread(made.read, PIECE_BYTES):
            yield piece
