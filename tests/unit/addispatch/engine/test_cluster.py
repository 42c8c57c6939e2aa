"""A node's place in a cluster: two of them over real ledgers, what one sends is handed to the other by the test."""

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace

import orjson
import pytest
from pipelines import group, until
from rooms import PHONE_ADAM, PHONE_BO, PHONE_JANE, open_room, usual

from addispatch.cluster import events as ev
from addispatch.cluster import wire
from addispatch.cluster.envelope import Header
from addispatch.cluster.keyring import generate
from addispatch.cluster.liveness import Standing
from addispatch.cluster.messages import Heartbeat, Identity
from addispatch.cluster.replica import Peer as Known
from addispatch.config import Config
from addispatch.domain.alarm import Alarm
from addispatch.domain.delivery import RetryRules
from addispatch.domain.errors import StoreError
from addispatch.domain.replication import ClusterRole
from addispatch.engine import joining, names, pause
from addispatch.engine.cluster import Cluster

OPS = (PHONE_ADAM, PHONE_JANE, PHONE_BO, usual(), group("Ops", "Adam", "Jane", policy="usual"))
KEY = generate("k1")


class Line:
    """Stands where the link is: keeps what is sent, and loses it while ``is_cut``."""

    def __init__(self, cluster):
        self._cluster, self.is_cut, self.out, self._sent = cluster, False, [], 0

    def send(self, kind, to, body, *, tstore="", tboot=""):
        self._sent += 1
        me = self._cluster.rules.me
        header = Header(
            v=1, kid="k1", sender=me.name, store=me.store, boot=me.boot, n=self._sent, to=to, tstore=tstore,
            tboot=tboot, ts=0,
        )  # fmt: skip
        if not self.is_cut:
            self.out.append((header, kind, body))

    def renew(self, _boot):
        self._sent = 0


class Member:
    """A node as far as its cluster asks it."""

    def __init__(self, room, name, role, **cluster):
        self.room, self.name, self.said = room, name, []
        self.cluster, self.clock, self.ledger = "plant", room.clock, room.ledger
        self.config = Config.model_validate(
            {
                "node": {"name": name, "data_dir": str(room.ledger.folder)},
                "cluster": {"role": role, "brokers": ["mqtt://a:1884"], "key": KEY, **cluster},
            }
        )
        self.held, self.given_back, self.duties = [], 0, []
        hold = SimpleNamespace(hold=lambda *, is_held: self.held.append(is_held), give_back=self._give_back, held=set)
        self.dispatcher = self.escalator = hold
        self.monitoring = SimpleNamespace(set_duty=lambda *, is_mine: self.duties.append(is_mine))
        self.host = SimpleNamespace(channels=lambda: {"sms": SimpleNamespace(health=SimpleNamespace(up=True))})
        self.bad = {}
        self.conditions = SimpleNamespace(report=lambda name, problem, **_more: self.bad.update({name: problem}))
        self.confirmed = []
        self.metrics = SimpleNamespace(confirmed=self.confirmed.append)
        self.retry_rules, self.standby_reason = RetryRules(), None
        self.twin = Cluster(self, self.config.cluster)

    def desk(self):
        return self.room.desk

    def say(self, event):
        self.said.append(event.line)

    def _give_back(self):
        self.given_back += 1

    async def begin(self, store):
        await self.twin.begin(store)
        self.twin.link = Line(self.twin)
        await self.twin._load()
        self.twin.path_up("broker")

    def accept(self, text="hot", **fields):
        alarm = Alarm(source="mqtt", text=text, to=("Ops",), **fields)
        return self.twin.mirrored(self.room.pipeline.accept(alarm))


