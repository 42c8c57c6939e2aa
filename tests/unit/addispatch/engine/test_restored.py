"""The operator's decision: what is sent, what is dropped, what a new alarm or an answer does to what is held."""

from __future__ import annotations

import pytest
from backups import MINUTE_MS, ask, save_all
from ledgers import new_delivery, now_ms, open_case
from pipelines import ADMIN, until

from addispatch.config import Config
from addispatch.domain.alarm import Alarm
from addispatch.domain.case import DeliveryKey, DeliveryState, Fact, Phase
from addispatch.domain.errors import Refused
from addispatch.engine import restored as module
from addispatch.engine.node import Node
from addispatch.runtime.clock import SystemClock
from addispatch.sdk.operations import Actor, Role
from addispatch.store import held
from addispatch.store.ledger import Ledger
from addispatch.store.restore import Place, restore

DIRECTORY = """
[[recipient]]
name = "Adam"
channels = ["log"]
[[group]]
name = "Ops"
members = ["Adam"]
[[policy]]
name = "critical"
  [[policy.level]]
  after_minutes = 5
  to = ["Adam"]
[[group]]
name = "Critical"
members = ["Adam"]
policy = "critical"
"""
OPERATOR = Actor("otto", Role.OPERATOR, "unix")


def node_in(folder):
    (folder / "directory.toml").write_text(DIRECTORY)
    config = {"node": {"data_dir": folder / "data"}, "http": {"listen": ""}, "plugin": {"log": {"path": "sent.log"}}}
    return Node(Config.model_validate(config), SystemClock())


@pytest.fixture
async def node(tmp_path):
    """A node restored from a backup with three cases: two that wait, one that escalates; the log channel sends."""
    data = tmp_path / "data"
    data.mkdir()
    ledger = Ledger("sqlite:///ledger.db", data)
    await ledger.open()
    soon = {"expires_at_ms": now_ms() + MINUTE_MS}
    rung = DeliveryKey(0, 0, "adam", "email", "a@b")
    await open_case(ledger, new_delivery(text="hot", **soon), new_delivery(key=rung, rung=1, due_at_ms=None), number=1)
    sending = new_delivery(text="full", state=DeliveryState(Fact.NONE, 0, Phase.SENDING))
    await open_case(ledger, sending, number=2, text="full", ack_required=True, code="A111", key="tank")
    done = new_delivery(due_at_ms=None, state=DeliveryState(Fact.SENT))
    await open_case(ledger, done, number=3, text="slow", ack_required=True, code="A222", policy="{}")
    await ledger.submit(lambda tx: tx.set_next(tx.entry(3), now_ms() + MINUTE_MS))
    await ledger.close()
    save_all(data, tmp_path / "b")
    restore(tmp_path / "b", Place(data / "ledger.db", data), now_ms(), force=True)
    node = node_in(tmp_path)
    await node.start(tmp_path / "directory.toml")
    yield node
    await node.stop()


def sent(node):
    path = next(iter(node.config.node.data_dir.glob("**/sent.log")), None)
    return path.read_text().splitlines() if path else []


def rows(node, columns):
    query = f"SELECT {columns} FROM cases c JOIN deliveries d ON d.case_seq = c.seq WHERE c.seq < 4 ORDER BY d.seq"
    return ask(node.config.node.data_dir, query)


async def test_nothing_leaves_until_it_is_sent_and_then_once_as_a_repeat(node):
    await node.housekeeping.sweep()
    await node.housekeeping.sweep()
    assert sent(node) == []
    assert "3 case(s) with 2 message(s) are held" in node.conditions.bad()["restored"]
    assert await node.operations.decide_restored(OPERATOR, "send") == {"action": "send", "cases": 3, "deliveries": 2}
    await until(lambda: len(sent(node)) == 2)
    assert all("(repeat) " in line for line in sent(node))
    assert "restored" not in node.conditions.bad()
    assert (await node.operations.restored(ADMIN))["case_count"] == 0
    await until(lambda: rows(node, "fact") == [(5,), (4,), (5,), (5,)])  # the rung is dropped: its person is reached
    next_ms, far = ask(node.config.node.data_dir, "SELECT next_at_ms, close_at_ms > 10e13 FROM cases WHERE seq = 3")[0]
    assert 50_000 < next_ms - now_ms() <= MINUTE_MS
    assert not far
    assert ask(node.config.node.data_dir, "SELECT name FROM marks WHERE name LIKE 'restored:%'") == []
    await node.housekeeping.sweep()
    assert len(sent(node)) == 2


