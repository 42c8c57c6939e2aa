"""The modbus plugin keeps the contract of plugins."""

from addispatch.sdk.testing.plugin_contract import PluginContract


class TestModbusPlugin(PluginContract):
    entry_point = "addispatch_plugins.modbus:plugin"
