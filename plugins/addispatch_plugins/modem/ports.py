"""The serial ports of this machine and the USB devices behind them. Used to find modems and by the scan.

Reads sysfs and /dev, which may take a moment: run it in a thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from serial.tools import list_ports

#: Where names of ports are that stay the same, the best first.
NAMES = (Path("/dev/serial/by-id"), Path("/dev/serial/by-path"), Path("/dev/modem"))
#: More are not looked at.
MAX_PORTS = 64


@dataclass(frozen=True, slots=True)
class Port:
    """A serial port; ``usb`` is the path of its USB device (``1-1.2``), ``serial`` the device's serial number."""

    device: str
    usb: str = ""
    serial: str = ""
    description: str = ""
    names: tuple[str, ...] = ()

    @property
    def best_name(self) -> str:
        """The name for a configuration: one that stays, if there is one."""
        return self.names[0] if self.names else self.device

    def belongs_to(self, usb: str) -> bool:
        """Whether it is on the USB device with this path or serial number."""
        return bool(usb) and usb in (self.usb, self.serial)


def listed() -> list[Port]:
    """Return the ports the kernel knows, those of USB devices first."""
    names = _names()
    ports = [
        Port(
            device=found.device,
            usb=(found.location or "").partition(":")[0],
            serial=found.serial_number or "",
            description=" ".join(part for part in (found.manufacturer, found.product) if part)[:80],
            names=tuple(names.get(found.device, ())),
        )
        for found in list_ports.comports()
    ]
    return sorted(ports, key=lambda port: (not port.usb, port.device))[:MAX_PORTS]


def at(path: str) -> Port | None:
    """Return the listed port a path leads to, or None."""
    device = str(Path(path).resolve())
    return next((port for port in listed() if port.device == device), None)


def _names() -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for folder in NAMES:
        if folder.is_dir():
            for link in sorted(folder.iterdir()):
                names.setdefault(str(link.resolve()), []).append(str(link))
    return names
