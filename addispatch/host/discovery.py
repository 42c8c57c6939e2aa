"""Finds plugins without importing them: entry points of installed packages, and files in the drop-in folder.

Called by ``host.prepare``. Listing stays fast, and a missing libgammu cannot break it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, NamedTuple

from addispatch.domain.errors import ConfigError
from addispatch.host import dropin

if TYPE_CHECKING:
    from collections.abc import Callable

    from addispatch.config.models import PluginsConfig

GROUP = "addispatch.plugins"


@dataclass(frozen=True, slots=True)
class Found:
    """A plugin that is there. ``refusal`` says why it must not be loaded; ``load()`` imports it."""

    name: str
    origin: str
    version: str
    load: Callable[[], object]
    refusal: str = ""


class _Package(NamedTuple):
    name: str
    version: str


def discover(settings: PluginsConfig) -> tuple[list[Found], list[ConfigError]]:
    """Return every plugin by name, and what is wrong with the way plugins are set up."""
    found, errors = _installed(), []
    if not found:
        hint = "run pip install -e . in the source folder, or install the package"
        errors.append(ConfigError("plugins", "no plugins found: addispatch is not installed", hint))
    if settings.folder is not None:
        found, refusal = _with_dropins(found, settings)
        if refusal:
            errors.append(ConfigError("plugins.folder", refusal))
    return sorted(found, key=lambda item: (item.name, bool(item.refusal))), errors


def _installed() -> list[Found]:
    by_name: dict[str, list[tuple[EntryPoint, _Package]]] = defaultdict(list)
    packages: dict[int, _Package] = {}
    for entry in entry_points(group=GROUP):
        # Each look at a package's name or version reads its METADATA anew, and most plugins come from one package.
        if id(entry.dist) not in packages:
            packages[id(entry.dist)] = (
                _Package(entry.dist.name, entry.dist.version) if entry.dist else _Package("?", "")
            )
        by_name[entry.name].append((entry, packages[id(entry.dist)]))
    return [_one_of(name, offers) for name, offers in by_name.items()]


def _one_of(name: str, offers: list[tuple[EntryPoint, _Package]]) -> Found:
    names = [package.name for _, package in offers]
    refusal = f"several packages provide it: {', '.join(sorted(names))}; uninstall one" if len(offers) > 1 else ""
    entry, package = offers[0]
    return Found(name, ", ".join(names), package.version, entry.load, refusal)


def _with_dropins(installed: list[Found], settings: PluginsConfig) -> tuple[list[Found], str]:
    assert settings.folder is not None
    files, folder_refusal = dropin.files_in(settings.folder)
    names = {item.name for item in installed}
    found = installed
    for file in files:
        refusal = folder_refusal or dropin.refusal_of(file)
        if file.stem in names and not settings.replace:
            refusal = refusal or "a plugin of this name is installed; [plugins] replace = true would let the file win"
        elif file.stem in names and not refusal:
            found = [item for item in found if item.name != file.stem]
        found = [*found, Found(file.stem, str(file), "", dropin.loader(file), refusal)]
    return found, folder_refusal
