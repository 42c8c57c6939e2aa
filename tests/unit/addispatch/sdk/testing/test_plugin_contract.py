"""PluginContract: each promise, broken on purpose, is noticed."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from pydantic import BaseModel

from addispatch.sdk import Capability, PluginConfig
from addispatch.sdk.testing.plugin_contract import PluginContract
from addispatch_plugins.log import plugin


class Suite(PluginContract):
    entry_point = "addispatch_plugins.log:plugin"


class Loose(PluginConfig):
    model_config = {"extra": "ignore"}  # noqa: RUF012


@pytest.mark.parametrize(
    ("test", "changes"),
    [
        ("test_is_a_frozen_plugin_of_this_version", {"api_version": 0}),
        ("test_name_is_a_word_and_summary_a_line", {"name": "my plugin"}),
        ("test_name_is_a_word_and_summary_a_line", {"summary": ""}),
        ("test_capabilities_agree_with_channels", {"channels": ()}),
        ("test_capabilities_agree_with_channels", {"capabilities": frozenset({Capability.SOURCE})}),
        ("test_config_rejects_unknown_keys", {"config": Loose}),
        ("test_config_rejects_unknown_keys", {"config": BaseModel}),
    ],
)
def test_a_broken_plugin_fails(test, changes):
    getattr(Suite(), test)(plugin)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        getattr(Suite(), test)(replace(plugin, **changes))


async def test_the_channels_of_the_instance_are_those_named(tmp_path):
    await Suite().test_instance_has_what_the_plugin_names(plugin, tmp_path)
    with pytest.raises(AssertionError):
        await Suite().test_instance_has_what_the_plugin_names(replace(plugin, channels=("log", "other")), tmp_path)


def test_heavy_imports_are_noticed(tmp_path, monkeypatch):
    (tmp_path / "heavy_one.py").write_text("import aiosmtplib\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    Suite().test_listing_imports_no_heavy_library()

    class Heavy(PluginContract):
        entry_point = "heavy_one:plugin"

    with pytest.raises(AssertionError, match="import it inside create"):
        Heavy().test_listing_imports_no_heavy_library()


async def test_a_module_in_the_place_of_the_object_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr("addispatch_plugins.log.plugin", sys)
    with pytest.raises(AssertionError, match=r"has a module plugin\.py"):
        await Suite().test_instance_has_what_the_plugin_names(plugin, tmp_path)
