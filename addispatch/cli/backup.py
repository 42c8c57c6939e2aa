"""``addispatch backup`` and ``addispatch restore``: everything in one file, and back.

The running daemon makes the backup, for it alone knows the moment; where none runs this program does. A restore needs
the daemon stopped: it holds the daemon's socket meanwhile, so that none starts.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from addispatch.cli.client import SOCKET_NAME, Client, Failure, NoAnswer, Target
from addispatch.cli.connected import print_json
from addispatch.cli.daemon import ConfigFile
from addispatch.cli.place import find_data_dir, find_ledger, find_value
from addispatch.cli.root import app
from addispatch.cli.text import colour, printable

if TYPE_CHECKING:
    from addispatch.store.archive import Manifest

#: How long the daemon may take to prepare, in seconds: a ledger of some GiB on a slow disk.
PREPARE_S = 1800.0
DataDir = Annotated[Path | None, typer.Option(help="Data directory of the daemon on this machine.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
_File = Annotated[Path, typer.Argument(metavar="F", help="The backup.")]


@app.command()
def backup(file: _File, as_json: AsJson = False, config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Save ledger, directory and tokens in one file; the configuration and its passwords are not in it."""
    from addispatch.store import archive
    from addispatch.store.backup import Sources, put, save

    file = file.absolute()
    try:
        with _beside(file) as made:
            _fetch(Client(Target(data_dir=data_dir, config=config)), made)
            manifest = archive.read(made)
            put(made, file)
    except NoAnswer as error:
        if not error.is_absent:
            raise
        folder = find_data_dir(data_dir, config)
        sources = Sources(find_ledger(folder, config), folder, find_value(config, "node", "name") or "node-a")
        manifest = save(sources, file, time.time_ns() // 1_000_000)
        archive.read(file)
    document = {"file": str(file), "size_bytes": file.stat().st_size, **_about(manifest)}
    if as_json:
        print_json(document)
    else:
        print(f"{printable(str(file))}: {document['size_bytes'] / 1e6:.1f} MB, {len(manifest.parts)} parts, checked")


@contextmanager
def _beside(file: Path) -> Iterator[Path]:
    """A name beside the file for what is not finished."""
    made = file.with_name(f".{file.name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        yield made
    finally:
        made.unlink(missing_ok=True)


def _fetch(client: Client, made: Path) -> None:
    pieces = client.text("/backup", timeout_s=PREPARE_S)
    first = next(pieces, b"")  # nothing is written if the daemon says no
    try:
        with made.open("xb") as out:
            os.fchmod(out.fileno(), 0o600)
            out.write(first)
            for piece in pieces:
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        raise Failure([f"{made.parent} cannot be written: {error.strerror}"]) from None


#: Said after the backup of another node was restored.
_OTHER = (
    "If that node runs and this is the other one of its pair, both claim one role now, and both send: "
    "do not start this one; empty its data folder, then start it, and that node fills it."
)


@app.command()
def restore(
    file: _File,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Also over newer open cases, or of another node (which takes its place in a pair)."
        ),
    ] = False,
    as_json: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Put a backup in place of what is there (which is kept); the daemon must be stopped. Its open queue is held."""
    from addispatch.http.sockets import bind_unix
    from addispatch.store.restore import Place
    from addispatch.store.restore import restore as put_back

    folder = find_data_dir(data_dir, config)
    place = Place(find_ledger(folder, config), folder, find_value(config, "node", "name"))
    if not folder.is_dir():
        _make(folder)
    with bind_unix(folder / SOCKET_NAME):  # says so if a daemon runs, and keeps one from starting
        try:
            done = put_back(file.absolute(), place, time.time_ns() // 1_000_000, force=force)
        finally:
            (folder / SOCKET_NAME).unlink(missing_ok=True)
    counted = {"cases": done.held.get("cases", 0), "deliveries": done.held.get("deliveries", 0)}
    if as_json:
        print_json({"data_dir": str(folder), "held": counted, "kept": done.aside, **_about(done.manifest)})
    else:
        _show(folder, counted, done.aside)
        if place.node and done.manifest.node != place.node:
            print(colour(f"It is the backup of {printable(done.manifest.node)}. {_OTHER}", "yellow"))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise Failure([f"{folder} cannot be made: {error.strerror}"]) from None


def _show(folder: Path, counted: dict[str, Any], kept: list[str]) -> None:
    print(colour(f"Restored into {printable(str(folder))}.", "green"))
    if kept:
        print(f"What was there is kept: {', '.join(map(printable, kept))}")
    if counted["cases"]:
        print(colour(f"{counted['cases']} case(s) with {counted['deliveries']} message(s) are held.", "yellow"))
        print("Start addispatch, look with 'addispatch restored', then 'addispatch restored send' or 'drop'.")
    else:
        print("Nothing was waiting in it. Start addispatch.")


def _about(manifest: Manifest) -> dict[str, Any]:
    from addispatch.store.queries import time_text

    return {
        "node": manifest.node,
        "at": time_text(manifest.at_ms),
        "version": manifest.version,
        "ledger_version": manifest.ledger_version,
        "parts": {name: part._asdict() for name, part in manifest.parts.items()},
    }
