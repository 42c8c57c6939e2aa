"""Channel ``email``: mail by SMTP over a pool of reused connections, with a second server to fall back on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.sdk import Capability, Plugin
from addispatch_plugins.smtp.config import SmtpConfig

if TYPE_CHECKING:
    from addispatch.sdk import Context, Instance


def _create(config: SmtpConfig, context: Context) -> Instance:
    from addispatch_plugins.smtp.instance import SmtpPlugin  # noqa: PLC0415 - imported when used: listing stays fast

    return SmtpPlugin(config, context)


plugin = Plugin(
    name="smtp",
    summary="Sends mail by SMTP, with a second server to fall back on",
    config=SmtpConfig,
    create=_create,
    capabilities=frozenset({Capability.CHANNEL}),
    channels=("email",),
)
