"""What gammu's own log tells about the request under way. Read by the actor after a failure and for the technology.

The log lies in memory shared with the child process, so it also tells how far a child got that is dead now.
"""

from __future__ import annotations

import os
import re

#: No request writes more than this that is worth reading: the end is what counts.
TAIL_BYTES = 256 * 1024

# Only what follows the first line counts: before it the log shows the text, in which anything may stand.
_SEND_BEGINS = b": Waiting for modem prompt\n"
_PDU_WRITTEN = b": Sending SMS\n"
_ERROR_CODE = re.compile(rb"CM([SE]) E(?:RROR|rror):? (\d+)")
_ACCESS = re.compile(rb"\+COPS: ?\d,\d,\"[^\"]*\",(\d+)")
_LONG_NAME = re.compile(rb"\+COPS: ?\d,0,\"([^\"]*)\"")


class Trace:
    """A log in memory: ``fd`` is handed to the child."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("gammu-trace")

    def close(self) -> None:
        """Free the memory."""
        os.close(self.fd)

    def clear(self) -> None:
        """Empty it: a child that dies before it begins the next request must not leave what it did before."""
        os.ftruncate(self.fd, 0)

    def pdu_written(self) -> bool:
        """Whether the message began to leave for the modem: from then on only the modem knows if it went out."""
        return _PDU_WRITTEN in self._tail().rpartition(_SEND_BEGINS)[2]

    def cms_code(self) -> int | None:
        """Code of the last ``+CMS ERROR`` (3GPP TS 27.005 3.2.5); gammu loses it once the text is out."""
        found = _ERROR_CODE.findall(self._tail().rpartition(_SEND_BEGINS)[2])
        return int(found[-1][1]) if found and found[-1][0] == b"S" else None

    def access_technology(self) -> int | None:
        """``<AcT>`` of the last ``+COPS`` answer (3GPP TS 27.007 7.3); gammu does not pass it on."""
        found = _ACCESS.findall(self._tail())
        return int(found[-1]) if found else None

    def operator_name(self) -> str:
        """Long operator name of the last ``+COPS`` answer, as the modem writes it."""
        found = _LONG_NAME.findall(self._tail())
        return found[-1].decode("ascii", "replace") if found else ""

    def _tail(self) -> bytes:
        size = os.fstat(self.fd).st_size
        return os.pread(self.fd, TAIL_BYTES, max(0, size - TAIL_BYTES))
