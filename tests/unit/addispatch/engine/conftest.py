from __future__ import annotations

import pytest
from pipelines import until

from addispatch.config import Config
from addispatch.engine.node import Node
from addispatch.runtime.clock import SystemClock

DIRECTORY = """
[[recipient]]
name = "Adam"
sms = "91234567"
channels = ["log"]
[[group]]
name = "Ops"
members = ["Adam"]
[[route]]
name = "all"
to = ["Ops"]
"""


@pytest.fixture
async def running(tmp_path):
    """A whole node with the log channel."""
    (tmp_path / "directory.toml").write_text(DIRECTORY)
    config = {"node": {"data_dir": tmp_path / "data"}, "http": {"listen": ""}, "plugin": {"log": {}}}
    node = Node(Config.model_validate(config), SystemClock())
    await node.start(tmp_path / "directory.toml")
    await until(lambda: not node.dispatcher.lanes["log"].claiming)  # the look at the start is over
    yield node
    await node.stop()
