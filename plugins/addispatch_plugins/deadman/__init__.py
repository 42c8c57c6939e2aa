"""Service ``deadman``: tells somebody outside that this node lives; when it falls silent, they raise the alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.sdk import Capability, Plugin
from addispatch_plugins.deadman.config import DeadmanConfig

if TYPE_CHECKING:
    from addispatch.sdk import Context, Instance


def _create(config: DeadmanConfig, context: Context) -> Instance:
    from addispatch_plugins.deadman.instance import DeadmanPlugin  # noqa: PLC0415 - listing plugins stays fast

    return DeadmanPlugin(config, context)


plugin = Plugin(
    name="deadman",
    summary="Tells a service outside that this node lives (dead man's switch)",
    config=DeadmanConfig,
    create=_create,
    capabilities=frozenset({Capability.SERVICE}),
)
