"""The broker plugin keeps the contract of plugins."""

from addispatch.sdk.testing.plugin_contract import PluginContract


class TestBrokerPlugin(PluginContract):
    entry_point = "addispatch_plugins.broker:plugin"
