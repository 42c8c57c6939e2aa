"""``addispatch directory export|import``: the address book and its kin as TOML, JSON or CSV files."""

from __future__ import annotations

import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from addispatch.cli import views
from addispatch.cli.client import Client, Doc, Failure
from addispatch.cli.connected import connected
from addispatch.cli.root import app
from addispatch.domain.errors import ConfigErrors

commands = typer.Typer(
    help="Address book, groups, routes: to and from files.", rich_markup_mode=None, no_args_is_help=True
)
app.add_typer(commands, name="directory")


class Table(StrEnum):
    """What a CSV file can hold."""

    RECIPIENT = "recipient"
    GROUP = "group"


@connected(commands, "import", view=views.counts)
def import_file(
    client: Client, file: Annotated[Path, typer.Argument(help="A .toml, .json or .csv file.", metavar="F")]
) -> Doc:
    """Add or change the entries of a file; all or, if one is wrong, none."""
    from addispatch.store import exchange

    readers = {".toml": exchange.from_toml, ".json": exchange.from_json}
    data, suffix = _read(file), file.suffix.lower()
    try:
        if suffix == ".csv":
            return _import_csv(client, data, file)
        if suffix in readers:
            return client.post("/directory/import", readers[suffix](data, str(file)))
    except ConfigErrors as wrong:
        raise Failure([str(error) for error in wrong.errors]) from None
    raise _unknown(file)


def _import_csv(client: Client, data: bytes, file: Path) -> Doc:
    """Import a CSV file; mistakes are told by its lines instead of by the document's paths."""
    from addispatch.store.exchange_csv import from_csv

    table = from_csv(data, client.get("/directory"), str(file))
    try:
        return client.post("/directory/import", table.document)
    except Failure as failure:
        lines = [re.sub(r"^[^\s:]+", lambda path: table.place(path[0]), line, count=1) for line in failure.lines]
        raise Failure(lines) from None


def _show(document: Doc) -> None:
    from addispatch.store import exchange

    sys.stdout.write(exchange.to_toml(document))


@connected(commands, "export", view=_show)
def export(
    client: Client,
    file: Annotated[
        Path | None, typer.Argument(help="A .toml, .json or .csv file; none prints TOML.", metavar="[F]")
    ] = None,
    table: Annotated[Table, typer.Option(help="Which table a CSV file gets.")] = Table.RECIPIENT,
) -> Doc | None:
    """Write the directory to a file, or print it."""
    document = client.get("/directory")
    if file is None:
        return document
    _write(file, _as_text(document, file, table))
    print(f"{file} written")
    return None


def _as_text(document: Doc, file: Path, table: Table) -> str:
    from addispatch.store import exchange, exchange_csv

    match file.suffix.lower():
        case ".toml":
            return exchange.to_toml(document)
        case ".json":
            return exchange.to_json(document)
        case ".csv":
            return exchange_csv.to_csv(document, table)
    raise _unknown(file)


def _unknown(file: Path) -> Failure:
    return Failure([f"{file}: its name must end in .toml, .json or .csv"])


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Failure([f"{file}: cannot be read: {error.strerror}"]) from None


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise Failure([f"{file}: cannot be written: {error.strerror}"]) from None
