"""The SIM card of a modem: PIN, PUK, tries (3GPP TS 27.007, 8.3)."""

from __future__ import annotations

from dataclasses import dataclass

from addispatch.simulator.at_errors import CmeError, CmsError

PIN_TRIES = 3


@dataclass(slots=True)
class Sim:
    """A card. ``pin`` None means it asks for none; take it out with ``present = False``."""

    pin: str | None = None
    puk: str = "12345678"
    present: bool = True
    unlocked: bool = False
    tries: int = PIN_TRIES

    @property
    def ready(self) -> bool:
        """Whether it can be used."""
        return self.present and (self.pin is None or self.unlocked)

    def state(self) -> str:
        """``READY``, ``SIM PIN`` or ``SIM PUK``; raises ``CmeError`` without a card."""
        if not self.present:
            raise CmeError(CmeError.SIM_NOT_INSERTED)
        if self.ready:
            return "READY"
        return "SIM PIN" if self.tries else "SIM PUK"

    def require(self, error: type[CmeError | CmsError]) -> None:
        """Raise the error that fits when it cannot be used."""
        if self.ready:
            return
        if not self.present:
            raise error(error.SIM_NOT_INSERTED)
        raise error(error.SIM_PIN if self.tries else error.SIM_PUK)

    def enter(self, code: str, new_pin: str = "") -> None:
        """PIN, or PUK and a new PIN; raises ``CmeError`` and counts a wrong PIN."""
        state = self.state()
        if state == "SIM PUK" and code == self.puk and new_pin:
            self.pin = new_pin
        elif state == "SIM PIN" and code != self.pin:
            self.tries -= 1
            raise CmeError(CmeError.INCORRECT_PASSWORD)
        elif state != "SIM PIN":
            raise CmeError(CmeError.SIM_PUK if state == "SIM PUK" else CmeError.INCORRECT_PASSWORD)
        self.tries, self.unlocked = PIN_TRIES, True
