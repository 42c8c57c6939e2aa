"""``addispatch cluster status|promote|start-empty|difference``: the pair in a few lines, and what goes to the daemon."""

from __future__ import annotations

import copy
import re

import pytest

from addispatch.cli import pair

DOC = {
    "name": "plant", "role": "master", "mode": "active/active", "mirror": True, "state": "Active", "settled": True,
    "store": "s1",
    "peer": {
        "name": "node-b", "store": "s2", "role": "slave", "standing": "up", "settled": True,
        "channels": {"email": "ok", "sms": "down"}, "disk": "ok", "url": "http://b:5556",
    },
    "peer_status": "Connected",
    "paths": [
        {"broker": "mqtt://a:1884", "problem": "", "heard_ago_s": 4.1},
        {"broker": "mqtt://b:1884", "problem": "", "heard_ago_s": None},
    ],
    "directory": {"version": [1, 7], "sha": "ab", "same": True, "last_same": True, "last_heard_s": 0.1, "read_only": "", "trouble": "",
        "fetching": None,
    },
    "entries": {"known": 3, "unclean": 0},
}  # fmt: skip
EVIL = "x\x1b]0;owned\x07\x1b[2J\u202e\ny"


def shown(capsys, **changes):
    pair._status({**copy.deepcopy(DOC), **changes})
    return capsys.readouterr().out.splitlines()


def test_a_pair_that_is_well(capsys):
    assert shown(capsys) == [
        "Server Replication Role: [Master]",
        "Slave Status: Connected",
        "State       Active",
        "Mode        active/active, pending messages are mirrored, settled",
        "Other node  node-b (slave, up, settled): email ok, sms down",
        "Broker      mqtt://a:1884  heard 4 s ago",
        "Broker      mqtt://b:1884  nothing heard of the other node by it",
        "Entries     3 open",
        "Directory   version 1.7, the same on both nodes",
    ]


def test_what_a_dead_node_said_last_is_not_told_as_if_it_were_so(capsys):
    lines = shown(capsys, peer=DOC["peer"] | {"standing": "down"})
    words = "node-b (slave, down); its channels when it was heard last: email ok, sms down"
    assert lines[4] == f"Other node  {words}"


def test_what_differs_has_its_line(capsys):
    lines = shown(capsys, differs="mirror is true on this node and false on node-b: …")
    assert lines[4] == "Differs     mirror is true on this node and false on node-b: …"


def test_the_other_one_is_dead(capsys):
    dead = DOC["peer"] | {"standing": "down", "settled": False, "channels": {}, "disk": "full"}
    lines = shown(
        capsys, role="slave", mode="active/passive", state="Passive Slave (failover)", peer=dead, mirror=False,
        settled=False, peer_status="Disconnected. node-b has been silent for 9 s",
        paths=[{"broker": "mqtt://a:1884", "problem": "Connection refused", "heard_ago_s": 9.0}],
        entries={"known": 3, "unclean": 2},
        directory=DOC["directory"] | {"same": False, "read_only": "edit on b", "fetching": [1, 9]},
    )  # fmt: skip
    assert lines == [
        "Server Replication Role: [Slave]",
        "Master Status: Disconnected. node-b has been silent for 9 s",
        "State       Passive Slave (failover)",
        "Mode        active/passive, queue not mirrored, not settled: it sends nothing yet",
        "Other node  node-b (slave, down); its channels when it was heard last: no channels",
        "Broker      mqtt://a:1884  Connection refused",
        "Entries     3 open, 2 not confirmed by the other node",
        "Directory   version 1.7, not known to be the same on both nodes, fetching 1 of 9 bytes; read-only: edit on b",
    ]


