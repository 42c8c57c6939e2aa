"""Finds, checks, starts and stops plugins. A bad plugin never stops the daemon, and one sees why it is off (law 4)."""

from addispatch.host.context import Core, PluginContext
from addispatch.host.lifecycle import PluginHost
from addispatch.host.prepare import check_file, check_plugins, prepare
from addispatch.host.runner import Patience
from addispatch.host.status import Record, Status

__all__ = [
    "Core",
    "Patience",
    "PluginContext",
    "PluginHost",
    "Record",
    "Status",
    "check_file",
    "check_plugins",
    "prepare",
]
