"""What drop-in plugins of tests have in common: an instance with one channel, and how it is put where a daemon looks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from addispatch.sdk import Capability, Context, Plugin, PluginConfig


class Instance:
    """Nothing but a channel."""

    def __init__(self, channel: Any) -> None:
        self.channels = [channel]

    async def self_check(self) -> None:
        """Nothing to check."""

    async def start(self) -> None:
        """It runs."""

    async def stop(self) -> None:
        """It runs no more."""


def made(name: str, channel: str, summary: str, create: Callable[[Context], Any]) -> Plugin:
    """A plugin without settings that has one channel."""
    return Plugin(
        name=name, summary=summary, config=PluginConfig, capabilities=frozenset({Capability.CHANNEL}),
        channels=(channel,), create=lambda _config, context: Instance(create(context)),
    )  # fmt: skip


def put(folder: Path, name: str, module: str) -> str:
    """Put the plugin where a daemon finds it; returns its part of the configuration."""
    plugins = folder / "plugins"
    plugins.mkdir(mode=0o755)
    file = plugins / f"{name}.py"
    file.write_text(f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\nfrom {module} import plugin\n")
    file.chmod(0o644)
    return f'[plugins]\nfolder = "{plugins}"\n[plugin.{name}]\n'
