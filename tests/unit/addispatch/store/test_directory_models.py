"""The keys of the outer contract are taken, defaults equal those of the domain, mistakes are named."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from addispatch.domain import addressbook
from addispatch.store.directory_change import Change
from addispatch.store.directory_fields import Checks
from addispatch.store.directory_models import MODELS, Entry, PolicyEntry, RouteEntry
from addispatch.store.directory_records import empty_tables

CHECKS = Checks("SG")

# Every key the outer contract names, with a value that is not its default.
EVERY_KEY = """
[settings]
system_alert_to = ["Adam"]
heartbeat_at = "07:30"
pause_remind_s = 600
retention_days = 30
link_ttl_h = 24
anyone_may_ack = true
short_codes = ["7999"]

[[recipient]]
name = "Adam"
sms = "91234567"
phone = "+442079460958"
email = ["adam@example.com", "a@example.org"]
chat = ["tgram://token/chat"]
language = "en"
department = "Boiler house"
enabled = false
policy = "critical"
channels = ["email", "sms"]
mode = "ladder"
step_after_s = 90

[[group]]
name = "CriticalAlarms"
members = ["Adam"]
policy = "critical"

[[policy]]
name = "critical"
kind = "recall"
max_send_wait_s = 60
repeat = 2
footnote = ""
allow_email_reply = true
append_link = false
ack_any_acks_all = true
exempt_keywords = ["ok again"]
notify_contacted = false
continue_unsent = true
answer_acks = false
close_on_clear = false
keyword_clears = true
repeat_on_takeover = false
renotify_after_s = 300
close_after_h = 24
  [[policy.level]]
  after_minutes = 3
  to = ["Adam"]
  [[policy.level]]
  call = ["CriticalAlarms"]
  resend = true

[[template]]
name = "short"
text = "{{ text }}"
subject = "{{ source }}"
max_segments = 2

[[route]]
name = "plant"
match = { source = "mqtt", topic = "plant/#", text = "pump*", key = "k", priority = ["high", "critical"] }
to = ["CriticalAlarms"]
continue = true
template = "short"
channels = ["sms"]

[[monitor]]
name = "Boiler"
probe = "modbus"
enabled = false
interval_s = 10
timeout_s = 2
retries = 0
on_delay_s = 1
off_delay_s = 2
deadband = 0.5
hihi = 95
hi = 90
lo = 10
lolo = 5
alarm_on = true
rate = 3
stale_after_s = 600
priority = "low"
priorities = { hihi = "critical" }
parent = "Gateway"
to = ["CriticalAlarms"]
units = "°C"
text = "{{ name }} {{ value }}"
down_text = "{{ problem }}"
recovered_text = "{{ name }} fine"
maintenance = ["22:00-06:00"]
"""


def validate(table: str, entry: Any) -> Entry:
    return MODELS[table].model_validate(entry, context=CHECKS)


def test_every_key_of_the_contract_is_kept() -> None:
    document = tomllib.loads(EVERY_KEY)
    assert set(document) == set(MODELS)
    checks = Checks("SG", frozenset({"7999"}))
    for table, entries in document.items():
        for entry in [entries] if table == "settings" else entries:
            kept = (
                MODELS[table]
                .model_validate(entry, context=checks)
                .model_dump(mode="json", by_alias=True, exclude_defaults=True)
            )
            assert set(kept) == set(entry)
            every = {field.alias or name for name, field in MODELS[table].model_fields.items()}
            assert every == set(entry), f"a key of {table} is not in this test"
            again = MODELS[table].model_validate(kept).model_dump(mode="json", by_alias=True, exclude_defaults=True)
            assert again == kept


@pytest.mark.parametrize(
    ("table", "domain"),
    [
        ("recipient", addressbook.Recipient), ("group", addressbook.Group), ("policy", addressbook.Policy),
        ("template", addressbook.TextTemplate), ("route", addressbook.Route), ("settings", addressbook.Settings),
    ],
)  # fmt: skip
def test_defaults_are_those_of_the_domain(table: str, domain: type) -> None:
    """A stored record leaves defaults out, so both sides must mean the same by that."""
    shared = 0
    for field in dataclasses.fields(domain):
        ours = MODELS[table].model_fields.get(field.name)
        if ours is None or ours.is_required() or field.name == "match":
            continue
        default = field.default_factory() if field.default is dataclasses.MISSING else field.default
        assert (frozenset(ours.default) if isinstance(default, frozenset) else ours.default) == default, field.name
        shared += 1
    assert shared >= 2


def test_a_level_waits_five_minutes_first_then_fifteen() -> None:
    policy = validate(
        "policy", {"name": "p", "level": [{"to": ["A"]}, {"to": ["B"]}, {"resend": True, "after_minutes": 0}]}
    )
    assert isinstance(policy, PolicyEntry)
    assert [level.after_minutes for level in policy.level] == [5, 15, 0]


def test_an_empty_level_ends_the_chain_but_may_not_stand_in_it() -> None:
    validate("policy", {"name": "p", "level": [{"to": ["A"]}, {}, {}]})
    with pytest.raises(ValidationError, match="level 2 tells nobody, but a later one does"):
        validate("policy", {"name": "p", "level": [{"to": ["A"]}, {}, {"to": ["B"]}]})


def test_ten_levels_are_the_most() -> None:
    validate("policy", {"name": "p", "level": [{"to": ["A"]}] * 10})
    with pytest.raises(ValidationError, match="at most 10"):
        validate("policy", {"name": "p", "level": [{"to": ["A"]}] * 11})


def test_a_route_to_nobody_would_swallow_alarms() -> None:
    for to in ({}, {"to": []}):
        with pytest.raises(ValidationError):
            validate("route", {"name": "r", **to})
    route = validate("route", {"name": "r", "to": ["A"]})
    assert isinstance(route, RouteEntry)
    assert not route.continue_


@pytest.mark.parametrize(
    ("table", "entry"),
    [
        ("recipient", {"name": "A", "continue_": True}), ("recipient", {"name": "A", "step_after_s": float("nan")}),
        ("recipient", {"name": "A", "step_after_s": -1}), ("recipient", {"name": "A", "email": "a@b.c"}),
        ("recipient", {}), ("recipient", []), ("recipient", "Adam"), ("recipient", None), ("recipient", {"name": None}),
        ("policy", {"name": "p", "kind": "basics"}), ("policy", {"name": "p", "repeat": 1.5}),
        ("policy", {"name": "p", "close_after_h": 0}), ("template", {"name": "t", "text": ""}),
        ("template", {"name": "t", "text": "x", "max_segments": 0}), ("settings", {"retention_days": 0}),
        ("route", {"name": "r", "to": ["A"], "continue_": True}), ("route", {"name": "r", "to": ["A"], "match": {"priority": ["urgent"]}}),
    ],
)  # fmt: skip
def test_mistakes_are_refused(table: str, entry: Any) -> None:
    with pytest.raises(ValidationError):
        validate(table, entry)


def test_the_documentation_has_every_key_and_its_example_works() -> None:
    page = Path(__file__).parents[4].joinpath("docs/directory.md").read_text()
    for table, model in MODELS.items():
        start = page.index("## `[settings]`" if table == "settings" else f"## `[[{table}]]`")
        section = page[start : page.find("\n## ", start + 1)]
        for name, field in model.model_fields.items():
            assert f"`{field.alias or name}`" in section, f"{table}.{name} is not in docs/directory.md"
    change = Change(empty_tables(), "SG", source="directory.toml")
    change.add_document(tomllib.loads(page.split("```toml\n")[1].split("```")[0]))
    assert len(change.result()[1].tables) == len(MODELS)
