"""The keys of monitors of the probe ``mqtt_silence``. Named by ``plugin``, checked by the directory."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from addispatch.sdk import ProbeKeys
from addispatch_plugins.mqtt.topics import TopicFilter


def _filter(value: str) -> str:
    return TopicFilter.parse(value).mqtt


class SilenceKeys(ProbeKeys):
    """Something must come on a topic (a filter: + and # are allowed) at least each ``max_silence_s``."""

    topic: Annotated[str, AfterValidator(_filter)]
    max_silence_s: Annotated[float, Field(ge=1, le=31 * 86_400)]

    @property
    def source(self) -> str:
        """What it is kept by: a topic may be watched with several limits."""
        return f"{self.max_silence_s:g} {self.topic}"
