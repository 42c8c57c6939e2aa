"""By which channels and addresses an audience is reached. Used by ``enqueue`` and by ``why``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from addispatch.domain.addressbook import DEFAULT_CHANNELS, Mode

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from addispatch.domain.addressbook import Recipient
    from addispatch.pipeline.route import Target


#: The channel of somebody who cannot be reached by any.
NO_CHANNEL = "none"


@dataclass(frozen=True, slots=True)
class Way:
    """One address of one recipient. ``rung`` counts the steps of a ladder; 0 goes at once.

    ``problem`` says why this way cannot work on this node, as it is configured.
    """

    recipient: Recipient
    channel: str
    address: str
    rung: int = 0
    problem: str = ""


def refuses_nothing(_channel: str, _address: str) -> str:
    """Return no reason: what is asked where no channel can be."""
    return ""


def ways(
    target: Target,
    provided: AbstractSet[str],
    *,
    everybody: bool = False,
    refuses: Callable[[str, str], str] = refuses_nothing,
) -> list[Way]:
    """Return the ways to everyone in the audience, each channel and address once.

    With ``everybody`` those who share an address, and those who have none, have their ways, too: whoever must answer
    is on the list.

    ``provided`` are the channels this node is configured for. Channels nobody asked for by name are left out when they
    are not provided, unless nothing else is left: then the way is kept with its problem, so that it is seen.
    So is always one to an address its channel refuses (``sdk.Refuser``).
    """
    found: list[Way] = []
    taken: set[tuple[str, str]] = set()
    for recipient in target.audience.recipients:
        own = _ways_to(recipient, target.channels, provided, refuses)
        if everybody and not own:
            own = [Way(recipient, NO_CHANNEL, "", 0, "has no number or address")]
        for way in own:
            if everybody or (way.channel, way.address) not in taken:
                taken.add((way.channel, way.address))
                found.append(way)
    return found


def _ways_to(
    recipient: Recipient, narrowed: tuple[str, ...], provided: AbstractSet[str], refuses: Callable[[str, str], str]
) -> list[Way]:
    asked = recipient.channels or DEFAULT_CHANNELS
    if narrowed:
        asked = tuple(c for c in narrowed if not recipient.channels or c in recipient.channels) or narrowed
    by_name = bool(narrowed or recipient.channels)
    usable: list[Way] = []
    unusable: list[Way] = []
    refused: list[Way] = []
    rung = 0
    for channel in asked:
        addresses = recipient.addresses(channel)
        if not addresses:
            continue
        if channel in provided:
            reasons = {address: refuses(channel, address) for address in addresses}
            usable += [Way(recipient, channel, address, rung) for address in addresses if not reasons[address]]
            refused += [Way(recipient, channel, address, 0, why) for address, why in reasons.items() if why]
            rung += recipient.mode is Mode.LADDER and not all(reasons.values())
        else:
            problem = f"no plugin provides the channel {channel}"
            unusable += [Way(recipient, channel, address, 0, problem) for address in addresses]
    return usable + refused + (unusable if by_name or not usable else [])
