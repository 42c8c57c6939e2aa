"""``addispatch modems --scan``: which port has a modem, without a daemon. Called by ``addispatch.cli.data``.

The plugin ``modem`` does it: its ``Plugin.scan(ports)`` returns ``ports``, a list of documents (``port``, ``device``,
``names``, ``usb``, ``serial``, ``description``, ``state``, ``manufacturer``, ``model``, ``imei``, ``imsi``, ``sim``,
``problem``), and ``proposal``, TOML to paste.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from addispatch.cli import table
from addispatch.cli.connected import print_json
from addispatch.cli.text import colour, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLUGIN = "modem"


def show_scan(ports: Sequence[str], *, as_json: bool) -> None:
    """Look and print. Raises ``PluginError`` when the plugin is not there."""
    document = asyncio.run(_scan(ports))
    if as_json:
        print_json(document)
        return
    found = document["ports"]
    rows = [(one["port"], one["state"], _what(one), one["sim"], one["usb"]) for one in found]
    table.show(("PORT", "STATE", "WHAT", "SIM", "USB"), rows, nothing="no serial ports", whole=True)
    if document["proposal"]:
        print(colour("\nFor addispatch.toml:\n", "dim"))
        print("\n".join(printable(line) for line in document["proposal"].splitlines()))
    elif found:
        print("No modem found. One that a daemon uses is shown as in use: 'addispatch modems' tells about it.")


async def _scan(ports: Sequence[str]) -> dict[str, Any]:
    from addispatch.config.models import PluginsConfig
    from addispatch.domain.errors import PluginError
    from addispatch.host.discovery import discover
    from addispatch.sdk.plugin import Plugin

    found, _errors = discover(PluginsConfig())
    one = next((item for item in found if item.name == _PLUGIN and not item.refusal), None)
    plugin = one.load() if one is not None else None
    if not isinstance(plugin, Plugin) or plugin.scan is None:
        raise PluginError(f"the plugin {_PLUGIN} is not installed, or cannot scan")
    return await plugin.scan(ports)


def _what(one: dict[str, Any]) -> str:
    if one["problem"]:
        return str(one["problem"])
    name = " ".join(part for part in (one["manufacturer"], one["model"]) if part) or one["description"] or "modem"
    return f"{name}, IMEI {one['imei']}" if one["imei"] else str(name)
