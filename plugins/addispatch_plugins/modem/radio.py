"""What a modem says about its network, in the words people know. Pure; used by the actor."""

from __future__ import annotations

from dataclasses import dataclass

#: ``<AcT>`` of 3GPP TS 27.007 7.3.
_TECHNOLOGY = {
    0: "GSM 2G",
    1: "GSM 2G",
    2: "UMTS 3G",
    3: "EDGE 2.75G",
    4: "HSPA 3.5G",
    5: "HSPA 3.5G",
    6: "HSPA 3.5G",
    7: "LTE 4G",
    8: "EC-GSM-IoT",
    9: "NB-IoT",
    10: "LTE 4G",
    11: "NR 5G",
    12: "NR 5G",
    13: "LTE/NR 5G",
}
_SIGNAL_WORDS = ((25, "Excellent"), (20, "Good"), (15, "Fair"), (10, "Poor"), (0, "Very poor"))
#: gammu's words for a modem that may send.
_REGISTERED = frozenset({"HomeNetwork", "RoamingNetwork"})
_UNREGISTERED = {
    "NoNetwork": "not registered in a mobile network",
    "RequestingNetwork": "searching for a mobile network",
    "RegistrationDenied": "the mobile network refuses the SIM",
}


@dataclass(frozen=True, slots=True)
class Radio:
    """Operator, technology, signal (CSQ 0 to 31, None when unknown) and why it cannot send, if it cannot."""

    operator: str = ""
    technology: str = ""
    csq: int | None = None
    problem: str = ""

    @property
    def signal(self) -> str:
        """The signal as ``13(Poor)``."""
        if self.csq is None:
            return "99(Unknown)"
        return f"{self.csq}({next(word for least, word in _SIGNAL_WORDS if self.csq >= least)})"

    def __str__(self) -> str:
        network = f"{self.operator} ({self.technology})" if self.technology else self.operator
        return f"{network or 'unknown network'}, signal {self.signal}"


def csq_from_dbm(dbm: int) -> int | None:
    """Undo gammu's conversion (3GPP TS 27.007 8.5: dBm = 2 CSQ - 113); it answers -1 for unknown."""
    csq = (dbm + 113) // 2
    return csq if 0 <= csq <= 31 else None


def technology(access: int | None) -> str:
    """Return the name of an access technology."""
    return "" if access is None else _TECHNOLOGY.get(access, "")


def registration_problem(state: str, packet_state: str) -> str:
    """Return why the modem cannot send; empty if it can, or if it does not tell (it may work all the same)."""
    if _REGISTERED & {state, packet_state}:
        return ""
    return _UNREGISTERED.get(state, "")