@pytest.mark.parametrize(
    ("last", "heard_s", "words"),
    [
        (True, 75.2, "the same on both nodes when that was heard last, 1 min 15 s ago"),
        (False, 75.2, "another one on the other node when that was heard last, 1 min 15 s ago"),
        (False, None, "not known to be the same on both nodes"),
    ],
)
def test_of_a_node_that_is_not_there_it_says_as_of_when(capsys, last, heard_s, words):
    directory = DOC["directory"] | {"same": None, "last_same": last, "last_heard_s": heard_s}
    assert shown(capsys, directory=directory)[-1] == f"Directory   version 1.7, {words}"


def test_who_has_to_decide_is_told(capsys):
    trouble = "this node and node-b are both master (term 2): promote the right one"
    lines = shown(capsys, directory=DOC["directory"] | {"same": False, "trouble": trouble, "read_only": trouble})
    assert lines[2] == f"Roles       {trouble}: addispatch cluster promote"


def test_nothing_was_heard_of_the_other_one_yet(capsys):
    lines = shown(capsys, peer=None, paths=[], peer_status="Disconnected. nothing heard of it yet")
    assert not [line for line in lines if line.startswith(("Other node", "Broker"))]


def test_what_others_wrote_does_nothing_to_the_terminal(capsys):
    peer = DOC["peer"] | {"name": EVIL, "role": EVIL, "channels": {EVIL: EVIL}, "disk": EVIL}
    lines = shown(
        capsys, peer=peer, peer_status=EVIL, paths=[{"broker": "b", "problem": EVIL, "heard_ago_s": None}],
        directory=DOC["directory"] | {"read_only": EVIL},
    )  # fmt: skip
    pair._difference({"file": EVIL, "lines": [EVIL]})
    printed = "\n".join(lines) + capsys.readouterr().out
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", printed)
    assert len(lines) == 8, "nor does it make lines of its own"


def test_colours_tell_what_is_not_well(capsys, monkeypatch):
    monkeypatch.setattr(pair, "colour", lambda words, tone: f"<{tone}>{words}")
    assert "Slave Status: <green>Connected" in shown(capsys)
    assert "Slave Status: <red>Disconnected. x" in shown(capsys, peer_status="Disconnected. x")
    assert "State       <yellow>Active" in shown(capsys, settled=False)


async def test_a_node_alone_says_so(addispatch):
    done = await addispatch("cluster", "status")
    assert (done.code, done.err) == (0, "")
    assert done.out == "This node is alone: there is no table [cluster] in its configuration.\n"


async def test_what_the_daemon_has_is_one_document(addispatch, running, monkeypatch):
    async def cluster(_actor):
        return DOC

    monkeypatch.setattr(running.operations, "cluster", cluster)
    assert (await addispatch("cluster", "status", "--json")).doc == DOC


async def test_a_refusal_is_one_line(addispatch):
    done = await addispatch("cluster", "promote")
    assert (done.code, done.out) == (1, "")
    assert "there is no table [cluster]" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(("command", "name"), [("promote", "cluster_promote"), ("start-empty", "cluster_start_empty")])
async def test_who_acts_sees_the_pair_as_it_is_then(addispatch, running, monkeypatch, command, name):
    called = []

    async def act(actor):
        called.append(actor)
        return DOC

    monkeypatch.setattr(running.operations, name, act)
    done = await addispatch("cluster", command)
    assert (done.code, done.out.splitlines()[0]) == (0, "Server Replication Role: [Master]")
    assert len(called) == 1


async def test_the_difference(addispatch, capsys):
    done = await addispatch("cluster", "difference")
    assert (done.code, done.out) == (0, "No directory of this node was replaced by the other one's.\n")
    pair._difference({"file": "/data/kept-1.toml", "lines": ["recipient Adam: sms 1 here, 2 there"]})
    pair._difference({"file": "/data/kept-2.toml", "lines": []})
    assert capsys.readouterr().out.splitlines() == [
        '/data/kept-1.toml ("there") was replaced; what is in force ("here") differs:',
        "  recipient Adam: sms 1 here, 2 there",
        '/data/kept-2.toml ("there") was replaced; what is in force ("here") differs:',
        "  in nothing",
    ]
