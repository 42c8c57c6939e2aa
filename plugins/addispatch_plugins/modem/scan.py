"""Looks through the serial ports for modems and proposes a configuration. Called by ``addispatch modems --scan``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from addispatch_plugins.modem import ports
from addispatch_plugins.modem.link import Deadlines
from addispatch_plugins.modem.process import Child, ModemError, RequestFailedError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: So many ports are asked at the same time: each takes a process of its own, for a port may hang.
AT_ONCE = 8
_MODEM, _IN_USE, _NONE, _UNUSABLE = "modem", "in use", "no modem", "unusable"
#: What the child's codes mean here.
_STATES = {"PORT_IN_USE": _IN_USE, "NOT_A_MODEM": _NONE}


async def scan(extra: Sequence[str] = (), deadlines: Deadlines | None = None) -> dict[str, Any]:
    """Ask every serial port of the machine, and those in ``extra``, whether a modem is there.

    Returns ``ports``, one document each (``port``, ``names``, ``usb``, ``serial``, ``description``, ``state``,
    ``manufacturer``, ``model``, ``imei``, ``imsi``, ``sim``, ``problem``), and ``proposal``: TOML, empty if none.
    """
    listed = await asyncio.to_thread(ports.listed)
    known = {name for port in listed for name in (port.device, *port.names)}
    listed += [ports.Port(device=path) for path in dict.fromkeys(extra) if path not in known]
    gate = asyncio.Semaphore(AT_ONCE)
    deadline_s = (deadlines or Deadlines()).inspect_s
    found = list(await asyncio.gather(*(_look(port, gate, deadline_s) for port in listed)))
    return {"ports": found, "proposal": _proposal(found)}


async def _look(port: ports.Port, gate: asyncio.Semaphore, deadline_s: float) -> dict[str, Any]:
    document: dict[str, Any] = {
        "port": port.best_name,
        "device": port.device,
        "names": list(port.names),
        "usb": port.usb,
        "serial": port.serial,
        "description": port.description,
        "state": _MODEM,
        "problem": "",
        **dict.fromkeys(("manufacturer", "model", "imei", "imsi", "sim"), ""),
    }
    async with gate:
        child = await Child.start()
        try:
            return document | await child.call("inspect", deadline_s, port=port.device)
        except RequestFailedError as error:
            return document | {"state": _STATES.get(error.code, _UNUSABLE), "problem": str(error)}
        except ModemError as error:
            return document | {"state": _UNUSABLE, "problem": str(error)}
        finally:
            await child.close()


def _proposal(found: list[dict[str, Any]]) -> str:
    """Tables to paste: one for each device, on the first of its ports that answers."""
    tables: list[str] = []
    seen: set[str] = set()
    for one in found:
        if one["state"] != _MODEM or one["imei"] in seen:
            continue
        seen |= {one["imei"]} - {""}
        name = f"sim{len(tables) + 1}"
        about = " ".join(part for part in (one["manufacturer"], one["model"]) if part) or "modem"
        lines = [
            "[[plugin.modem.modem]]",
            f'name = "{name}"',
            f'port = "{_plain(one["port"])}"',
            f"# {_plain(about)}, IMEI {one['imei'] or 'unknown'}, SIM {_plain(one['sim'])}",
        ]
        if one["sim"] == "wants its PIN":
            lines.append(f'pin = "${{FILE:{name}.pin}}"')
        tables.append("\n".join(lines) + "\n")
    return "\n".join(tables)


def _plain(text: str) -> str:
    """Leave nothing that could end a TOML string or comment: this came from a device."""
    return "".join(char for char in text if char.isprintable() and char not in '"\\')
