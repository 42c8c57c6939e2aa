"""What writing to people takes: the address book and what this node can do, as one value for the writer's thread.

Made by ``accept`` whenever the directory changes; used by ``enqueue``, ``ask``, ``notice`` and the engine's units.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from addispatch.domain.addressbook import Directory
from addispatch.domain.token import make_token
from addispatch.pipeline.reach import refuses_nothing

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from addispatch.domain.addressbook import Recipient
    from addispatch.domain.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One snapshot. ``provided`` are the channels of the plugins that are on, ``takes_mail`` whether one reads mail.

    ``refuses`` asks one of the channels whether it will never take an address; ``peer_number`` is the number that texts
    of the other node come from, empty without one.
    """

    directory: Directory
    provided: AbstractSet[str] = frozenset()
    max_segments: int = 6
    timezone: str = "UTC"
    public_url: str = ""
    takes_mail: bool = False
    refuses: Callable[[str, str], str] = refuses_nothing
    peer_number: Callable[[], str] = str

    def token(self, case_id: str, recipient_id: str, now_ms: int) -> str:
        """Return the acknowledge token of a recipient; empty before there are keys."""
        if not self.directory.link_keys:
            return ""
        ends_at_s = now_ms // 1000 + int(self.directory.settings.link_ttl_h * 3600)
        return make_token(self.directory.link_keys[0], case_id, recipient_id, ends_at_s)

    def link(self, policy: Policy, case_id: str, recipient_id: str, now_ms: int) -> str:
        """Return the address of the recipient's acknowledge page; empty if the policy wants none."""
        token = self.token(case_id, recipient_id, now_ms) if self.wants_link(policy) else ""
        return f"{self.public_url}/a/{token}" if token else ""

    def wants_link(self, policy: Policy) -> bool:
        """Whether messages carry a link."""
        return self.is_public if policy.append_link is None else policy.append_link

    @property
    def is_public(self) -> bool:
        """Whether phones can reach the node by its public address."""
        return urlsplit(self.public_url).hostname not in (None, "localhost", "127.0.0.1", "::1")

    def takes_mail_for(self, policy: Policy) -> bool:
        """Whether a mail may acknowledge."""
        return self.takes_mail if policy.allow_email_reply is None else policy.allow_email_reply

    def clock_text(self, at_ms: int) -> str:
        """The time of day as people here read it."""
        return f"{datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(self.timezone)):%H:%M}"

    def person(self, recipient_id: str) -> Recipient | None:
        """Return a recipient of the address book by his id."""
        return self.directory.recipients.get(recipient_id)
