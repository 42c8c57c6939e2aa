"""Finds the daemon's data directory without loading the whole configuration: that would cost more than the command."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from addispatch.domain.errors import ConfigError

#: Names the data directory for every command of a shell.
ENVIRONMENT = "ADDISPATCH_DATA_DIR"
#: The same as in ``addispatch.config`` (a test compares them).
SEARCHED = (Path("addispatch.toml"), Path("/etc/addispatch/addispatch.toml"))
DEFAULT = Path("/var/lib/addispatch")


def find_data_dir(named: Path | None, config: Path | None) -> Path:
    """Return the folder named by option, environment or configuration, in this order, else the default.

    A configuration named but not readable is a ``ConfigError``; other mistakes in it are for ``addispatch check``.
    """
    if named is not None:
        return named
    if config is None and os.environ.get(ENVIRONMENT):
        return Path(os.environ[ENVIRONMENT])
    for path in SEARCHED if config is None else (config,):
        if config is not None or path.exists():
            return _data_dir_of(path)
    return DEFAULT


def _data_dir_of(path: Path) -> Path:
    folder = path.absolute().parent
    for file in (path, *sorted((folder / "conf.d").glob("*.toml"))):
        node = _parse(file).get("node")
        value = node.get("data_dir") if isinstance(node, dict) else None
        if isinstance(value, str) and "${" in value:
            from addispatch.config import load

            return load(path).config.node.data_dir
        if isinstance(value, str):
            return Path(folder, Path(value).expanduser())
    return DEFAULT


def find_ledger(data_dir: Path, config: Path | None) -> Path:
    """Return where the ledger is: the configuration's ``[store] url``, in ``data_dir`` if it is relative."""
    value = find_value(config, "store", "url")
    return data_dir / (value.removeprefix("sqlite:///") if value else "ledger.db")


def find_value(config: Path | None, table: str, key: str) -> str:
    """Return a text of the configuration, the last one if several files set it; empty if none does."""
    found = ""
    for path in [path for path in ((config,) if config is not None else SEARCHED) if path.exists()][:1]:
        for file in (path, *sorted((path.absolute().parent / "conf.d").glob("*.toml"))):
            rows = _parse(file).get(table)
            value = rows.get(key) if isinstance(rows, dict) else None
            found = value if isinstance(value, str) and "${" not in value else found
    return found


def _parse(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        raise ConfigError(str(file), f"cannot be read: {error.strerror}", "name the folder with --data-dir") from None
    except ValueError as error:
        raise ConfigError(str(file), f"is no TOML: {error}", "'addispatch check' shows all mistakes") from None
