"""Looks at the SIM card and enters its PIN: once, and never again one that was refused. Used by the actor."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from addispatch_plugins.modem.link import SimError
from addispatch_plugins.modem.pin import PinGuard

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import SecretStr

    from addispatch_plugins.modem.link import Link


class SimCard:
    """``state`` in words: ``ready``, ``missing``, ``PIN refused``, ``wants its PIN`` (or another code), ``unknown``."""

    def __init__(self, file: Path, pin: SecretStr | None) -> None:
        self.state = "unknown"
        self._guard = PinGuard(file, pin)

    @property
    def has_pin(self) -> bool:
        """Whether a PIN is configured."""
        return self._guard.pin is not None

    async def unlock(self, link: Link) -> None:
        """Return when the card can be used; raises ``SimError`` with what is to be done."""
        self.state = "unknown"
        try:
            wants = await self._entered(link, await link.locked_by())
        except SimError:
            self.state = "missing"
            raise
        self.state = f"wants its {wants}" if wants else "ready"
        if not wants:
            self._guard.accepted()
        elif wants == "PUK":
            raise SimError("the SIM card is blocked and wants its PUK; unblock it in a phone")
        elif wants != "PIN":
            raise SimError(f"the SIM card wants its {wants}")
        elif self._guard.pin is None:
            raise SimError("the SIM card wants a PIN and none is configured; set pin")
        else:
            self.state = "PIN refused"
            raise SimError(
                "the SIM card refused the PIN and it is not tried again; correct pin, "
                f"or delete {self._guard.file} to try the same once more"
            )

    async def _entered(self, link: Link, wants: str) -> str:
        pin = self._guard.pin
        if wants != "PIN" or pin is None or self._guard.refused():
            return wants
        self._guard.entering()
        with contextlib.suppress(SimError):
            await link.enter_pin(pin.get_secret_value())
        return await link.locked_by()
