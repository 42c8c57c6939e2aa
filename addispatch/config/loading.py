"""Reads ``addispatch.toml`` and ``conf.d/*.toml`` beside it, and reports all mistakes at once.

Called by the CLI at start and by ``addispatch check``. ``read`` gathers what the files say, ``load`` also checks it.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from addispatch.config.explain import explain
from addispatch.config.models import Config
from addispatch.config.paths import join, parents
from addispatch.config.secrets import replace_references, unresolved
from addispatch.domain.errors import ConfigError, ConfigErrors

#: Where the configuration is looked for when none is named.
SEARCHED = (Path("addispatch.toml"), Path("/etc/addispatch/addispatch.toml"))
#: Largest configuration file in bytes: a site with a thousand subscriptions has about 200 KiB.
MAX_FILE_BYTES = 2 * 1024 * 1024
#: Most files in conf.d.
MAX_FILES_COUNT = 200


@dataclass(slots=True)
class Document:
    """What the files say: merged, references replaced, not yet checked. ``errors`` kept it from being complete.

    A reference of a plugin's table that leads nowhere is not among them: it turns off that plugin, not the daemon.

    ``origins`` tells for each path which file in conf.d wrote it; ``references`` are the paths that hold secrets;
    ``unreadable``: what a whole file says is missing.
    """

    folder: Path
    files: list[Path] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    references: frozenset[str] = frozenset()
    errors: list[ConfigError] = field(default_factory=list)
    unreadable: bool = False


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checked configuration, the files it came from, and the paths whose values must not be shown."""

    config: Config
    files: tuple[Path, ...] = ()
    references: frozenset[str] = frozenset()


def find(path: Path | None = None) -> Path:
    """Return the file to load: the one named by ``--config``, else the first of ``SEARCHED`` that is there."""
    if path is not None:
        return path
    for candidate in SEARCHED:
        if candidate.exists():
            return candidate
    names = " and ".join(str(candidate) for candidate in SEARCHED)
    raise ConfigErrors([ConfigError("configuration", f"no file found; looked for {names}", "name one with --config")])


def load(path: Path | None = None) -> Loaded:
    """Load the configuration; raises ``ConfigErrors`` with every mistake in it. Plugins' tables are not checked."""
    document = read(find(path))
    config, errors = validate(document)
    if config is None or errors:
        raise ConfigErrors(errors)
    return Loaded(config, tuple(document.files), document.references)


def validate(document: Document) -> tuple[Config | None, list[ConfigError]]:
    """Check the core's tables; None if they cannot be used. The errors include those of reading."""
    errors = list(document.errors)
    try:
        return Config.model_validate(document.data, context={"folder": document.folder}), errors
    except ValidationError as error:
        return None, add_unseen(document, errors, explain(error, Config, document.data))


def add_unseen(document: Document, errors: list[ConfigError], more: list[ConfigError]) -> list[ConfigError]:
    """Join two lists of errors: each place once, naming the file in conf.d that wrote it."""
    seen = {error.path for error in errors}
    return errors + [_with_origin(document, error) for error in more if error.path not in seen]


def _with_origin(document: Document, error: ConfigError) -> ConfigError:
    origin = _origin(document, error.path)
    if not origin:
        return error
    return ConfigError(error.path, error.problem, f"{error.hint}; in {origin}" if error.hint else f"in {origin}")


def _origin(document: Document, path: str) -> str:
    return next((document.origins[outer] for outer in parents(path) if outer in document.origins), "")


def read(path: Path) -> Document:
    """Read and merge the files and replace the references. Never raises: problems are in ``errors``."""
    document = Document(folder=path.absolute().parent)
    more = sorted((document.folder / "conf.d").glob("*.toml"))
    if len(more) > MAX_FILES_COUNT:
        document.errors.append(ConfigError("conf.d", f"more than {MAX_FILES_COUNT} files"))
    for file in [path, *more[:MAX_FILES_COUNT]]:
        name = str(path) if file is path else f"conf.d/{file.name}"
        try:
            data = _parse(file, name)
        except ConfigError as error:
            document.errors.append(error)
            document.unreadable = True
            continue
        document.files.append(file)
        _merge(document, document.data, data, "" if file is path else name, "")
    document.data, references = replace_references(document.data, document.folder)
    document.references = frozenset(references)
    core = {name: table for name, table in document.data.items() if name != "plugin"}
    document.errors = add_unseen(document, document.errors, unresolved(core))
    return document


def _parse(file: Path, name: str) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(name, f"cannot be read: {error.strerror}", "check the path and who may read it") from None
    if len(raw) > MAX_FILE_BYTES:
        raise ConfigError(name, f"is larger than {MAX_FILE_BYTES // 1024} KiB")
    try:
        return tomllib.loads(raw.decode("utf-8-sig"))  # Windows editors begin files with a byte order mark
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{name}, line {line}", "is not UTF-8 text", "save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(name, str(error)) from None
    except RecursionError:
        raise ConfigError(name, "is nested too deeply") from None


def _syntax_error(name: str, message: str) -> ConfigError:
    match = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", message)
    if match is None:
        return ConfigError(name, message)
    place = f"line {match[2]}, column {match[3]}" if match[2] else "end of file"
    hint = 'text stands in quotes: name = "node-a"' if match[1] == "Invalid value" else ""
    return ConfigError(f"{name}, {place}", match[1][:1].lower() + match[1][1:], hint)


def _merge(document: Document, into: dict[str, Any], more: dict[str, Any], origin: str, path: str) -> None:
    """Add ``more`` to ``into``: tables grow, lists of tables are joined, anything set twice is an error."""
    for key, value in more.items():
        here, known = join(path, key), into.get(key)
        if key not in into:
            into[key] = value
            if origin:
                document.origins[here] = origin
        elif isinstance(known, dict) and isinstance(value, dict):
            _merge(document, known, value, origin, here)
        elif isinstance(known, list) and _is_list_of_tables(known) and _is_list_of_tables(value):
            for index in range(len(known), len(known) + len(value)):
                document.origins[join(here, index)] = origin
            known.extend(value)
        else:
            first = _origin(document, here) or document.files[0].name
            document.errors.append(ConfigError(here, f"is set twice: in {first} and in {origin}", "remove one"))


def _is_list_of_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)
