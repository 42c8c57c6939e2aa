"""The ``modem`` plugin: texts and calls through GSM modems, one supervised child process per modem."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.sdk import Capability, Plugin
from addispatch_plugins.modem.config import ModemPluginConfig

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from addispatch.sdk import Context, Instance


def _create(config: ModemPluginConfig, context: Context) -> Instance:
    # Not a module called plugin: once imported it would stand in for the object ``plugin`` below.
    from addispatch_plugins.modem.instance import ModemPlugin  # noqa: PLC0415 - listing plugins stays fast

    return ModemPlugin(config, context)


async def _scan(ports: Sequence[str]) -> dict[str, Any]:
    from addispatch_plugins.modem.scan import scan  # noqa: PLC0415 - listing plugins stays fast

    return await scan(ports)


plugin = Plugin(
    name="modem",
    summary="Sends and receives text messages and rings phones through GSM modems",
    config=ModemPluginConfig,
    create=_create,
    capabilities=frozenset({Capability.CHANNEL}),
    channels=("sms", "voice"),
    scan=_scan,
)
