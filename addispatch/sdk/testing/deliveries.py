"""Deliveries for tests of channels."""

from __future__ import annotations

from itertools import count

from addispatch.domain.message import Delivery

_numbers = count(1)


def make_delivery(channel: str, address: str, text: str = "Pump 3: pressure high", **changes: object) -> Delivery:
    """Build a delivery with an id of its own; ``changes`` are fields of ``Delivery``."""
    number = next(_numbers)
    delivery = Delivery(id=f"d{number}", case_id=f"c{number}", channel=channel, address=address, text=text)
    return delivery._replace(**changes)  # type: ignore[arg-type]
