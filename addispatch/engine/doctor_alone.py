"""``addispatch doctor`` where no daemon runs: what one with this configuration would find. Called by ``cli.doctor``.

Starts nothing and changes nothing. Of ``engine.doctor`` it has what does not depend on a running node.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import shutil
import socket
import sqlite3
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from addispatch.config.loading import load
from addispatch.domain.errors import AddispatchError, ConfigErrors
from addispatch.engine import machine
from addispatch.engine.doctor import DIRECTORY_FILE, PLUGINS_S, around, checked, document, mistakes
from addispatch.engine.people import people
from addispatch.host.alone import examined
from addispatch.pipeline.desk import Desk
from addispatch.sdk.protocols import Finding
from addispatch.store.connect import FULL_CHECK_BYTES
from addispatch.store.directory import DirectoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from addispatch.config.models import Config
    from addispatch.sdk.operations import Doc


async def examine_alone(file: Path) -> Doc:
    """Examine what a daemon with this configuration would find."""
    found = [
        Finding("daemon", "does not run; this is what a start would find"),
        *await asyncio.to_thread(machine.configuration, file),
    ]
    try:
        config = load(file).config
    except ConfigErrors:
        return document("", found, running=False)  # the rest would be guesses
    folder, now = config.node.data_dir, datetime.now(UTC)
    found += await asyncio.to_thread(around, config, file, now)
    found += [await asyncio.to_thread(_closed_ledger, config), _free_port(config)]
    plugins, channels, refuses = await examined(config, PLUGINS_S)
    found += await _people_alone(config, folder, file.parent / DIRECTORY_FILE, channels, refuses)
    return document(config.node.name, [*found, *plugins], running=False)


def _closed_ledger(config: Config) -> Finding:
    path = config.node.data_dir / config.store.url.removeprefix("sqlite:///")
    if not path.exists():
        return Finding("ledger", "none yet: the first start makes it")
    size = path.stat().st_size
    if size > FULL_CHECK_BYTES:
        return Finding("ledger", f"{size / 2**20:,.0f} MiB, too large to be read through here")
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=5)) as ledger:
            return checked(str(ledger.execute("PRAGMA quick_check(1)").fetchone()[0]), size)
    except sqlite3.Error as error:
        return checked(str(error), size)


def _free_port(config: Config) -> Finding:
    address = config.http.address
    if address is None:
        return Finding("http port", "none, as configured")
    try:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        with socket.create_server(address, family=family):
            return Finding("http port", f"{config.http.listen} is free")
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        problem = f"{config.http.listen}: {'taken by another program' if taken else error.strerror or error}"
        advice = f"see what has it: ss -ltnp 'sport = :{address[1]}'" if taken else "mend [http] listen"
        return Finding("http port", problem=problem, advice=advice)


async def _people_alone(
    config: Config, folder: Path, file: Path, channels: frozenset[str], refuses: Callable[[str, str], str]
) -> list[Finding]:
    """Look at the directory as the next start would make it, in a copy: reading the original may mend it."""
    found: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="addispatch-doctor-") as temporary:
        copy = Path(temporary, "directory")
        try:
            if (folder / "directory").exists():
                await asyncio.to_thread(shutil.copytree, folder / "directory", copy)
        except OSError as error:
            return [Finding("directory", problem=f"it cannot be read: {error}", advice="run this as addispatch's user")]
        store = DirectoryStore(copy, config.node.default_region)
        try:
            await store.load()
            if await asyncio.to_thread(file.exists):
                await store.provision(file)
                found.append(Finding(DIRECTORY_FILE, "can be applied"))
        except AddispatchError as error:
            errors = error.errors if isinstance(error, ConfigErrors) else [error]
            found += mistakes([str(each) for each in errors])
        finally:
            await store.close()
        await asyncio.sleep(0)  # the snapshot comes by the loop
        return found + people(Desk(directory=store.snapshot, provided=channels, refuses=refuses))
