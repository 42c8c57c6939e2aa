"""The net plugin keeps the contract."""

from addispatch.sdk.testing.plugin_contract import PluginContract


class TestNetPlugin(PluginContract):
    entry_point = "addispatch_plugins.net:plugin"
