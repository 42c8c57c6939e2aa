"""Channel ``log``: writes deliveries to a file or to the log, for trying things without a modem or mail server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.sdk import Capability, Plugin
from addispatch_plugins.log.config import LogConfig

if TYPE_CHECKING:
    from addispatch.sdk import Context, Instance


def _create(config: LogConfig, context: Context) -> Instance:
    from addispatch_plugins.log.instance import LogPlugin  # noqa: PLC0415 - imported when used: listing stays fast

    return LogPlugin(config, context)


plugin = Plugin(
    name="log",
    summary="Writes deliveries to a file or to the log, for trying things",
    config=LogConfig,
    create=_create,
    capabilities=frozenset({Capability.CHANNEL}),
    channels=("log",),
)
