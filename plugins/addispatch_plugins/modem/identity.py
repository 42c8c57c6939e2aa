"""Which device and SIM a modem's name stands for: noted at first sight, told when it changes. Used by the actor."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from addispatch.sdk import Severity
from addispatch_plugins.modem.process import ModemError

if TYPE_CHECKING:
    import asyncio

    from addispatch.sdk import Context


class WrongDeviceError(ModemError):
    """A modem answers, but it is not the one this name stands for."""


class Claims:
    """Which of our modems is which device, so that no device is driven twice."""

    def __init__(self) -> None:
        self._holders: dict[tuple[str, str], str] = {}

    def take(self, name: str, imei: str, imsi: str) -> str:
        """Take the device; return who has it already, empty if it is free.

        The IMEI alone does not do: there are cheap sticks that all have the same. No SIM is in two of them. What does
        not tell both is not compared: better a device driven twice than one of two left out.
        """
        if not imei.strip("0") or not imsi:
            return ""
        return "" if (holder := self._holders.setdefault((imei, imsi), name)) == name else holder

    def release(self, name: str) -> None:
        """Give back what it had."""
        self._holders = {device: holder for device, holder in self._holders.items() if holder != name}


class Identity:
    """IMEI and IMSI of one modem (3GPP TS 23.003), empty while they are not known."""

    def __init__(self, context: Context, name: str, wanted_imei: str, claims: Claims) -> None:
        self.imei = self.imsi = ""
        self._context, self._name, self._wanted, self._claims = context, name, wanted_imei, claims
        self._mark = f"modem:{name}:identity"

    def seen(self, imei: str, imsi: str) -> None:
        """Take note of what answered. Raises ``WrongDeviceError`` when it may not be used under this name."""
        if self._wanted and imei and imei != self._wanted:
            raise WrongDeviceError(f"the modem there has the IMEI {imei} and not {self._wanted}")
        if holder := self._claims.take(self._name, imei, imsi):
            raise WrongDeviceError(f"it is the same device as modem {holder} (IMEI {imei}); remove one of the two")
        self.imei, self.imsi = imei, imsi
        if not self._context.is_trial:
            self._note()

    def gone(self) -> None:
        """The connection is over: another name may have the device."""
        self._claims.release(self._name)

    def _note(self) -> None:
        known = self._recall()
        for what, key, now in (("device", "imei", self.imei), ("SIM card", "imsi", self.imsi)):
            before = known.get(key, "")
            if before and now and now != before:
                text = f"Modem {self._name} has another {what} than before: {key.upper()} {now} instead of {before}"
                self._context.event(text, severity=Severity.WARNING, kind="modem_identity", modem=self._name)
        found = {"imei": self.imei or known.get("imei", ""), "imsi": self.imsi or known.get("imsi", "")}
        if found != known:
            self._context.settle({self._mark: json.dumps(found).encode()}).add_done_callback(_look_at)

    def _recall(self) -> dict[str, str]:
        try:
            noted = json.loads(self._context.recall(self._mark) or b"{}")
        except ValueError:
            return {}
        return {key: str(value) for key, value in noted.items()} if isinstance(noted, dict) else {}


def _look_at(done: asyncio.Future[None]) -> None:
    """A note that was not stored is made again at the next connection."""
    if not done.cancelled():
        done.exception()
