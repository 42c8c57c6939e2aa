"""Final result codes of commands that fail (3GPP TS 27.007 section 9.2, 3GPP TS 27.005 section 3.2.5).

Raised by the command handlers, written by the AT session.
"""

from __future__ import annotations

from typing import ClassVar


class AtError(Exception):
    """Plain ``ERROR``: unknown command or bad arguments."""

    def final(self, detail: int) -> str:
        """The line to write; ``detail`` is the AT+CMEE setting."""
        del detail
        return "ERROR"


class CmeError(AtError):
    """An error of the device, SIM or network."""

    SIM_NOT_INSERTED, SIM_PIN, SIM_PUK, INCORRECT_PASSWORD, NO_NETWORK = 10, 11, 12, 16, 30
    _TEXTS: ClassVar = {
        10: "SIM not inserted",
        11: "SIM PIN required",
        12: "SIM PUK required",
        16: "incorrect password",
        30: "no network service",
    }

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)

    def final(self, detail: int) -> str:
        """``ERROR``, the number or the words, as AT+CMEE wants it."""
        if detail == 0:
            return "ERROR"
        return f"+CME ERROR: {self.code if detail == 1 else self._TEXTS.get(self.code, 'unknown')}"


class CmsError(AtError):
    """An error of the short message service; always with its number."""

    INVALID_PARAMETER, SIM_NOT_INSERTED, SIM_PIN, SIM_PUK, INVALID_INDEX = 304, 310, 311, 316, 321
    NO_NETWORK, UNKNOWN = 331, 500

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)

    def final(self, detail: int) -> str:
        """The number."""
        del detail
        return f"+CMS ERROR: {self.code}"


class CallFailed(AtError):
    """The other side cannot be reached."""

    def final(self, detail: int) -> str:
        """What a modem says when a call ends before it began."""
        del detail
        return "NO CARRIER"
