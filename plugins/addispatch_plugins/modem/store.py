"""The modem's memory by AT commands, on the port gammu has open: for what gammu stumbles over. Run by ``child.py``.

gammu remembers which memory it chose last, so the choice is put back. Commands: 3GPP TS 27.005 3.2.2 (AT+CPMS), 3.4.3
(AT+CMGR), 3.5.4 (AT+CMGD). Standard library only.
"""

from __future__ import annotations

import re
from typing import Any

_CHOSEN = re.compile(r"\+CPMS: ?\"(\w+)\"")
#: Most that is kept of one entry: a PDU is 176 octets at most, in hexadecimal.
MAX_RAW = 400


def purge(line: Any, locations: list[int], second_memory: int) -> dict[str, str]:
    """Read raw and delete. ``line`` is a ``dial.Line``; locations from ``second_memory`` on lie in ME, others in SM.

    Returns what lay where, by location; without what could not be deleted. Raises ``OSError`` when the port is gone.
    """
    line.forget()
    before, final = line.question("AT+CPMS?")
    chosen = _CHOSEN.search("\n".join(before))
    gone: dict[str, str] = {}
    for location in locations:
        memory, index = ("ME", location - second_memory) if location >= second_memory else ("SM", location)
        if line.ask(f'AT+CPMS="{memory}"') != "OK":
            continue
        raw, final = line.question(f"AT+CMGR={index}")
        if line.ask(f"AT+CMGD={index}") == "OK":
            gone[str(location)] = " ".join(raw if final == "OK" else [final])[:MAX_RAW]
    if chosen:
        line.ask(f'AT+CPMS="{chosen[1]}"')
    return gone
