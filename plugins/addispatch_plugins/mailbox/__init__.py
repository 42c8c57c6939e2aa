"""Answers by mail: polls a mailbox by POP3 or IMAP and hands over what people write; the core decides what it means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.sdk import Capability, Plugin
from addispatch_plugins.mailbox.config import MailboxConfig

if TYPE_CHECKING:
    from addispatch.sdk import Context, Instance


def _create(config: MailboxConfig, context: Context) -> Instance:
    from addispatch_plugins.mailbox.instance import MailboxPlugin  # noqa: PLC0415 - listing plugins stays fast

    return MailboxPlugin(config, context)


plugin = Plugin(
    name="mailbox",
    summary="Takes acknowledgements by mail from a mailbox (POP3, IMAP)",
    config=MailboxConfig,
    create=_create,
    capabilities=frozenset({Capability.SERVICE}),
    receives=("email",),
)