class Both:
    def __init__(self, a, b):
        self.a, self.b = a, b

    async def passes(self, for_s=0.25):
        """Let time go by in steps of a tick; what is said in it is heard in it."""
        for _ in range(round(for_s / 0.25)):
            self.a.clock.forward(seconds=0.25)
            for one in (self.a, self.b):
                one.twin._become()
                one.twin._step(ev.Tick())
                one.twin.peer.look()
                one.twin._look_at_duty()
                one.twin._flush_mirrored()
            await self.talk()

    async def talk(self):
        for _ in range(8):
            for one, other in ((self.a, self.b), (self.b, self.a)):
                said, one.twin.link.out = one.twin.link.out, []
                for header, kind, body in said if not other.twin.link.is_cut else ():
                    if kind == "hb":
                        other.twin.beat("broker", header)
                    other.twin.heard("broker", header, kind, body)
            for one in (self.a, self.b):
                await one.ledger.submit(lambda _tx: None)
                await asyncio.sleep(0)
            if not (self.a.twin.link.out or self.b.twin.link.out):
                return

    def cut(self, *, is_cut=True):
        for one in (self.a, self.b):
            one.twin.link.is_cut = is_cut


@contextlib.asynccontextmanager
async def open_both(folder, roles=("master", "slave"), second=None, **cluster):
    """``second``: what is set otherwise on the second node."""
    async with contextlib.AsyncExitStack() as stack:
        members = []
        for name, role, store in (("a", roles[0], "s1"), ("b", roles[1], "s2")):
            (folder / name).mkdir()
            options = {"clock": members[0].clock} if members else {}
            room = await stack.enter_async_context(open_room(folder / name, *OPS, store_id=store, **options))
            member = Member(room, f"node-{name}", role, **(cluster | (second or {} if members else {})))
            await member.begin(store)
            members.append(member)
        both = Both(*members)
        await both.passes(6.0)
        yield both


@pytest.fixture
async def both(tmp_path):
    async with open_both(tmp_path) as both:
        yield both


async def done(both, future):
    """Wait as long as the ledger takes: for the confirmation after it a tick decides."""
    for _ in range(5):
        await both.talk()
    return future.done()


async def test_they_meet_settle_and_send(both):
    for one in (both.a, both.b):
        assert one.twin.rules.standing is Standing.UP
        assert one.held[0] is True, "held while it asks the other one"
        assert one.held[-1] is False
        assert one.twin.standby_reason() == ""
    assert (both.a.duties[-1], both.b.duties[-1]) == (True, False)


async def test_an_alarm_is_confirmed_when_both_hold_it(both):
    future = both.a.accept()
    assert await done(both, future)
    assert future.result().mirrored
    assert both.a.confirmed == [2]
    await until(both.b.room.cases)
    (case,) = await both.b.room.cases()
    assert case["text"] == "hot"
    assert not (await both.b.room.entry()).mine


async def test_after_t_mirror_it_is_confirmed_as_a_single_copy(both):
    both.cut()
    future = both.a.accept()
    assert not await done(both, future)
    await both.passes(0.75)
    assert future.result().mirrored is False
    assert both.a.confirmed == [1]
    both.a.twin.peer.tell_single(is_last=True)
    assert [line for line in both.a.said if line.startswith("Confirmed 1 alarm(s) that this node alone holds")]
    both.cut(is_cut=False)
    await both.passes(3.0)
    assert len(await both.b.room.cases()) == 1, "it is mirrored later"
    assert not both.a.twin.rules.entries.unclean


async def test_strict_refuses_what_only_one_holds(tmp_path):
    async with open_both(tmp_path, strict=True) as both:
        both.cut()
        future = both.a.accept()
        await done(both, future)
        await both.passes(0.75)
        with pytest.raises(StoreError, match="strict is set"):
            future.result()
        await both.passes(2.0)
        assert "strict is set" in both.a.twin.refusal()
        assert both.a.bad["alarms"].startswith("No alarm is taken: strict is set")
        both.cut(is_cut=False)
        await both.passes(3.0)
        assert not both.a.bad["alarms"]


