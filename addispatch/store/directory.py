"""The directory: address book, groups, policies, templates, routes, settings. Wired in by ``app``.

All work on it happens in one worker thread, one change after the other, so the loop never waits for the disk. The loop
reads ``snapshot``, an immutable value that is replaced after each durable change.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from addispatch.config.provided import Provided
from addispatch.domain.addressbook import Directory
from addispatch.store.directory_book import Book
from addispatch.store.directory_change import Report
from addispatch.store.directory_kept import Installed, Offered
from addispatch.store.directory_pack import Packed
from addispatch.store.directory_records import Body, Document

log = logging.getLogger(__name__)

T = TypeVar("T")


class DirectoryStore:
    """The directory in a folder (created with mode 0700). ``load`` first, ``close`` last.

    Methods raise ``ConfigErrors`` (every mistake in what was given, with paths such as ``group[2].members[0]``),
    ``Refused`` (no such entry, read-only, still used; ``directory: …`` on a node where nothing may be edited) or
    ``StoreError`` (disk); the directory is then as it was.
    A change goes on when its caller is cancelled.
    """

    def __init__(self, folder: Path, default_region: str, provided: Callable[[], Provided] = Provided) -> None:
        """``default_region``: of numbers without country code, for example ``SG``.

        ``provided`` answers what the plugins that are there provide; called in the worker.
        """
        self.snapshot = Directory()
        self._book = Book(folder, default_region, self._publish, provided)
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="directory")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: list[Callable[[Directory], None]] = []

    @property
    def refuse(self) -> Callable[[], str]:
        """Asked before each change, in the worker: a sentence why nothing may be edited here, or empty."""
        return self._book.refuse

    @refuse.setter
    def refuse(self, refuse: Callable[[], str]) -> None:
        self._book.refuse = refuse

    def share(self) -> None:
        """Refuse from now on what would make it too large to be copied to another node."""
        self._book.is_shared = True

    @property
    def notes(self) -> list[str]:
        """What had to be recovered or mended when loading, one line each for the event log."""
        return self._book.notes

    @property
    def is_mended(self) -> bool:
        """Whether what was loaded is older than what was there, or less: a copy elsewhere is the better one."""
        return self._book.is_mended

    def on_change(self, listener: Callable[[Directory], None]) -> None:
        """Call ``listener(snapshot)`` on the loop after each change; it must not block or raise."""
        self._listeners.append(listener)

    async def load(self) -> None:
        """Read everything. Raises ``StoreError`` if a table and its backup are damaged; never starts empty then."""
        await self._run(self._book.load)

    async def apply(self, document: Document) -> Report:
        """Add or replace the entries a document names, found by their names; all or none."""
        return await self._run(partial(self._book.apply, document))

    async def provision(self, path: Path) -> Report:
        """Apply ``directory.toml``: its entries become read-only elsewhere; those that left it lose that, and stay."""
        return await self._run(partial(self._book.provision, path))

    async def put(self, table: str, entry: Body) -> Body:
        """Add or replace one entry, found by ``id`` if given (a rename), else by name; return it as stored."""
        return await self._run(partial(self._book.put, table, entry))

    async def delete(self, table: str, name: str) -> None:
        """Remove one entry that no other refers to."""
        await self._run(partial(self._book.delete, table, name))

    async def rotate_link_keys(self) -> int:
        """Sign acknowledge links with a new key; those signed by the one before stay valid. Return the keys' count."""
        return await self._run(self._book.rotate_link_keys)

    async def export(self) -> Document:
        """Return everything in the shape of ``directory.toml``, without what equals the defaults."""
        return await self._run(self._book.export)

    async def entries(self, table: str) -> list[Body]:
        """Return one table, each entry with all keys, its ``id`` and whether it is ``provisioned``."""
        return await self._run(partial(self._book.entries, table))

    async def packed(self) -> Packed:
        """Return everything as one value for the other node of a pair, with its hash."""
        return await self._run(self._book.packed)

    async def install(self, blob: bytes, sha: str, *, keep: bool = True) -> Installed:
        """Replace everything by what the other node packed, whatever ``refuse`` says; all or nothing.

        ``keep``: the directory replaced is kept as a file, of which there are five. Raises ``StoreError`` with the
        reason if it is not what ``sha`` says or this version cannot read it.
        """
        return await self._run(partial(self._book.install, blob, sha, keep=keep))

    async def offered(self) -> Offered | None:
        """Return the directory that was replaced last and how it differs from the present one."""
        return await self._run(self._book.offered)

    async def unlike(self, path: Path) -> list[str]:
        """Say how the directory differs from what ``provision`` would make of it, a line per entry."""
        return await self._run(partial(self._book.unlike, path))

    async def close(self) -> None:
        """Wait for the change under way and end the worker."""
        await asyncio.to_thread(self._worker.shutdown)

    async def _run(self, work: Callable[[], T]) -> T:
        self._loop = asyncio.get_running_loop()
        return await self._loop.run_in_executor(self._worker, work)

    def _publish(self, snapshot: Directory) -> None:
        # From the worker, and not on the way back of the call: a cancelled caller does not come back.
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._replace, snapshot)

    def _replace(self, snapshot: Directory) -> None:
        self.snapshot = snapshot
        for listener in self._listeners:
            try:
                listener(snapshot)
            except Exception:
                log.exception("a listener to directory changes failed")
