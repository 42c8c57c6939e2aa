"""A drop-in plugin that writes down how long the daemon's loop stalls: one line every two seconds, milliseconds and where."""

from __future__ import annotations

import asyncio
from pathlib import Path

from lag import lag_probe

from addispatch.sdk import Context, Plugin, PluginConfig

FILE = "stalls"
_WINDOW_S = 2.0


class _Probe:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def self_check(self) -> None:
        """Nothing to check."""

    async def start(self) -> None:
        self._context.supervise("lag", self._run)

    async def stop(self) -> None:
        """The host ends the task."""

    async def _run(self) -> None:
        with (self._context.data_dir / FILE).open("a", buffering=1) as file:
            async with lag_probe() as lag:
                while True:
                    await asyncio.sleep(_WINDOW_S)
                    file.write(f"{lag.worst_s * 1000:.1f} {lag.where}\n")
                    lag.reset()


plugin = Plugin(
    name="lag", summary="Watches the loop", config=PluginConfig, capabilities=frozenset(),
    create=lambda _config, context: _Probe(context),
)  # fmt: skip


def drop_in(folder: Path) -> str:
    """Put the plugin where a daemon finds it; returns its part of the configuration."""
    plugins = folder / "plugins"
    plugins.mkdir(mode=0o755)
    (plugins / "lag.py").write_text(
        f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\nfrom lag_plugin import plugin\n"
    )
    (plugins / "lag.py").chmod(0o644)
    return f'[plugins]\nfolder = "{plugins}"\n[plugin.lag]\n'


def stalls(data: Path) -> list[tuple[float, str]]:
    """What it wrote so far."""
    lines = (data / "plugins" / "lag" / FILE).read_text().splitlines()
    return [(float(ms), where) for ms, _, where in (line.partition(" ") for line in lines)]