async def test_the_survivor_takes_over_and_they_agree_again(both):
    assert await done(both, both.a.accept())
    both.cut()
    await both.passes(2.0)
    assert (await both.b.room.entry()).mine
    assert len(await both.b.room.sends("sms")) == 2
    both.cut(is_cut=False)
    await both.passes(4.0)
    assert not (await both.a.room.entry()).mine
    assert (await both.a.room.entry()).case == (await both.b.room.entry()).case


async def test_a_pause_is_on_both_and_ends_on_both(both):
    for is_on, who, other in ((True, both.a, both.b), (False, both.b, both.a)):
        work = pause.pause if is_on else pause.resume
        assert await who.ledger.submit(lambda tx, work=work, who=who: work(tx, who.desk(), "jane", who.clock.now_ms()))
        await both.passes(0.5)
        assert other.ledger.is_paused is is_on
    assert both.b.given_back == 1, "what was claimed and not handed over stays here"


async def test_a_message_that_cannot_be_read_is_told_of_and_changes_nothing(both):
    header = Header(v=1, kid="k1", sender="node-b", store="s2", boot="x", n=1, to="", tstore="", tboot="", ts=0)
    for kind, body in 3 * (("hb", b"[]"), ("st", b'{"e":7}'), ("ak", b"\xff"), ("hb", b'{"rank":1}')):
        both.a.twin.heard("broker", header, kind, body)
    told = [line for line in both.a.said if "cannot be read" in line]
    assert len(told) == 4, "each kind once a minute"
    assert all(line.startswith("Cluster: dropped what came by broker: a message of kind") for line in told)


async def test_one_record_that_cannot_be_read_costs_no_other(both):
    accepts, others = both.b.accept("good"), both.b.accept("bad")
    await both.b.ledger.submit(lambda _tx: None)
    for at, (header, kind, body) in enumerate(both.b.twin.link.out):
        if kind == "st":
            records = [7 if doc.get("h", {}).get("text") == "bad" else doc for doc in orjson.loads(body)["e"]]
            both.b.twin.link.out[at] = (header, kind, orjson.dumps({"e": records}))
    assert await done(both, accepts)
    assert not others.done(), "what is not here is not confirmed"
    assert [case["text"] for case in await both.a.room.cases()] == ["good"]
    assert [line for line in both.a.said if line.startswith("Cluster: left out a record of node-b")]
    await both.passes(2.0)
    assert [case["text"] for case in await both.a.room.cases()] == ["good", "bad"], "it comes again"


async def test_a_node_remembers_which_store_was_whose(both):
    for one in (both.a, both.b):
        await until(lambda one=one: [names.shown(one.ledger.marks, s) for s in ("s1", "s2")] == ["node-a", "node-b"])


async def test_a_node_of_the_same_role_is_told_of_however_long_both_run(tmp_path):
    async with open_both(tmp_path, roles=("master", "master")) as both:
        for _ in range(2):
            await both.passes(30.0)
            for one, other in ((both.a, "node-b"), (both.b, "node-a")):
                assert one.bad["role of this node"].startswith(f"{other} at ")
                assert one.twin.peer.document()["peer_status"].startswith(f"Disconnected. {other} at ")


