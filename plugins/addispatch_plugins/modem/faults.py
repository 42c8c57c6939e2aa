"""What a failed send means: gammu's and the network's errors in classes, and the receipt that follows. Pure.

Classes after measurements with libGammu 1.45; CMS codes are those of 3GPP TS 27.005 3.2.5 and TS 24.011 annex E.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from addispatch.sdk import InDoubt, Permanent, Temporary

if TYPE_CHECKING:
    from addispatch.sdk import Receipt


class Fault(StrEnum):
    """Where the cause lies, and so what to do."""

    LINK = "link"
    """Between us and the modem: start the child process anew."""
    SIM = "sim"
    """The SIM does not work (any more): look at it again."""
    NETWORK = "network"
    """The network does not take it now: another modem may."""
    MESSAGE = "message"
    """This message will never go."""
    STORE = "store"
    """The memory for messages is full: read and delete, then again."""
    UNKNOWN = "unknown"
    """Nobody said why: another modem may take it, but it is not tried on all of them."""


_MESSAGE_CMS = frozenset({1, 21, 28, 50, 69, 95, 96})
#: 3GPP TS 24.011 annex E: barred, out of order, congested …; TS 27.005: no service, time-out.
_NETWORK_CMS = frozenset({8, 10, 17, 22, 27, 29, 30, 38, 41, 42, 47, 330, 331, 332})
_SIM_CMS = frozenset({302, 310, 311, 312, 313, 314, 315, 316, 317, 318})
_STORE_CMS = frozenset({208, 211, 322})
_CMS = (
    (_MESSAGE_CMS, Fault.MESSAGE),
    (_NETWORK_CMS, Fault.NETWORK),
    (_SIM_CMS, Fault.SIM),
    (_STORE_CMS, Fault.STORE),
)

_LINK_CODES = frozenset(
    {
        "ERR_ABORTED",
        "ERR_BUG",  # gammu's "SMSMode not set": the connection broke before
        "ERR_DEVICENOPERMISSION",
        "ERR_DEVICENOTEXIST",
        "ERR_DEVICEOPENERROR",
        "ERR_DEVICEREADERROR",
        "ERR_DEVICEWRITEERROR",
        "ERR_FRAMENOTREQUESTED",
        "ERR_NOECHO",
        "ERR_NOTCONNECTED",
        "ERR_TIMEOUT",
        "ERR_UNKNOWNFRAME",
        "ERR_UNKNOWNRESPONSE",
    }
)
_CODES = {
    "ERR_SECURITYERROR": Fault.SIM,
    "ERR_NOSIM": Fault.SIM,
    "ERR_INVALIDDATA": Fault.MESSAGE,
    "ERR_MOREMEMORY": Fault.MESSAGE,
    "ERR_FULL": Fault.STORE,
    "ERR_NETWORK_ERROR": Fault.NETWORK,
    "ERR_EMPTYSMSC": Fault.NETWORK,
}
#: An error without a known cause is tried at once by so many other modems; then the pauses begin.
MAX_UNKNOWN_HOPS = 2

#: Said instead of gammu's words, which mean phones and programmers.
_WORDS = {
    "ERR_TIMEOUT": "the modem stopped answering",
    "ERR_DEVICEWRITEERROR": "the connection to the modem broke",
    "ERR_DEVICEREADERROR": "the connection to the modem broke",
    "ERR_DEVICENOTEXIST": "the port is gone",
    "ERR_DEVICEOPENERROR": "the port cannot be opened; another program may be using it",
    "ERR_DEVICENOPERMISSION": "no permission to open the port",
    "ERR_NOTCONNECTED": "the connection to the modem broke",
    "ERR_NOECHO": "what is on the port is no modem: it gives no echo",
    "ERR_UNKNOWNRESPONSE": "the modem answers what nobody asked",
    "ERR_BUG": "the connection to the modem broke",
    "ERR_NOSIM": "no SIM card in the modem, or it does not work",
    "ERR_SECURITYERROR": "the SIM is locked",
    "ERR_NETWORK_ERROR": "the mobile network does not take messages",
    "ERR_EMPTYSMSC": "the SIM has no service centre number",
    "ERR_FULL": "the memory for messages is full",
    "ERR_UNKNOWN": "the modem refused without a reason",
}

_CMS_WORDS = {
    1: "there is no such number",
    8: "the operator has barred this SIM from sending",
    10: "the operator has barred this SIM from sending",
    21: "the network rejected the message",
    27: "the destination is out of service",
    28: "the network does not know the subscriber",
    29: "the operator has barred this SIM from sending",
    38: "the mobile network is out of order",
    41: "the mobile network has a temporary failure",
    42: "the mobile network is congested",
    47: "the mobile network has no resources",
    50: "the SIM is not subscribed to sending messages",
    69: "the network cannot send messages",
    302: "the SIM does not allow it",
    310: "no SIM card in the modem",
    311: "the SIM wants its PIN",
    312: "the SIM wants its PIN for this phone",
    313: "the SIM does not work",
    314: "the SIM is busy",
    315: "the SIM is the wrong one",
    316: "the SIM is blocked and wants its PUK",
    317: "the SIM wants its PIN2",
    318: "the SIM wants its PUK2",
    322: "the memory for messages is full",
    331: "no mobile network",
    332: "the mobile network did not answer",
}


def classify(code: str, cms: int | None) -> Fault:
    """Return the class of an error; the network's code, if known, says more than gammu's."""
    if code in _LINK_CODES or not code.startswith("ERR_"):
        return Fault.LINK
    if cms is not None:
        return next((fault for codes, fault in _CMS if cms in codes), Fault.UNKNOWN)
    return _CODES.get(code, Fault.UNKNOWN)


def words(code: str, text: str, cms: int | None = None) -> str:
    """Return the reason in plain words, with the codes for those who want to look them up."""
    if cms is not None:
        return f"{_CMS_WORDS.get(cms, 'the network refused the message')} (CMS {cms})"
    if not code.startswith("ERR_"):
        return text
    return f"{_WORDS.get(code, text)} ({code})"


def receipt_for(
    fault: Fault, reason: str, *, pdu_written: bool, by: str, parts_sent: int = 0, attempt: int = 0
) -> Receipt:
    """Return what is surely true of the message.

    An answered error is a refusal. Without an answer it depends on whether the part under way had begun to leave for
    the modem. ``parts_sent`` parts before it were taken; ``attempt`` counts the tries before this one.
    """
    if fault is Fault.LINK and pdu_written:
        return InDoubt(f"{reason}, after the text went to the modem", by)
    if fault is Fault.MESSAGE:
        return Permanent(reason, by, parts_sent)
    hops = fault is not Fault.UNKNOWN or attempt < MAX_UNKNOWN_HOPS
    return Temporary(reason, by=by, other=hops, parts=parts_sent)
