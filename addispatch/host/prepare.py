"""From the configuration to checked plugins, nothing created or started yet.

Used by ``PluginHost.load``, by ``addispatch check`` (``check_file``) and by ``addispatch plugin list``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from addispatch.config.explain import did_you_mean, explain
from addispatch.config.loading import add_unseen, find, read, validate
from addispatch.config.models import Config, PluginsConfig
from addispatch.config.provided import Provided
from addispatch.config.secrets import unresolved
from addispatch.domain.errors import AddispatchError, ConfigError, ConfigErrors, PluginError
from addispatch.host.discovery import Found, discover
from addispatch.host.status import Record, Status, describe
from addispatch.sdk.config import PluginConfig
from addispatch.sdk.plugin import API_VERSION, Plugin

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

#: What may be needed as a channel is and no plugin brings: the other node is there to hold a copy of each alarm.
MIRROR = "mirror"


def prepare(settings: PluginsConfig, tables: Mapping[str, Any]) -> tuple[list[Record], list[ConfigError]]:
    """Find all plugins, import those that are on and check their tables.

    Returns a record per plugin, those with a table first and in that order, and what is wrong with the set-up.
    """
    found, errors = discover(settings)
    by_name: dict[str, Found] = {}
    for item in found:  # of two with one name the loadable one comes first
        by_name.setdefault(item.name, item)
    records = [_configured(name, table, by_name) for name, table in tables.items()]
    records += [_idle(item) for item in found if item.name not in tables or by_name[item.name] is not item]
    return records, errors


def provided(settings: PluginsConfig) -> Provided:
    """Return what all plugins that are there provide, on or off."""
    found, _errors = discover(settings)
    channels: set[str] = set()
    probes: dict[str, type[BaseModel]] = {}
    for item in found:
        try:
            plugin = _import(item)
        except (Exception, SystemExit):  # a supervision border: an import can raise anything
            log.debug("plugin %s cannot be imported", item.name, exc_info=True)
            return Provided()
        channels |= set(plugin.channels)
        probes |= plugin.probes
    return Provided(frozenset(channels), probes)


def check_plugins(config: Config) -> list[ConfigError]:
    """Return every mistake in the plugins' part of the configuration; starts nothing."""
    records, errors = prepare(config.plugins, config.plugin)
    return errors + [error for record in records for error in record.errors]


def check_file(path: Path | None = None) -> list[ConfigError]:
    """Return every mistake in a configuration file, the core's and the plugins' (``addispatch check``)."""
    try:
        document = read(find(path))
    except ConfigErrors as nothing_found:
        return nothing_found.errors
    config, core_errors = validate(document)
    if document.unreadable:  # half a table would only bring follow-up errors: plugins have options that must be there
        return core_errors
    # Mistakes in the core's tables must not hide those of the plugins.
    tables = document.data.get("plugin")
    tables = (
        {name: table for name, table in tables.items() if isinstance(table, dict)} if isinstance(tables, dict) else {}
    )
    records, errors = prepare(config.plugins if config else PluginsConfig(), tables)
    errors += [error for record in records for error in record.errors]
    errors += _unmet_needs(config, records) if config else []
    return add_unseen(document, core_errors, errors)


def _unmet_needs(config: Config, records: list[Record]) -> list[ConfigError]:
    """Return the channels without which the node is not ready and that no plugin brings: it would never be."""
    if any(record.errors for record in records):  # it may be that plugin which has the channel
        return []
    brought = {channel for record in records if record.plugin is not None for channel in record.plugin.channels}
    if config.cluster is not None:
        brought.add(MIRROR)
    return [
        ConfigError("http.ready_needs", f"no plugin that is on has the channel {name}", did_you_mean(name, brought))
        for name in config.http.ready_needs
        if name not in brought
    ]


def _idle(found: Found) -> Record:
    record = Record(found.name, found.origin, found.version)
    if found.refusal:
        record.fail(Status.LOAD_ERROR, found.refusal)
    else:
        record.reason = f"no table [plugin.{found.name}]"
    return record


def _configured(name: str, table: dict[str, Any], known: Mapping[str, Found]) -> Record:
    path = f"plugin.{name}"
    if name not in known:
        record = Record(name)
        _mistaken(record, [ConfigError(path, "no plugin of this name is installed", did_you_mean(name, known))])
        return record
    found = known[name]
    record = Record(name, found.origin, found.version)
    if table.get("enabled") is False:
        record.reason = "enabled = false"
        return record
    try:
        record.plugin = _import(found)
    except (Exception, SystemExit) as error:  # a supervision border: an import can raise anything
        if not isinstance(error, AddispatchError):
            log.debug("plugin %s cannot be imported", name, exc_info=True)
        record.fail(Status.LOAD_ERROR, error)
        record.errors = [ConfigError(path, f"the plugin cannot be loaded: {describe(error)}")]
        return record
    _check_table(record, record.plugin, table)
    return record


def _import(found: Found) -> Plugin:
    """Import a plugin and make sure that it is one; raises ``PluginError`` or whatever the import raises."""
    if found.refusal:
        raise PluginError(found.refusal)
    plugin = found.load()
    if isinstance(plugin, ModuleType):
        raise PluginError(f"{plugin.__name__} is a module and hides the Plugin object of that name: rename it")
    if not isinstance(plugin, Plugin):
        raise PluginError(f"it is a {type(plugin).__name__}, not an addispatch.sdk.Plugin")
    if plugin.api_version != API_VERSION:
        raise PluginError(f"it is made for plugin API {plugin.api_version}, this addispatch has {API_VERSION}")
    if plugin.name != found.name:
        raise PluginError(f"it calls itself {plugin.name!r}, but is registered as {found.name!r}")
    model: object = plugin.config
    if not (isinstance(model, type) and issubclass(model, PluginConfig)):
        raise PluginError("its configuration model is not a subclass of addispatch.sdk.PluginConfig")
    return plugin


def _check_table(record: Record, plugin: Plugin, table: dict[str, Any]) -> None:
    path = f"plugin.{record.name}"
    errors = unresolved(table)
    seen = {error.path for error in errors}  # what stands there instead of the secret may be wrong, too
    try:
        record.settings = plugin.config.model_validate(table)
    except ValidationError as error:
        errors += [more for more in explain(error, plugin.config, table, path) if more.path not in seen]
    except Exception as error:  # noqa: BLE001 - a supervision border: validators are the plugin's code
        errors += below(path, error)
    if errors or record.settings is None:
        _mistaken(record, errors)
    else:
        record.status = Status.ENABLED if record.settings.enabled else Status.DISABLED


def _mistaken(record: Record, errors: list[ConfigError]) -> None:
    record.errors = errors
    record.fail(Status.CONFIG_ERROR, "; ".join(str(error) for error in errors))


def below(path: str, error: Exception) -> list[ConfigError]:
    """Return the error as configuration errors whose paths begin with ``path``."""
    if isinstance(error, ConfigErrors):
        return [inner for each in error.errors for inner in below(path, each)]
    if isinstance(error, ConfigError):
        place = error.path if error.path.startswith(path) else f"{path}.{error.path}"
        return [ConfigError(place, error.problem, error.hint)]
    return [ConfigError(path, describe(error))]
