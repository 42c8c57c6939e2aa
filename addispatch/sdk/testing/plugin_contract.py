"""What every plugin must do. Plugin authors subclass ``PluginContract`` in a test module and set its attributes.

.. code-block:: python

    class TestMyPlugin(PluginContract):
        entry_point = "my_package:plugin"
        config = {"host": "127.0.0.1"}

Needs pytest with pytest-asyncio in auto mode.
"""

from __future__ import annotations

import dataclasses
import importlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from addispatch.sdk import API_VERSION, Capability, Instance, Plugin, PluginConfig
from addispatch.sdk.testing.context import RecordingContext

_NEWLY_IMPORTED = """
import sys
import addispatch.sdk
before = {{name.partition(".")[0] for name in sys.modules}}
import {module}
print(*sorted({{name.partition(".")[0] for name in sys.modules}} - before - sys.stdlib_module_names))
"""


class PluginContract:
    """The suite."""

    entry_point: ClassVar[str] = ""
    """``module:attribute``, as in the entry-point group ``addispatch.plugins``."""
    config: ClassVar[Mapping[str, Any]] = {}
    """The smallest table that validates."""

    @pytest.fixture
    def plugin(self) -> Plugin:
        """Return the plugin's object."""
        module, _, attribute = self.entry_point.partition(":")
        plugin: Plugin = getattr(importlib.import_module(module), attribute)
        return plugin

    def test_is_a_frozen_plugin_of_this_version(self, plugin: Plugin) -> None:
        """The host reads it without running anything."""
        assert isinstance(plugin, Plugin)
        assert plugin.api_version == API_VERSION
        with pytest.raises(dataclasses.FrozenInstanceError):
            plugin.name = "other"  # type: ignore[misc]

    def test_name_is_a_word_and_summary_a_line(self, plugin: Plugin) -> None:
        """They stand in tables."""
        assert plugin.name.isidentifier()
        assert 0 < len(plugin.summary) <= 100
        assert "\n" not in plugin.summary

    def test_capabilities_agree_with_channels(self, plugin: Plugin) -> None:
        """A plugin with channels says so, and no other."""
        assert plugin.capabilities <= frozenset(Capability)
        assert (Capability.CHANNEL in plugin.capabilities) == bool(plugin.channels)

    def test_config_rejects_unknown_keys(self, plugin: Plugin) -> None:
        """A misspelt key must be an error, not a default."""
        assert issubclass(plugin.config, PluginConfig)
        plugin.config(**self.config)
        with pytest.raises(ValidationError, match="no_such_key"):
            plugin.config(**{**self.config, "no_such_key": 1})

    def test_listing_imports_no_heavy_library(self) -> None:
        """``addispatch plugins`` and every start import all plugins, those that are off too."""
        module = self.entry_point.partition(":")[0]
        script = _NEWLY_IMPORTED.format(module=module)
        out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
        own = {module.partition(".")[0], "addispatch"}
        assert set(out.stdout.split()) <= own, "import it inside create(), or in the module create() imports"

    async def test_instance_has_what_the_plugin_names(self, plugin: Plugin, tmp_path: Path) -> None:
        """Creating has no side effects; the status is one line before anything started."""
        async with RecordingContext(tmp_path, name=plugin.name) as context:
            instance: Any = plugin.create(plugin.config(**self.config), context)
            assert isinstance(instance, Instance)
            # A submodule called like the attribute takes its place when it is imported.
            module, _, attribute = self.entry_point.partition(":")
            assert getattr(importlib.import_module(module), attribute) is plugin, (
                f"{module} has a module {attribute}.py"
            )
            assert tuple(channel.name for channel in getattr(instance, "channels", ())) == plugin.channels
            if hasattr(instance, "status_line"):
                line = instance.status_line()
                assert 0 < len(line) <= 200
                assert "\n" not in line
            assert context.events == []
            await instance.stop()
        assert not any(tmp_path.iterdir())  # noqa: ASYNC240 - a local folder, in a test
