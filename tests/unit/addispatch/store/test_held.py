"""What a restore holds: what was due, what was being sent, steps and ends; and what it does not."""

from __future__ import annotations

import asyncio

import orjson
import pytest
from backups import MINUTE_MS, ask, queued, save_all
from ledgers import new_delivery, now_ms, open_case, open_ledger

from addispatch.domain.case import Case, Note, Owner
from addispatch.store import held, mirror
from addispatch.store.restore import Place, restore
from addispatch.store.waiting import interrupted


def restored(folder, at_ms=None):
    """Restore the folder's own backup over it."""
    save_all(folder, folder / "b.tar.gz")
    return restore(folder / "b.tar.gz", Place(folder / "ledger.db", folder), at_ms or now_ms(), force=True)


@pytest.fixture
async def two(tmp_path):
    """Two cases with three messages each, one of them with a next step in a minute; restored."""
    await queued(tmp_path, ["hot", "full"], ack_required=True)
    async with open_ledger(tmp_path) as ledger:
        await ledger.submit(lambda tx: tx.set_next(tx.entry(1), now_ms() + MINUTE_MS))
        done = [new_delivery(due_at_ms=None, state=new_delivery().state._replace(fact=5))]
        await open_case(ledger, *done, number=9, text="over")
    restored(tmp_path)
    return tmp_path


async def test_what_was_due_or_under_way_has_no_due_time_any_more(two):
    assert ask(two, "SELECT count(*) FROM deliveries WHERE due_at_ms IS NOT NULL AND fact = 0") == [(0,)]
    rows = ask(
        two, "SELECT recipient_id, channel, phase, attempt, error FROM deliveries WHERE case_seq = 1 ORDER BY seq"
    )
    assert rows == [
        ("adam", "log", 0, 0, held.HELD),
        ("adam", "email", 0, 0, None),  # a later rung waits for the first one, as before
        ("jane", "log", 1, 0, held.HELD),
    ]
    assert ask(two, "SELECT count(*) FROM deliveries WHERE expires_at_ms IS NOT NULL") == [(0,)]
    assert ask(two, "SELECT next_at_ms, close_at_ms > 10e13 FROM cases WHERE seq = 1") == [(None, 1)]


async def test_the_store_is_another_one_and_the_mark_counts(two):
    assert ask(two, "SELECT value FROM meta WHERE name = 'store_id' AND value <> 'first'")
    (value,) = ask(two, "SELECT value FROM marks WHERE name = 'restored'")[0]
    doc = orjson.loads(value)
    assert (doc["cases"], doc["deliveries"], doc["stores"]) == (2, 4, ["", "first"])
    marks = dict(ask(two, "SELECT name, value FROM marks WHERE name LIKE 'restored:%'"))
    assert marks.keys() == {"restored:1", "restored:2"}
    mark = orjson.loads(marks["restored:1"])
    assert 50_000 < mark["next"] <= MINUTE_MS
    assert 0 < mark["expires"]["1"] <= MINUTE_MS
    assert mark["close"] == pytest.approx(72 * 3_600_000, abs=5000)
    (line,) = ask(two, "SELECT text FROM events WHERE kind = 'Restored'")[0]
    assert line.endswith("(node a): 2 case(s) with 4 message(s) are held")


async def test_what_is_held_is_not_recovered_and_not_shown_to_the_other_node(two):
    async with open_ledger(two) as ledger:
        assert await ledger.submit(interrupted) == []
        assert await ledger.submit(held.held_seqs) == {1, 2}
        assert await ledger.submit(lambda tx: mirror.open_ends(tx, 0, 10)) == []
        await open_case(ledger, new_delivery(), number=20, text="new")
        assert [entry.seq for entry in await ledger.submit(lambda tx: mirror.open_ends(tx, 0, 10))] == [4]


async def test_a_case_leaves_the_hold_with_its_owner_or_when_people_end_it(two):
    async with open_ledger(two) as ledger:

        def unit(tx):
            tx.join(tx.entry(1), Case(tx.entry(1).case.id, owner=Owner(1, 1, "peer")), now_ms())
            assert held.mark_of(tx, tx.entry(1)) is None
            assert held.mark_of(tx, tx.entry(2)) is not None
            tx.flush()
            return held.held_seqs(tx)

        assert await ledger.submit(unit) == {2}
        document = await ledger.read(lambda connection: held.document(connection, 10, 0))
        assert (document["case_count"], [case["text"] for case in document["cases"]]) == (1, ["full"])


async def test_an_answered_case_with_nothing_that_waits_is_not_held(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, ack_required=True, key="k")
        note = Note(now_ms(), "adam", "sms")
        await ledger.submit(
            lambda tx: tx.join(tx.entry(1), Case(tx.entry(1).case.id, acks=frozenset((note,))), now_ms())
        )
    assert restored(tmp_path).held.get("cases") == 0
    assert ask(tmp_path, "SELECT value FROM marks WHERE name = 'restored'") == [(b"",)]
    assert ask(tmp_path, "SELECT close_at_ms < 10e13 FROM cases") == [(1,)]


async def test_what_the_other_node_sends_for_is_its_business(tmp_path):
    await queued(tmp_path)
    async with open_ledger(tmp_path) as ledger:
        await ledger.submit(lambda tx: tx.connection.exec_driver_sql("UPDATE cases SET mine = 0"))
        await ledger.submit(lambda tx: tx.connection.exec_driver_sql("UPDATE deliveries SET mine = 0"))
    assert restored(tmp_path).held.get("cases") == 0
    assert ask(tmp_path, "SELECT count(*) FROM deliveries WHERE due_at_ms IS NOT NULL") == [(2,)]


async def test_a_backup_with_a_hold_in_it_keeps_what_was_left_then(two):
    (first,) = ask(two, "SELECT value FROM marks WHERE name = 'restored:1'")[0]
    await asyncio.sleep(0.01)
    done = restored(two)
    assert (done.held["cases"], done.held["deliveries"]) == (2, 4)
    assert len(done.held["stores"]) == 3
    assert ask(two, "SELECT value FROM marks WHERE name = 'restored:1'") == [(first,)]


async def test_a_pause_stands_still_since_its_begin(tmp_path):
    await queued(tmp_path, ["hot"], ack_required=True)
    async with open_ledger(tmp_path) as ledger:
        paused_ms = now_ms() - 10 * MINUTE_MS
        await ledger.submit(lambda tx: tx.set_next(tx.entry(1), paused_ms + MINUTE_MS))
        pause = orjson.dumps({"at_ms": paused_ms, "by": "x"})
        await ledger.submit(lambda tx: tx.marks.update(pause=pause))
    restored(tmp_path)
    (value,) = ask(tmp_path, "SELECT value FROM marks WHERE name = 'restored:1'")[0]
    assert orjson.loads(value)["next"] == MINUTE_MS


async def test_pages(two):
    async with open_ledger(two) as ledger:
        first = await ledger.read(lambda connection: held.document(connection, 1, 0))
        assert [case["text"] for case in first["cases"]] == ["hot"]
        second = await ledger.read(lambda connection: held.document(connection, 1, int(first["next"])))
        assert ([case["text"] for case in second["cases"]], second["next"]) == (["full"], None)
        assert second["cases"][0]["deliveries"][0]["state"] == "held"
