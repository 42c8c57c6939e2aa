"""Events after their commit: to everybody, whatever one of them does, and never more than a reader can hold."""

from __future__ import annotations

import asyncio

from addispatch.engine import feed as module
from addispatch.engine.feed import Feed


def told(number, case_id=None):
    return (number, 1_767_268_800_000, 1, "Said", f"event {number}", case_id)


def test_documents():
    feed, seen = Feed(), []
    feed.publish([told(1)])
    end = feed.subscribe(seen.append)
    feed.publish([told(2, "c1")])
    assert seen == [
        {
            "id": 2, "at": "2026-01-01T12:00:00.000Z", "severity": "warning", "kind": "Said", "text": "event 2",
            "case_id": "c1",
        }
    ]  # fmt: skip
    end()
    end()
    feed.publish([told(3)])
    assert len(seen) == 1


def test_what_must_be_known_is_in_the_daemon_s_log_once(caplog):
    feed = Feed()
    feed.logged.add((2, "event 2"))
    feed.publish([told(1), told(2), (3, 1_767_268_800_000, 0, "Said", "event 3", None)])
    assert caplog.messages == ["event 1"], "the second one is there already, the third one is no warning"
    assert not feed.logged


def test_a_subscriber_that_fails_is_not_the_others_business(caplog):
    feed, seen = Feed(), []
    feed.subscribe(lambda _doc: 1 / 0)
    feed.subscribe(seen.append)
    feed.publish([told(1), told(2)])
    assert [doc["id"] for doc in seen] == [1, 2]
    assert "a subscriber to events failed" in caplog.text


def test_one_that_unsubscribes_while_it_is_told():
    feed, seen = Feed(), []
    end = feed.subscribe(lambda doc: (seen.append(doc["id"]), end()))
    feed.subscribe(lambda doc: seen.append(-doc["id"]))
    feed.publish([told(1), told(2)])
    assert seen == [1, -1, -2]


async def test_a_follower_gets_all_in_order():
    feed = Feed()
    follower = feed.follow()
    waiting = asyncio.gather(follower.next())
    await asyncio.sleep(0)
    feed.publish([told(1), told(2)])
    assert [(await waiting)[0]["id"], (await follower.next())["id"]] == [1, 2]
    follower.close()
    feed.publish([told(3)])
    assert feed._handlers == ()


async def test_a_follower_that_does_not_read_is_dropped(monkeypatch):
    monkeypatch.setattr(module, "MAX_BEHIND", 4)
    feed = Feed()
    follower = feed.follow()
    feed.publish([told(n) for n in range(10)])
    assert feed._handlers == ()
    assert [(doc["id"] if (doc := await follower.next()) else None) for _ in range(4)] == [0, 1, 2, None]