async def test_what_is_dropped_never_leaves(node):
    answer = await node.operations.decide_restored(OPERATOR, "drop")
    assert answer == {"action": "drop", "cases": 3, "deliveries": 2}
    await node.housekeeping.sweep()
    why = "dropped after a restore by otto"
    assert rows(node, "c.state, c.reason, d.fact, d.error") == [
        ("closed", "cancelled", 4, why),
        ("closed", "cancelled", 4, why),
        ("closed", "operator", 4, why),
        ("closed", "operator", 5, None),
    ]
    assert sent(node) == []
    assert "restored" not in node.conditions.bad()
    assert (await node.operations.decide_restored(OPERATOR, "send"))["cases"] == 0
    events = [event["text"] for event in (await node.operations.events(ADMIN))["events"]]
    assert (
        "otto (unix) decided about what was held after the restore: it is cancelled (3 case(s), 2 message(s))" in events
    )


async def test_in_many_units(node, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 1)
    assert (await node.operations.decide_restored(OPERATOR, "send"))["cases"] == 3
    await until(lambda: len(sent(node)) == 2)
    assert node.ledger.marks[held.MARK] == b""


async def test_only_an_operator_and_only_two_words(node):
    with pytest.raises(Refused, match="role"):
        await node.operations.decide_restored(Actor("v", Role.VIEWER, "unix"), "send")
    with pytest.raises(Refused, match="action: must be one of send, drop"):
        await node.operations.decide_restored(OPERATOR, "keep")


async def test_a_raise_of_a_held_condition_is_told_and_takes_the_held_case_in(node):
    audience = next(g for g in (await node.operations.directory_entries(ADMIN, "group"))["group"] if g["name"] == "Ops")
    set_key = f"UPDATE cases SET audience_id = '{audience['id']}' WHERE seq = 2"
    await node.ledger.submit(lambda tx: (tx.connection.exec_driver_sql(set_key), tx.forget()))
    accepted = await node.accept(Alarm(text="full again", source="mqtt", key="tank", to=("Ops",), ack_required=True))
    await until(lambda: any("full again" in line for line in sent(node)))
    await node.operations.decide_restored(OPERATOR, "send")
    await until(lambda: len(sent(node)) == 2)
    assert not any("(repeat) full" in line for line in sent(node))
    assert rows(node, "c.reason, d.fact")[2] == ("merged", 4)
    answer = await node.operations.acknowledge(OPERATOR, {"codes": ["A111"]})
    assert [case["id"] for case in answer["cases"]] == [accepted.cases[0].id]
    assert answer["cases"][0]["result"] == "acknowledged"


async def test_who_acknowledges_a_held_case_is_heard(node):
    await node.operations.acknowledge(OPERATOR, {"codes": ["A111", "A222"]})
    assert (await node.operations.decide_restored(OPERATOR, "send"))["cases"] in (1, 2)
    await until(lambda: any("hot" in line for line in sent(node)))
    assert not any("(repeat) full" in line for line in sent(node))


async def test_what_left_the_hold_by_itself_is_tidied_up(node):
    await node.operations.close(OPERATOR, {"codes": ["A111", "A222"]})
    await node.operations.cancel_pending(OPERATOR)
    await node.ledger.submit(
        lambda tx: tx.connection.exec_driver_sql("UPDATE deliveries SET error = 'x' WHERE fact = 0")
    )
    assert "restored" in node.conditions.bad()
    warnings = (await node.operations.status(OPERATOR))["warnings"]
    assert not [line for line in warnings if "held" in line], "the status does not wait for the next look"
    assert "restored" not in node.conditions.bad()
    assert node.ledger.marks[held.MARK] == b""
    assert ask(node.config.node.data_dir, "SELECT name FROM marks WHERE name LIKE 'restored:%'") == []


async def test_the_hold_survives_a_restart(node, tmp_path):
    await node.stop()
    again = node_in(tmp_path)
    await again.start(tmp_path / "directory.toml")
    try:
        assert sent(again) == []
        assert (await again.operations.restored(ADMIN))["delivery_count"] == 2
        assert "restored" in again.conditions.bad()
    finally:
        await again.stop()
