"""Text mode of the SMS commands, as far as people at a terminal need it (3GPP TS 27.005 section 3).

Long texts are sent as parts that phones put together. Used by :mod:`addispatch.simulator.at_sms`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.simulator.at_errors import AtError, CmsError
from addispatch.simulator.at_reply import quoted
from addispatch.simulator.pdu import Deliver, StatusReport, Submit
from addispatch.simulator.pdu_body import bodies

if TYPE_CHECKING:
    from datetime import datetime

    from addispatch.simulator.at_parser import Command
    from addispatch.simulator.modem import SimulatedModem

_STATUSES = ("REC UNREAD", "REC READ", "STO UNSENT", "STO SENT", "ALL")
LIST_TEST = f"+CMGL: ({quoted(_STATUSES)})"


def status(command: Command) -> int:
    """Which messages CMGL lists."""
    name = command.text(0, _STATUSES[0]).upper()
    if name not in _STATUSES:
        raise AtError
    return _STATUSES.index(name)


def decode(modem: SimulatedModem, text: str) -> str:
    """Text in the chosen character set."""
    if modem.settings.character_set != "UCS2":
        return text
    try:
        return bytes.fromhex(text).decode("utf-16-be", "replace")
    except ValueError:
        raise CmsError(CmsError.INVALID_PARAMETER) from None


def _encode(modem: SimulatedModem, text: str) -> str:
    if modem.settings.character_set != "UCS2":
        return text
    return text.encode("utf-16-be", "surrogatepass").hex().upper()


def submits(modem: SimulatedModem, to: str, text: str) -> list[Submit]:
    """What CMGS sends for a text."""
    if not to:
        raise CmsError(CmsError.INVALID_PARAMETER)
    return [Submit(to, body) for body in bodies(decode(modem, text), modem.next_concat_reference())]


def show(modem: SimulatedModem, message: Deliver | StatusReport, state: int) -> tuple[str, str]:
    """What follows the index in the header line, and the text."""
    head = f'"{_STATUSES[state]}"'
    if isinstance(message, StatusReport):
        times = f'"{_time(message.sent_at)}","{_time(message.done_at)}"'
        return f'{head},6,{message.reference},"{message.recipient}",145,{times},{message.status}', ""
    return f'{head},"{_encode(modem, message.sender)}",,"{_time(message.at)}"', _encode(modem, message.body.text)


def _time(at: datetime) -> str:
    offset = at.utcoffset()
    quarters = round(offset.total_seconds() / 900) if offset is not None else 0
    return f"{at:%y/%m/%d,%H:%M:%S}{quarters:+03d}"
