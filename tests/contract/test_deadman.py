"""The deadman plugin keeps the contract."""

from typing import ClassVar

from addispatch.sdk.testing.plugin_contract import PluginContract


class TestDeadmanPlugin(PluginContract):
    entry_point = "addispatch_plugins.deadman:plugin"
    config: ClassVar = {"url": "https://hc-ping.com/some-id"}
