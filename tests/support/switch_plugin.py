"""A drop-in plugin whose channel ``sms`` is up while a file is there: for tests of what a lost channel leads to."""

from __future__ import annotations

from pathlib import Path

from addispatch.sdk import Capability, Context, Delivery, Health, Plugin, PluginConfig, Receipt, Sent

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


class _Switch:
    def __init__(self, context: Context) -> None:
        self.channels = [_Channel(context)]

    async def self_check(self) -> None:
        """Nothing to check."""

    async def start(self) -> None:
        """It runs."""

    async def stop(self) -> None:
        """It runs no more."""


plugin = Plugin(
    name="switch", summary="A channel with a switch", config=PluginConfig, capabilities=frozenset({Capability.CHANNEL}),
    channels=("sms",), create=lambda _config, context: _Switch(context),
)  # fmt: skip


def drop_in(folder: Path) -> str:
    """Put the plugin where a daemon finds it; returns its part of the configuration."""
    plugins = folder / "plugins"
    plugins.mkdir(mode=0o755)
    (plugins / "switch.py").write_text(
        f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\nfrom switch_plugin import plugin\n"
    )
    (plugins / "switch.py").chmod(0o644)
    return f'[plugins]\nfolder = "{plugins}"\n[plugin.switch]\n'


def switch(data: Path) -> Path:
    """The file whose presence takes the channel of the daemon with that folder down."""
    return data / "plugins" / "switch" / FILE
