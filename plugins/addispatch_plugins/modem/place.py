"""Where one modem is: the port it was configured with, or the one it is found on by IMEI or USB. Used by the actor."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, TypeVar

from addispatch_plugins.modem import ports
from addispatch_plugins.modem.process import Child, ModemError

if TYPE_CHECKING:
    from collections.abc import Callable

    from addispatch_plugins.modem.config import ModemConfig
    from addispatch_plugins.modem.link import Deadlines

T = TypeVar("T")

#: How often all ports are looked through for a modem that was configured without one.
FIND_S = 5.0
#: How long listing them may take.
LIST_S = 5.0
#: A port on which another device answered, or none, is not disturbed again for so long.
LEAVE_ALONE_S = 300.0


class Place:
    """Knows the port, ``path``: empty while there is none."""

    def __init__(self, config: ModemConfig, deadlines: Deadlines) -> None:
        self.path = config.port
        #: Path of the USB device it was last seen on, for example ``1-1.2``.
        self.usb = ""
        self._config, self._deadlines = config, deadlines
        self._held: tuple[int, int] | None = None
        #: Ports that are not it, and until when they are left alone; a device that was changed has another number.
        self._others: dict[tuple[str, int], float] = {}

    @property
    def is_fixed(self) -> bool:
        """Whether the port is configured and not looked for."""
        return bool(self._config.port)

    @property
    def shown(self) -> str:
        """What people know it by."""
        return self.path or self._wanted

    @property
    def absence(self) -> str:
        """Why there is no port, or not the device that was there."""
        if self.exists():
            return "it was pulled out and is plugged in again"
        return "there is no such port" if self.is_fixed else f"no modem with {self._wanted} is plugged in"

    @property
    def _wanted(self) -> str:
        imei, usb = self._config.imei, self._config.usb
        return " and ".join(part for part in (imei and f"IMEI {imei}", usb and f"USB {usb}") if part)

    def exists(self) -> bool:
        """Whether the port is there."""
        return bool(self.path) and os.path.exists(self.path)  # noqa: PTH110 - a stat in /dev does not block

    def hold(self) -> None:
        """Remember which device is on the port now."""
        self._held = _device(self.path)

    def is_same(self) -> bool:
        """Whether the device is there that was when ``hold`` was called: one that was pulled out and put in is not."""
        return self._held is not None and _device(self.path) == self._held

    async def find(self) -> bool:
        """Look for the port; True when there is one."""
        if self.is_fixed:
            return self.exists()
        listed = await _in_thread(ports.listed) or []
        candidates = [port for port in listed if self._may_be_it(port)]
        now_s = asyncio.get_running_loop().time()
        candidates = [port for port in candidates if self._others.get(_key(port.device), 0) <= now_s]
        answers = await asyncio.gather(*(self._is_it(port.device) for port in candidates))
        for port, answer in zip(candidates, answers, strict=True):
            if answer:
                self.path, self.usb = port.best_name, port.usb
                return True
            if answer is not None:
                self._others[_key(port.device)] = now_s + LEAVE_ALONE_S
        self.path = ""
        return False

    async def inspect(self) -> dict[str, Any]:
        """Ask the modem on the port who it is (see ``talk.inspect``). Not while it runs: only one may have the port.

        Raises ``ModemError`` with the reason when there is none; ``code`` is ``PORT_IN_USE`` when another has the port.
        """
        if not await self.find():
            raise ModemError(self.absence)
        return await self._ask(self.path)

    async def note_usb(self) -> None:
        """Remember the USB device while its port is there, for the time when it is not."""
        if (port := await _in_thread(ports.at, self.path)) is not None:
            self.usb = port.usb

    def _may_be_it(self, port: ports.Port) -> bool:
        # Without a USB path only USB ports are tried: an AT on a built-in port might go to a machine.
        return port.belongs_to(self._config.usb) if self._config.usb else bool(port.usb)

    async def _is_it(self, device: str) -> bool | None:
        """Whether the modem there is ours; None when it cannot be asked now."""
        try:
            answer = await self._ask(device)
        except ModemError as error:
            return None if getattr(error, "code", "") in ("PORT_IN_USE", "PORT") else False
        return self._config.imei in ("", answer["imei"])

    async def _ask(self, device: str) -> dict[str, Any]:
        child = await Child.start()
        try:
            return await child.call("inspect", self._deadlines.inspect_s, port=device)
        finally:
            await child.close()


async def _in_thread(look: Callable[..., T], *arguments: str) -> T | None:
    try:
        async with asyncio.timeout(LIST_S):
            return await asyncio.to_thread(look, *arguments)
    except (TimeoutError, OSError):
        return None


def _device(path: str) -> tuple[int, int] | None:
    """Which device a path leads to; its inode is another one each time the device is made."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a stat in /dev does not block
    except OSError:
        return None
    return status.st_rdev, status.st_ino


def _key(device: str) -> tuple[str, int]:
    try:
        return device, os.stat(device).st_ino  # noqa: PTH116 - a stat in /dev does not block
    except OSError:
        return device, 0
