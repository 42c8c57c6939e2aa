"""The directory on both nodes: what the rules of ``cluster.replica`` want is done, in order, on real directories."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import orjson
import pytest
from pipelines import until

from addispatch.cluster.messages import Heartbeat, Identity, Local
from addispatch.domain.errors import AddispatchError, ConfigErrors, Refused
from addispatch.engine import replication as module
from addispatch.engine.replication import Replication
from addispatch.runtime.clock import SystemClock
from addispatch.runtime.tasks import Supervisor
from addispatch.store import directory_pack
from addispatch.store.directory import DirectoryStore

ADAM = '[[recipient]]\nname = "Adam"\nchannels = ["log"]\n'
JANE = '[[recipient]]\nname = "Jane"\nchannels = ["log"]\n'


class Member:
    """A node as far as the replication of its directory asks it."""

    def __init__(self, folder, role, text=""):
        self.folder = folder / role
        self.folder.mkdir(exist_ok=True)
        self.file = self.folder / "directory.toml"
        if text:
            self.file.write_text(text)
        self.said, self.clock, self.other, self.is_cut = [], SystemClock(), None, False
        self.bad = {}
        self.conditions = SimpleNamespace(report=lambda name, problem, **_more: self.bad.update({name: problem}))
        self.config = SimpleNamespace(node=SimpleNamespace(data_dir=self.folder))
        self.directory = DirectoryStore(self.folder / "directory", "SG")
        rules = SimpleNamespace(has_peer=True, peer=SimpleNamespace(local=Local(url="http://other:5556")))
        cluster = SimpleNamespace(config=SimpleNamespace(role=role), rules=rules, send_config=self._send)
        self.replication, self.tasks, self._number = Replication(self, cluster), Supervisor(), 0

    def say(self, event):
        self.said.append(event.line)

    async def provision(self, file):
        await self.directory.provision(file)

    def _send(self, body):
        if not self.is_cut:
            self.other.replication.message(body)

    async def start(self):
        await self.replication.read_role()
        await self.directory.load()
        if self.replication.role == "master" and self.file.exists():
            await self.provision(self.file)
        counts = await self.replication.begin(self.file)
        self.tasks.run("replication", self.replication.run)
        return counts

    async def stop(self):
        await self.tasks.stop()
        await self.directory.close()

    def beats(self):
        self._number += 1
        local = Local(role=self.replication.role, config=self.replication.config)
        who = Identity(self.folder.name, 0, "s", "b")
        if not self.is_cut:
            self.other.replication.heartbeat(Heartbeat(who, self._number, "", "", True, local))

    async def names(self):
        return [one["name"] for one in await self.directory.entries("recipient")]


@contextlib.asynccontextmanager
async def open_members(folder, master=ADAM, slave=""):
    a, b = Member(folder, "master", master), Member(folder, "slave", slave)
    a.other, b.other = b, a
    try:
        assert await a.start()
        assert not await b.start()
        yield a, b
    finally:
        await a.stop()
        await b.stop()


async def agree(a, b, roles=("master", "slave")):
    async def is_so():
        a.beats()
        b.beats()
        if (a.replication.role, b.replication.role) != roles:
            return False
        return a.replication.rules.is_synced and b.replication.rules.is_synced

    await until(is_so, 10)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(module, "TICK_S", 0.02)


async def test_what_the_master_has_the_slave_has_and_may_not_edit(tmp_path):
    async with open_members(tmp_path) as (a, b):
        await agree(a, b)
        assert await b.names() == ["Adam"]
        assert (a.replication.read_only(), a.replication.config) == ("", b.replication.config)
        with pytest.raises(Refused, match="http://other:5556"):
            await b.directory.put("recipient", {"name": "Bo", "channels": ["log"]})
        await a.directory.put("recipient", {"name": "Bo", "channels": ["log"]})
        await until(lambda: a.replication.config.gen > b.replication.config.gen)
        await agree(a, b)
        assert sorted(await b.names()) == ["Adam", "Bo"]
        doc = b.replication.document()
        assert (doc["same"], doc["fetching"], doc["version"]) == (True, None, [1, a.replication.config.gen])
        assert [line for line in b.said if line.startswith("The directory of the other node is in force: version 1.")]


async def test_the_same_file_on_both_is_no_difference_on_the_first_start(tmp_path):
    async with open_members(tmp_path, slave=ADAM) as (a, b):
        await agree(a, b)
        await until(lambda: b.replication._unlike is None)
        assert not [line for line in b.said if "does not count" in line]


async def test_promoting_turns_the_roles_round_and_is_kept(tmp_path):
    async with open_members(tmp_path, slave=JANE) as (a, b):
        assert not [line for line in b.said if "does not count" in line], "there is nothing yet that it differs from"
        await agree(a, b)
        await until(lambda: [line for line in b.said if "does not count on the slave; it differs" in line])
        await b.replication.promote()
        await agree(a, b, ("slave", "master"))
        await until(lambda: len(a.directory.snapshot.recipients) == 2 or a.beats() or b.beats())
        assert "Server Replication Role: [Slave]" in a.said
        assert "Server Replication Role: [Master]" in b.said
        assert sorted(await a.names()) == ["Adam", "Jane"], "the new master's own file counts from now on"
        again = Replication(a, SimpleNamespace(config=SimpleNamespace(role="master")))
        await again.read_role()
        assert again.role == "slave", "whatever the file says"


async def test_promoted_on_both_while_apart_nothing_is_lost_and_the_operator_decides(tmp_path):
    async with open_members(tmp_path) as (a, b):
        await agree(a, b)
        a.is_cut = b.is_cut = True
        for one, name in ((a, "Alma"), (b, "Bo")):
            await one.replication.promote()
            await one.directory.put("recipient", {"name": name, "channels": ["log"]})
        a.is_cut = b.is_cut = False
        both = "this node and {} are both master (term 2): promote the right one"
        for one, name in ((a, "slave"), (b, "master")):
            told = both.format(name)
            await until(
                lambda one=one, told=told: (
                    a.beats() or b.beats() or one.bad.get("roles of the pair", "").startswith(told)
                )
            )
            assert one.replication.document()["trouble"] == one.replication.read_only() == told
            with pytest.raises(Refused, match="are both master"):
                await one.directory.put("recipient", {"name": "Eve", "channels": ["log"]})
        assert (sorted(await a.names()), sorted(await b.names())) == (["Adam", "Alma"], ["Adam", "Bo"])
        await b.replication.promote()
        await agree(a, b, ("slave", "master"))
        assert sorted(await a.names()) == ["Adam", "Bo"]
        assert "recipient 'Alma': only there" in (await a.directory.offered()).differences
        await until(lambda: not (a.bad["roles of the pair"] or b.bad["roles of the pair"]))


async def test_an_empty_master_waits_until_somebody_says_so(tmp_path):
    async with open_members(tmp_path, master="") as (a, b):
        assert a.replication.read_only()
        await a.replication.start_empty()
        await until(lambda: not a.replication.read_only())
        with pytest.raises(AddispatchError):
            await a.replication.start_empty()
        with pytest.raises(AddispatchError):
            await b.replication.start_empty()


async def test_a_directory_that_is_too_large_is_told_of_on_both_and_both_go_on(tmp_path, monkeypatch):
    async with open_members(tmp_path, slave=JANE) as (a, b):
        await agree(a, b)
        pack = directory_pack.MAX_BYTES
        monkeypatch.setattr(directory_pack, "MAX_BYTES", 100)
    async with open_members(tmp_path, slave=JANE) as (a, b):
        assert a.bad["size of the directory"].startswith("The directory is too large for two nodes: ")
        await a.directory.put("recipient", {"name": "Bo", "channels": ["log"]})
        await until(lambda: a.beats() or [line for line in b.said if "it is too large to be copied" in line])
        assert await b.names() == ["Adam"]
        monkeypatch.setattr(directory_pack, "MAX_BYTES", pack)
        await a.directory.delete("recipient", "Bo")
        await agree(a, b)
        assert not a.bad["size of the directory"]
        monkeypatch.setattr(directory_pack, "MAX_BYTES", 100)
        with pytest.raises(ConfigErrors, match="too large"):
            await a.directory.put("recipient", {"name": "Bo", "channels": ["log"]})


async def test_nonsense_changes_nothing(tmp_path):
    async with open_members(tmp_path) as (a, b):
        for body in (b"", b"[]", b"\xff", b"{}", orjson.dumps({"kind": "x"}), orjson.dumps({"t": 7, "data": []})):
            b.replication.message(body)
        odd = Local(role="king"), Local(config=(1, "x", 7)), Local(config=())
        for local in odd:
            b.replication.heartbeat(Heartbeat(Identity("a", 0, "s", "b"), 1, "", "", True, local))
        await agree(a, b)
        assert await b.names() == ["Adam"]


async def test_what_waits_is_bounded(tmp_path):
    member = Member(tmp_path, "slave")
    for _ in range(module.MOST_WAITING + 50):
        member.replication.message(b"{}")
    assert member.replication._queue.qsize() == module.MOST_WAITING
    await member.directory.close()
