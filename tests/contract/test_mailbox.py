"""The mailbox plugin keeps the contract."""

from typing import ClassVar

from addispatch.sdk.testing.plugin_contract import PluginContract


class TestMailboxPlugin(PluginContract):
    entry_point = "addispatch_plugins.mailbox:plugin"
    config: ClassVar = {"kind": "imap", "host": "mail.example.com", "user": "acks@example.com", "password": "secret"}
