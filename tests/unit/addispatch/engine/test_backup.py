"""The daemon's own backup: one at a time, nothing left behind, on this machine alone."""

from __future__ import annotations

import asyncio

import pytest

from addispatch.domain.errors import Refused, StoreError
from addispatch.engine import backup as module
from addispatch.sdk.operations import Actor, Role
from addispatch.store import archive

ADMIN = Actor("local", Role.ADMIN, "unix")


async def test_it_comes_in_pieces_and_leaves_nothing(running, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PIECE_BYTES", 1000)
    stale = running.config.node.data_dir / ".backup-died"
    stale.mkdir()
    pieces = [piece async for piece in await running.operations.backup(ADMIN)]
    assert len(pieces) > 3
    (tmp_path / "b").write_bytes(b"".join(pieces))
    manifest = archive.read(tmp_path / "b")
    assert manifest.node == "node-a"
    assert {"ledger.db", "directory/recipient.json"} <= manifest.parts.keys()
    assert not [*running.config.node.data_dir.glob(".backup*")]


async def test_one_at_a_time_and_also_after_one_that_nobody_took(running):
    first, second = await asyncio.gather(
        running.operations.backup(ADMIN), running.operations.backup(ADMIN), return_exceptions=True
    )
    assert isinstance(second, Refused)
    assert "another one is being made" in str(second)
    del first
    assert [piece async for piece in await running.operations.backup(ADMIN)]


async def test_only_an_admin_on_this_machine(running):
    with pytest.raises(Refused, match="needs the role admin"):
        await running.operations.backup(Actor("o", Role.OPERATOR, "unix"))
    with pytest.raises(Refused, match="on the node's own machine"):
        await running.operations.backup(Actor("far", Role.ADMIN, "token"))


async def test_a_failure_leaves_nothing_and_the_next_one_works(running, monkeypatch):
    monkeypatch.setattr(module.backup, "SPARE_BYTES", 2**60)
    with pytest.raises(StoreError, match="MiB free"):
        await running.operations.backup(ADMIN)
    monkeypatch.undo()
    assert not [*running.config.node.data_dir.glob(".backup*")]
    assert await running.operations.backup(ADMIN)