async def test_the_node_that_runs_hears_of_one_that_was_restored_from_its_backup(both):
    """The link knows another boot of node-b, and this one never names ours: it takes us for its rival."""
    both.cut()
    await both.passes(3.0)
    restored = Heartbeat(Identity("node-b", 0, "s9", "b9"), 7, "", "", True, both.b.twin.rules.local)
    header = Header(v=1, kid="k1", sender="node-b", store="s9", boot="b9", n=7, to="", tstore="", tboot="", ts=0)
    ((_, body),) = wire.encode(restored)
    both.a.twin.unproven("broker", header, body)
    await both.passes(0.25)
    words = (
        "node-b at http://localhost:5556 began with the same role as this node (it is the slave now), or was restored"
    )
    assert both.a.bad["role of this node"].startswith(words)
    assert both.a.twin.peer.document()["peer_status"].startswith(f"Disconnected. {words}")
    assert sum("has the role of node-a in the file, too" in line for line in both.a.said) == 1
    ((_, other),) = wire.encode(restored._replace(who=restored.who._replace(rank=1)))
    both.a.clock.forward(seconds=60)
    both.a.twin.unproven("broker", header, other)
    both.a.twin.unproven("broker", header, b"[]")
    await both.passes(0.25)
    assert not both.a.bad["role of this node"], "an old boot of the other node is no rival"


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (
            {"mode": "active/passive"},
            {"mode": "active/active"},
            "mode is active/passive on this node and active/active on",
        ),
        ({"mirror": True}, {"mirror": False}, "mirror is true on this node and false on node-b"),
        ({"mirror": False}, {"mirror": True}, "mirror is false on this node and true on node-b"),
    ],
)
async def test_what_differs_between_the_nodes_is_told_and_sends_nothing_twice(tmp_path, first, second, words):
    async with open_both(tmp_path, second=second, **first) as both:
        sent = {both.a: list[str](), both.b: list[str]()}
        for one in sent:
            one.room.pipeline._owner = one.twin.owner_for
        for number in range(12):
            alarm = {"text": f"hot {number}", "is_shared": True, "fingerprint": bytes([number])}
            one, other = (both.a, both.b) if number % 2 else (both.b, both.a)
            one.accept(**alarm)
            if number % 3 == 0:  # the copy is there before the publish
                await both.talk()
            sent[one] += await one.room.sends("sms")
            other.accept(**alarm)
            if number % 3 == 1:  # the copy comes later; else both at once
                sent[other] += await other.room.sends("sms")
            await both.passes(0.25)
        await both.passes(3.0)
        for one in sent:
            sent[one] += await one.room.sends("sms")
        texts = [line.split("\n")[0] for line in sent[both.a] + sent[both.b]]
        assert sorted(texts) == sorted(f"{who}: hot {number}" for who in ("Adam", "Jane") for number in range(12))
        assert sent[both.a], "both send"
        assert sent[both.b]
        for one in (both.a, both.b):
            told = [line for line in one.said if line.startswith("Cluster: m")]
            assert len(told) == 1
            assert one.bad["settings of the pair"] == one.twin.peer.document()["differs"] != ""
            assert one.twin.peer.state() == "Active"
            assert one.twin.rules.local.mirror, "one of the two mirrors: both do"
        assert both.a.bad["settings of the pair"].startswith(words)
        both.cut()
        await both.passes(3.0)
        assert not both.a.bad["settings of the pair"], "of a node that is away nothing is said"


async def test_nobody_says_that_the_directory_of_a_node_that_is_away_is_the_same(both):
    def same():
        doc = both.a.twin.replication.document()
        return doc["same"], doc["last_same"], doc["last_heard_s"]

    rules = both.a.twin.replication.rules
    rules.peer = Known("node-b", rules.version, ClusterRole.SLAVE, both.a.clock.monotonic_s())
    assert same() == (True, True, 0.0)
    both.cut()
    await both.passes(10.0)
    assert same() == (None, True, 10.0)


async def test_an_alarm_that_is_refused_is_refused_to_who_waits(both):
    refused = asyncio.get_running_loop().create_future()
    answer = both.a.twin.mirrored(refused)
    refused.set_exception(StoreError("the disk is full"))
    with pytest.raises(StoreError, match="the disk is full"):
        await answer
    gone = asyncio.get_running_loop().create_future()
    answer = both.a.twin.mirrored(gone)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answer


async def test_an_unknown_case_is_looked_up_and_sent_whole(both):
    """The other disk went back in time: what is closed and mirrored there is told anew."""
    assert await done(both, both.a.accept())
    (ident,) = [case["id"] for case in await both.a.room.cases()]
    both.a.twin._unit(lambda tx, _now_ms: joining.look(tx, {ident: 5}))
    await both.passes(1.0)
    assert not both.a.twin.rules.entries.unclean
