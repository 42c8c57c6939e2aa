from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def doc(self) -> Any:
        return json.loads(self.out)


async def invoke(*arguments: str, **environment: str) -> Done:
    """Run the real program in a process of its own."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("ADDISPATCH_")} | {"TZ": "America/New_York"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "addispatch", *map(str, arguments),
        env=env | environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())


@pytest.fixture
def addispatch(running):
    """Run a command against the daemon of ``running``."""

    async def run(*arguments: str, **environment: str) -> Done:
        return await invoke(*arguments, ADDISPATCH_DATA_DIR=str(running.unix_path.parent), **environment)

    return run


@pytest.fixture
def alone():
    """Run a command where no daemon is named."""
    return invoke
