"""A drop-in plugin whose channel ``sms`` is up while a file is there: for tests of what a lost channel leads to."""

from __future__ import annotations

from pathlib import Path

from dropped import made, put

from addispatch.sdk import Context, Delivery, Health, Receipt, Sent

#: In the plugin's data folder.
FILE = "down"


class _Channel:
    name = "sms"
    deadline_s = 5.0

    def __init__(self, context: Context) -> None:
        self._file = context.data_dir / FILE

    @property
    def window(self) -> int:
        return 1 if self.health.up else 0

    @property
    def health(self) -> Health:
        down = self._file.exists()
        return Health(up=not down, reason="No working modem found." if down else "")

    async def send(self, delivery: Delivery) -> Receipt:
        return Sent(reference=delivery.id)


plugin = made("switch", "sms", "A channel with a switch", _Channel)


def drop_in(folder: Path) -> str:
    """Put the plugin where a daemon finds it; returns its part of the configuration."""
    return put(folder, "switch", "switch_plugin")


def switch(data: Path) -> Path:
    """The file whose presence takes the channel of the daemon with that folder down."""
    return data / "plugins" / "switch" / FILE
