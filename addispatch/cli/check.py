"""``addispatch check``: all mistakes in the configuration and directory.toml at once; changes nothing."""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from addispatch.cli.connected import print_json
from addispatch.cli.daemon import ConfigFile
from addispatch.cli.guard import BAD_CONFIG
from addispatch.cli.root import app
from addispatch.cli.text import colour, fold, printable
from addispatch.domain.errors import ConfigError, ConfigErrors, StoreError

if TYPE_CHECKING:
    from addispatch.config import Config
    from addispatch.store.directory_records import Tables

#: Provisioned at each start, beside the configuration.
PROVISIONED = "directory.toml"


@app.command()
def check(
    config: ConfigFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Check the configuration and directory.toml; tells all mistakes at once."""
    files, errors = _check(config)
    if as_json:
        listed = [{"path": e.path, "problem": e.problem, "hint": e.hint} for e in errors]
        print_json({"ok": not errors, "files": files, "errors": listed})
    elif errors:
        for error in errors:
            print(fold(f"{colour(printable(error.path), 'red')}: {printable(error.problem)}" + _hint(error.hint)))
    else:
        print(f"{colour('good', 'green')}: {', '.join(files)}")
    raise typer.Exit(BAD_CONFIG if errors else 0)


def _hint(hint: str) -> str:
    return f" ({printable(hint)})" if hint else ""


def _check(named: Path | None) -> tuple[list[str], list[ConfigError]]:
    """Return the files looked at and every mistake in them."""
    from addispatch.config import Config, find, read
    from addispatch.config.loading import validate
    from addispatch.host.prepare import check_file

    try:
        path = find(named)
    except ConfigErrors as nothing_found:
        return [], nothing_found.errors
    document = read(path)
    files, errors = [str(file) for file in document.files], check_file(path)
    provisioned = document.folder / PROVISIONED
    if provisioned.exists():
        files.append(str(provisioned))
        errors += _check_directory(provisioned, validate(document)[0] or Config())
    return files, errors


def _check_directory(path: Path, config: Config) -> list[ConfigError]:
    """Return the mistakes in ``directory.toml``, which may refer to entries the directory already has."""
    from addispatch.host.prepare import provided
    from addispatch.store.directory_change import Change
    from addispatch.store.exchange import from_toml

    try:
        document = from_toml(path.read_bytes(), str(path))
        change = Change(
            _stored(config.node.data_dir),
            config.node.default_region,
            source=str(path),
            provisioning=True,
            provided=partial(provided, config.plugins),
        )
        change.add_document(document)
        change.result()
    except OSError as error:
        return [ConfigError(str(path), f"cannot be read: {error.strerror}")]
    except ConfigErrors as wrong:
        inside = [e for e in wrong.errors if e.path != str(path)]
        return [ConfigError(f"{path.name}: {e.path}", e.problem, e.hint) if e in inside else e for e in wrong.errors]
    return []


def _stored(data_dir: Path) -> Tables:
    """Return what the directory holds now, read from a copy: reading the original may mend it."""
    from addispatch.store.directory_files import TableFiles
    from addispatch.store.directory_records import empty_tables
    from addispatch.store.directory_repair import read_rows

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "directory")
        try:
            shutil.copytree(data_dir / "directory", copy)
            return read_rows(TableFiles(copy).load()[0])[0]
        except (OSError, StoreError):
            return empty_tables()
