"""Climbs the rungs of the ladder: resets a modem, asks for its USB port to be bound anew. Used by the actor."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from addispatch.sdk import Severity
from addispatch_plugins.modem.ladder import Rung
from addispatch_plugins.modem.process import Child, ModemError

if TYPE_CHECKING:
    from addispatch.sdk import Context
    from addispatch_plugins.modem.link import Deadlines
    from addispatch_plugins.modem.place import Place

#: Folder with the requests to bind USB ports anew, in the plugin's own one; the unit addispatch-usb-rebind watches it.
REQUESTS = "usb-rebind"
#: The name of a USB device in sysfs: bus, then ports. No hub at the root, no interface.
USB_DEVICE = re.compile(r"[0-9]{1,3}-[0-9]{1,3}(\.[0-9]{1,3}){0,6}")


class Healer:
    """One modem's. Each rung is an event of kind ``modem_healing``."""

    def __init__(self, context: Context, name: str, deadlines: Deadlines) -> None:
        self._context, self._name, self._deadlines = context, name, deadlines

    async def climb(self, rung: Rung, place: Place, reason: str) -> None:
        """Do what the rung says. Never raises: what does not help is told, and the next rung comes."""
        if rung is Rung.RESET:
            await self._reset(place, reason)
        elif rung is Rung.REBIND:
            self._request_rebind(place.usb, reason)
        elif rung is Rung.REOPEN:
            self.tell(rung, "opens its port again after the reset")
        else:
            self.tell(rung, f"gets a new process: {reason}")

    def tell(self, rung: Rung, text: str) -> None:
        """Write the event of a rung."""
        self._context.event(
            f"Modem {self._name} {text}",
            severity=Severity.WARNING if rung in (Rung.RESET, Rung.REBIND) else Severity.INFO,
            kind="modem_healing",
            modem=self._name,
            rung=str(rung),
        )

    async def _reset(self, place: Place, reason: str) -> None:
        child = await Child.start()
        try:
            answer = await child.call("reset", self._deadlines.reset_s, port=place.path)
        except ModemError as error:
            outcome = f"it could not be reset: {error}"
        else:
            outcome = f"it was reset with {answer['how']}" if answer["how"] else str(answer["problem"])
        finally:
            await child.close()
        self.tell(Rung.RESET, f"does not work ({reason}); {outcome}")

    def _request_rebind(self, usb: str, reason: str) -> None:
        """Leave a file that the unit with the right to do it finds: one line, the name of the device."""
        if not USB_DEVICE.fullmatch(usb):
            self.tell(Rung.REBIND, f"does not work ({reason}); its USB device is not known, so it is not bound anew")
            return
        folder = self._context.data_dir / REQUESTS
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            unfinished = self._context.data_dir / f"{self._name}.rebind"
            unfinished.write_text(f"{usb}\n", encoding="ascii")
            os.replace(unfinished, folder / self._name)  # noqa: PTH105 - as a whole or not at all
        except OSError as error:
            self.tell(Rung.REBIND, f"does not work ({reason}); the request to bind USB {usb} anew failed: {error}")
            return
        self.tell(Rung.REBIND, f"does not work ({reason}); USB {usb} is to be bound anew")
