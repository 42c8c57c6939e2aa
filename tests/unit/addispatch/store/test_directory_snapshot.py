"""Records become the domain's address book, field by field."""

from __future__ import annotations

from addispatch.domain.addressbook import (
    Group,
    Match,
    Mode,
    Recipient,
    Route,
    Settings,
    TextTemplate,
)
from addispatch.domain.alarm import Priority
from addispatch.domain.judgement import Change, Limit, Verdict
from addispatch.domain.policy import Level, Policy, PolicyKind
from addispatch.store.directory_records import Record, empty_tables
from addispatch.store.directory_snapshot import build


def test_every_field_arrives() -> None:
    tables = empty_tables()

    def add(table: str, ident: str, **body: object) -> None:
        tables[table][ident] = Record(ident, body)

    add("recipient", "1", name="A", sms="+6591234567", phone="+6561234567", email=["a@b.c"], chat=["x://y"], language="en",
        department="D", enabled=False, policy="3", channels=["sms"], mode="ladder", step_after_s=30.0)  # fmt: skip
    add("recipient", "7", name="B")
    add("group", "2", name="G", members=["1", "7"], policy="3")
    levels = [
        {"after_minutes": 1.0, "to": ["2"]},
        {"after_minutes": 2.0, "call": ["1"], "resend": True},
        {"after_minutes": 15.0},
    ]
    add("policy", "3", name="P", kind="recall", level=levels, close_on_clear=False, renotify_after_s=60.0, close_after_h=9.0,
        footnote="", repeat=3)  # fmt: skip
    add("template", "4", name="T", text="x", subject="s", max_segments=2)
    match = {"source": "mqtt", "topic": "a/#", "text": "t", "key": "k", "priority": ["high", "low"]}
    add("route", "5", name="R", match=match, to=["2", "1"], **{"continue": True}, template="4", channels=["sms"])
    add("route", "6", name="All", to=["7"])
    add("settings", "settings", system_alert_to=["1"], retention_days=5, short_codes=["7999"], heartbeat_at="07:30")

    book = build(tables, 8)

    assert book.generation == 8
    assert book.recipients == {
        "1": Recipient(
            id="1", name="A", sms="+6591234567", phone="+6561234567", email=("a@b.c",), chat=("x://y",), language="en",
            department="D", enabled=False, policy="3", channels=("sms",), mode=Mode.LADDER, step_after_s=30,
        ),
        "7": Recipient(id="7", name="B"),
    }  # fmt: skip
    assert isinstance(book.recipients["1"].mode, Mode)
    assert book.groups == {"2": Group(id="2", name="G", members=("1", "7"), policy="3")}
    assert book.policies == {
        "3": Policy(
            id="3", name="P", kind=PolicyKind.RECALL, close_on_clear=False, renotify_after_s=60, close_after_h=9,
            footnote="", repeat=3,
            levels=(Level(after_minutes=1, to=("2",)), Level(after_minutes=2, call=("1",), resend=True)),
        )
    }  # fmt: skip
    assert book.templates == {"4": TextTemplate(id="4", name="T", text="x", subject="s", max_segments=2)}
    priorities = (Priority.HIGH, Priority.LOW)
    assert book.routes == (
        Route(
            id="5", name="R", match=Match(source="mqtt", topic="a/#", text="t", key="k", priority=priorities), to=("2", "1"),
            continue_=True, template="4", channels=("sms",),
        ),
        Route(id="6", name="All", to=("7",)),
    )  # fmt: skip
    assert book.settings == Settings(
        system_alert_to=("1",), retention_days=5, short_codes=frozenset({"7999"}), heartbeat_at="07:30"
    )


def test_an_empty_level_inside_is_kept_so_that_later_ones_fire() -> None:
    tables = empty_tables()
    tables["policy"]["1"] = Record(
        "1", {"name": "p", "level": [{"after_minutes": 5.0}, {"after_minutes": 9.0, "to": ["2"]}, {}]}
    )
    assert len(build(tables, 1).policies["1"].levels) == 2


def test_a_rate_is_no_limit_of_the_value_and_its_alarm_names_it() -> None:
    tables = empty_tables()
    body = {"name": "R", "probe": "dial", "rate": 5.0, "stale_after_s": 60.0, "alarm_on": True, "hi": 80, "lolo": 1.0}
    tables["monitor"]["1"] = Record("1", body)
    monitor = build(tables, 1).monitors["1"]
    assert monitor.rules.limits == {Limit.HI: 80.0, Limit.LOLO: 1.0}
    assert (monitor.rules.rate, monitor.rules.stale_after_s, monitor.rules.alarm_on) == (5.0, 60.0, True)
    raised = Verdict(Change.RAISED, Limit.RATE)
    assert "changes faster than 5 /s" in monitor.sentence(raised, 100, "")
