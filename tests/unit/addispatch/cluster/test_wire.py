"""Messages as bytes: what is encoded is read back, what is too large comes in pieces, what is neither is refused."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addispatch.cluster import wire
from addispatch.cluster.envelope import Header
from addispatch.cluster.messages import Config, Digests, Heartbeat, Identity, Local, Pause, State, Synced

HEADER = Header(v=1, kid="k1", sender="a", store="s1", boot="b1", n=7, to="", tstore="", tboot="", ts=0)
LOCAL = Local(
    channels=(("email", False), ("sms", True)), disk="full", open_count=3, oldest_s=1.5, role="slave",
    pause=Pause(2, 1, on=True, by="jane"), config=Config(1, 4, "ab" * 32), url="http://a:5556", mirror=False,
    mode="active/passive", mirror_set=False,
)  # fmt: skip
BEAT = Heartbeat(Identity("a", 1, "s1", "b1"), 7, "b2", "s2", True, LOCAL, 41, counts_on=False)


def over(message):
    return [wire.decode(kind, HEADER, body) for kind, body in wire.encode(message)]


@pytest.mark.parametrize(
    "message",
    [
        BEAT,
        Synced(),
        Digests((("e1", (1 << 64) - 1), ("e2", 0)), asks=True),
        Digests((), answers=True),
        State(({"id": "e1", "g": "1", "d": []},)),
    ],
)
def test_what_is_said_is_heard(message):
    sent = State((orjson.dumps(message.records[0]),)) if isinstance(message, State) else message
    assert over(sent) == [message]


def test_who_speaks_is_in_the_seal_and_not_in_the_body():
    (_, body), = wire.encode(BEAT)  # fmt: skip
    assert orjson.loads(body).keys() & {"name", "store", "boot", "n"} == set()
    heard = wire.decode("hb", HEADER._replace(sender="x", store="s9", boot="b9", n=8), body)
    assert (heard.who, heard.number) == (Identity("x", 1, "s9", "b9"), 8)


def test_an_older_node_says_nothing_of_its_mode():
    (_, body), = wire.encode(BEAT)  # fmt: skip
    doc = orjson.loads(body)
    assert doc.pop("mode") == "active/passive"
    local = wire.decode("hb", HEADER, orjson.dumps(doc)).local
    assert (local.mode, local.mirror_set) == ("", False)


def test_what_a_node_tells_is_what_is_set_not_what_it_does_meanwhile():
    (_, body), = wire.encode(BEAT._replace(local=LOCAL._replace(mirror=True)))  # fmt: skip
    assert orjson.loads(body)["mirror"] is False


def record(size, count):
    deliveries = [{"k": [0, n, "adam", "sms", "x"], "t": ["x" * size, 0]} for n in range(count)]
    return orjson.dumps({"id": "e1", "g": "5", "h": {"text": "hot"}, "x": {}, "p": [0, 0], "n": None, "d": deliveries})


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 60)), max_size=4))
def test_pieces_join_to_the_whole_and_each_fits(sizes):
    records = tuple(record(*size) for size in sizes)
    bodies = [body for _, body in wire.encode(State(records))]
    assert all(len(body) <= wire.MOST_BYTES + 16 for body in bodies)
    docs = [doc for message in over(State(records)) for doc in message.records]
    whole = [orjson.loads(one) for one in records]
    assert [doc for doc in docs if "h" in doc] == [
        {**one, "d": doc["d"]} for one, doc in zip(whole, (d for d in docs if "h" in d), strict=True)
    ]
    assert [one for doc in docs for one in doc["d"]] == [one for doc in whole for one in doc["d"]]
    assert {(doc["id"], doc["g"]) for doc in docs} <= {("e1", "5")}


def test_records_are_as_they_were_sent_whatever_they_are():
    assert wire.decode("st", HEADER, b'{"e":[7,{"id":"e1"}]}') == State((7, {"id": "e1"}))


def test_small_records_travel_together():
    small = tuple(record(10, 1) for _ in range(100))
    assert len(over(State(small))) == 1
    assert len(over(State((record(3000, 60), *small)))) > 1


GOOD = orjson.loads(next(wire.encode(BEAT))[1])


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("value", [None, [], {}, 7, "x", [1], "missing"])
def test_a_bad_heartbeat_is_one_of_the_named_errors(name, value):
    doc = {**GOOD, name: value}
    if value == "missing":
        del doc[name]
    try:
        found = wire.decode("hb", HEADER, orjson.dumps(doc))
    except (ValueError, KeyError, TypeError):
        return
    assert isinstance(found, Heartbeat), "what can be read all the same is a heartbeat"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("hb", b""), ("hb", b"[]"), ("hb", b"7"), ("st", b'{"e":7}'), ("st", b"{}"), ("ak", b'{"p":[["e1"]],"q":0,"r":0}'), ("ak", b'{"p":[["e1","x"]],"q":0,"r":0}'),
        ("ak", b'{"p":[7],"q":0,"r":0}'), ("ak", b"{}"), ("sy", b"{"), ("st", b"\xff"),
    ],
)  # fmt: skip
def test_a_bad_body_is_one_of_the_named_errors(kind, body):
    with pytest.raises((ValueError, KeyError, TypeError)):
        wire.decode(kind, HEADER, body)
