"""A change is all or nothing and tells every mistake; ids stay; the order of routes is what users meant."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import model_validator

from addispatch.config.provided import Provided
from addispatch.domain.errors import ConfigErrors
from addispatch.sdk import ProbeKeys
from addispatch.store.directory_change import MAX_ERRORS, Change, Counts, Report, _in_order
from addispatch.store.directory_records import Tables, empty_tables, to_document

BASE = tomllib.loads("""
[settings]
system_alert_to = ["Adam"]
short_codes = ["7999"]
[[recipient]]
name = "Adam"
sms = "91234567"
policy = "critical"
[[recipient]]
name = "Jane"
sms = "7999"
[[group]]
name = "Night shift"
members = ["Adam", "Jane"]
[[policy]]
name = "critical"
level = [{ to = ["Jane"] }, { call = ["Night shift"] }]
[[template]]
name = "short"
text = "{{ text }}"
[[route]]
name = "plant"
match = { topic = "plant/#" }
to = ["Night shift", "Jane"]
template = "short"
""")


def apply(tables: Tables, document: Any, *, provisioning: bool = False) -> tuple[Tables, Report]:
    change = Change(tables, "SG", source="directory.toml", provisioning=provisioning)
    change.add_document(document)
    return change.result()


def mistakes(document: Any, tables: Tables | None = None, **how: Any) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        apply(empty_tables() if tables is None else tables, document, **how)
    return [str(error) for error in caught.value.errors]


@pytest.fixture
def base() -> Tables:
    return apply(empty_tables(), BASE)[0]


def names(tables: Tables, table: str) -> list[str]:
    return [record.name for record in tables[table].values()]


def test_a_document_in_a_circle_of_references_is_taken_at_once(base: Tables) -> None:
    """Adam names the policy, the policy names the group, the group names Adam."""
    adam, jane = base["recipient"].values()
    (group,), (policy,) = base["group"].values(), base["policy"].values()
    assert adam.body["policy"] == policy.id
    assert group.body["members"] == [adam.id, jane.id]
    assert policy.body["level"] == [{"after_minutes": 5, "to": [jane.id]}, {"after_minutes": 15, "call": [group.id]}]
    assert base["settings"]["settings"].body["system_alert_to"] == [adam.id]
    assert adam.body["sms"] == "+6591234567"


def test_applying_again_changes_nothing(base: Tables) -> None:
    tables, report = apply(base, BASE)
    assert tables == base
    assert report.tables["recipient"] == Counts(unchanged=2)
    exported = to_document(base)
    assert apply(base, exported)[0] == base
    assert to_document(apply(empty_tables(), exported)[0]) == exported


def test_an_entry_is_found_by_its_name_in_any_case_and_replaced_as_a_whole(base: Tables) -> None:
    tables, report = apply(base, {"recipient": [{"name": "ADAM", "email": ["a@b.c"]}, {"name": "New"}]})
    assert report.tables == {"recipient": Counts(added=1, changed=1)}
    adam = next(iter(tables["recipient"].values()))
    assert adam.id == next(iter(base["recipient"]))
    assert adam.body == {"name": "ADAM", "email": ["a@b.c"]}
    assert to_document(tables)["group"][0]["members"] == ["ADAM", "Jane"]


def test_all_mistakes_come_at_once_with_their_places(base: Tables) -> None:
    found = mistakes(
        {
            "recipient": [{"name": "Bob", "sms": "12"}, {"name": "Eve", "email": ["x"]}, {"nam": "Kim"}],
            "group": [{"name": "Days", "members": ["Bob", "Jan"]}, {"name": "night SHIFT", "members": ["Night shift"]}],
            "policy": [{"name": "p", "level": [{"to": []}, {"to": ["Eve"]}]}],
            "route": [{"name": "r", "to": ["Dayz"], "template": "shrt", "match": {"topic": "a/#/b"}}],
            "template": [{"name": "t", "text": "{{ x"}],
            "settings": {"system_alert_to": ["Adams"], "retention": 3},
            "user": [],
            "recipients": [],
        },
        base,
    )
    expected = [
        "user: is no table of the directory (not in this version)",
        'recipients: is no table of the directory (did you mean "recipient"?)',
        "settings.retention: is no option here (did you mean",
        "recipient[0].sms: '12' is not a phone number",
        "recipient[1].email[0]: 'x' is no mail address",
        "recipient[2].name: is missing",
        'recipient[2].nam: is no option here (did you mean "name"?)',
        "policy[0].level: level 1 tells nobody",
        "template[0].text: does not compile: line 1",
        "route[0].match.topic: 'a/#/b'",
        "group[0].members[1]: unknown recipient 'Jan' (did you mean \"Jane\"?)",
        "group[1].members[0]: unknown recipient 'Night shift' ('Night shift' is a group)",
        # Of entries that have other faults, too:
        "settings.system_alert_to[0]: unknown recipient or group 'Adams' (did you mean \"Adam\"?)",
        "route[0].to[0]: unknown recipient or group 'Dayz' (did you mean \"Days\"?)",
        "route[0].template: unknown template 'shrt'",
    ]
    for line in expected:
        assert any(error.startswith(line) for error in found), (line, found)
    assert len(found) == len(expected), found


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "p", "level": 5},
        {"name": "p", "level": [5, {"to": 5}, {"to": [5, None, {}], "call": "Adam"}]},
        {"name": "p", "level": {"to": ["Adam"]}},
        5,
    ],
    ids=str,
)
def test_references_are_looked_for_in_whatever_was_written(base: Tables, entry: object) -> None:
    found = mistakes({"policy": [entry]}, base)
    assert found
    assert not [line for line in found if "unknown" in line]


def test_a_channel_no_plugin_has_is_refused_with_the_nearest_one(base: Tables) -> None:
    asked = []

    def channels() -> Provided:
        asked.append(1)
        return Provided(frozenset({"siren", "sms", "voice"}))

    def mistakes_of(*names: str, known: Callable[[], Provided] = channels) -> list[str]:
        change = Change(base, "SG", source="directory.toml", provided=known)
        change.add_document({"route": [{"name": "r", "to": ["Adam"], "channels": list(names)}]})
        try:
            change.result()
        except ConfigErrors as wrong:
            return [str(error) for error in wrong.errors]
        return []

    assert mistakes_of("sms", "email", "chat", "webhook", "mqtt", "forward", "log") == []
    assert asked == [], "what is always right costs no look at the plugins"
    assert mistakes_of("siren") == []
    (error,) = mistakes_of("sms", "sirene")
    assert error == "route[0].channels[1]: 'sirene' is a channel of no plugin here (did you mean \"siren\"?)"
    assert "there are: chat, email" in mistakes_of("smoke")[0]
    assert mistakes_of("smoke", known=Provided) == [], "a plugin does not load: it may be one of its channels"
    assert "is no channel such as sms" in mistakes_of("voice")[0]


@pytest.mark.parametrize("value", ["yes", "true", 1, "on", 0])
def test_a_switch_is_true_or_false_and_nothing_like_it(base: Tables, value: object) -> None:
    found = mistakes(
        {
            "recipient": [{"name": "Kim", "enabled": value}],
            "policy": [{"name": "p", "append_link": value, "level": [{"to": ["Adam"], "resend": value}]}],
            "route": [{"name": "r", "to": ["Adam"], "continue": value}],
            "settings": {"anyone_may_ack": value},
        },
        base,
    )
    assert sorted(found) == [
        "policy[0].append_link: must be true or false",
        "policy[0].level[0].resend: must be true or false",
        "recipient[0].enabled: must be true or false",
        "route[0].continue: must be true or false",
        "settings.anyone_may_ack: must be true or false",
    ]


def test_references_of_faultless_entries_are_checked_although_others_have_faults(base: Tables) -> None:
    found = mistakes(
        {"recipient": [{"name": "Bob", "sms": "12"}], "route": [{"name": "r", "to": ["Bob", "Bop"]}]}, base
    )
    assert [error.partition(":")[0] for error in found] == ["recipient[0].sms", "route[0].to[1]"]


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"recipient": [{"name": "Bob"}, {"name": "bob"}]}, "recipient[1].name: 'bob' is already the name of recipient[0]"),
        ({"recipient": [{"name": "Bob"}], "group": [{"name": "BOB"}]}, "group[0].name: 'BOB' is already the name of recipient[0]"),
        ({"recipient": [{"name": "night  Shift"}]}, "recipient[0].name: 'night  Shift' is already the name of a group"),
        ({"group": [{"name": "jane"}]}, "group[0].name: 'jane' is already the name of a recipient"),
        ({"route": [{"name": "r", "to": ["Adam"]}] * 2}, "route[1].name: 'r' is already the name of route[0]"),
    ],
)  # fmt: skip
def test_names_are_unique(base: Tables, document: Any, where: str) -> None:
    assert mistakes(document, base) == [where]


def test_policies_templates_and_routes_have_names_of_their_own(base: Tables) -> None:
    _tables, report = apply(
        base,
        {
            "policy": [{"name": "Adam"}],
            "template": [{"name": "Adam", "text": "x"}],
            "route": [{"name": "Adam", "to": ["Adam"]}],
        },
    )
    assert report.tables == {table: Counts(added=1) for table in ("policy", "template", "route")}


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "x",
        3,
        {"recipient": {}},
        {"recipient": "x"},
        {"settings": []},
        {"recipient": [3]},
        {"recipient": [[]]},
        {3: 4},
    ],
)
def test_what_is_no_document(document: Any) -> None:
    assert mistakes(document)


def test_thousands_of_mistakes_are_cut() -> None:
    found = mistakes({"group": [{"name": "g", "members": [f"nobody {n}" for n in range(10_000)]}]})
    assert len(found) == MAX_ERRORS + 1
    assert found[-1] == "directory: and 9900 more mistakes"


def test_tables_have_limits() -> None:
    assert mistakes({"policy": [{"name": f"p{n}"} for n in range(501)]}) == ["policy: 501 entries are more than 500"]


def test_short_codes_of_the_same_document_count(base: Tables) -> None:
    apply(base, {"settings": {"short_codes": ["7999", "1777"]}, "recipient": [{"name": "Bob", "sms": "1777"}]})
    assert mistakes({"recipient": [{"name": "Bob", "sms": "1777"}]}, base)


def test_a_short_code_in_use_stays(base: Tables) -> None:
    assert mistakes({"settings": {}}, base) == ["settings.short_codes: '7999' is a number of recipient 'Jane'"]
    apply(base, {"settings": {}, "recipient": [{"name": "Jane"}]})


def test_a_file_makes_the_same_ids_on_each_node_and_an_edit_does_not(base: Tables) -> None:
    document = {"recipient": [{"name": "Bob"}], "group": [{"name": "Ops", "members": ["Bob"]}]}
    (one, _), (other, _) = apply(base, document, provisioning=True), apply(base, document, provisioning=True)
    assert one == other
    edited = [apply(base, document)[0]["recipient"].keys() - base["recipient"].keys() for _ in range(2)]
    assert edited[0].isdisjoint(edited[1])


def test_an_id_that_a_renamed_entry_has_is_not_given_again(base: Tables) -> None:
    tables, _ = apply(base, {"recipient": [{"name": "Bob"}]}, provisioning=True)
    (ident,) = tables["recipient"].keys() - base["recipient"].keys()
    record = tables["recipient"][ident]
    tables["recipient"][ident] = dataclasses.replace(record, body={**record.body, "name": "Robert"})
    again, _ = apply(tables, {"recipient": [{"name": "Bob"}]}, provisioning=True)
    assert {one.name for one in again["recipient"].values()} >= {"Bob", "Robert"}


def test_provisioned_entries_change_only_by_provisioning(base: Tables) -> None:
    tables, report = apply(base, {"recipient": [{"name": "Bob"}, {"name": "Jane", "sms": "7999"}]}, provisioning=True)
    assert report.tables["recipient"] == Counts(added=1, unchanged=1)
    assert [r.name for r in tables["recipient"].values() if r.provisioned] == ["Bob", "Jane"]
    assert mistakes({"recipient": [{"name": "jane", "sms": "81234567"}]}, tables) == [
        "recipient[0]: recipient 'Jane' is managed in directory.toml; change it there"
    ]
    assert apply(tables, to_document(tables))[0] == tables
    released, report = apply(tables, {"recipient": [{"name": "Bob"}]}, provisioning=True)
    assert report.released == ["recipient 'Jane'"]
    assert not any(r.provisioned for r in released["recipient"].values() if r.name == "Jane")
    assert names(released, "recipient") == ["Adam", "Bob", "Jane"]


def route(name: str) -> dict[str, Any]:
    return {"name": name, "to": ["Adam"]}


@pytest.mark.parametrize(
    ("named", "order"),
    [
        (["b"], "abc"), (["x"], "abcx"), (["c", "b", "a"], "cba"), (["c", "a"], "cba"), (["x", "a"], "xabc"),
        (["a", "x"], "axbc"), (["a", "x", "y", "c", "z"], "axybcz"), (["c", "x", "a"], "cxba"), ([], "abc"),
    ],
)  # fmt: skip
def test_the_order_of_routes(base: Tables, named: list[str], order: str) -> None:
    tables, _ = apply({**base, "route": {}}, {"route": [route(name) for name in "abc"]})
    assert "".join(names(apply(tables, {"route": [route(name) for name in named]})[0], "route")) == order


@given(st.lists(st.integers(0, 9), unique=True), st.lists(st.integers(0, 12), unique=True))
def test_order_keeps_everything_and_the_order_named(old: list[int], named: list[int]) -> None:
    before, want = [str(n) for n in old], [str(n) for n in named]
    after = _in_order(before, want)
    assert sorted(after) == sorted({*before, *want})
    assert [ident for ident in after if ident in want] == want
    assert _in_order(after, want) == after
    if not want:
        assert after == before


class PingKeys(ProbeKeys):
    host: str
    count: int = 1


def monitors_of(base: Tables, *entries: dict[str, Any], probes: Any = None) -> Tables:
    known = Provided(frozenset(), {"ping": PingKeys} if probes is None else probes)
    change = Change(base, "SG", source="directory.toml", provided=lambda: known)
    change.add_document({"monitor": list(entries)})
    return change.result()[0]


def test_a_monitor_has_the_keys_of_its_probe_beside_its_own(base: Tables) -> None:
    entry = {"name": "gw", "probe": "ping", "host": "10.0.0.1", "count": 3, "hi": 5, "to": ["Adam"], "retries": 1}
    child = {"name": "pump", "probe": "ping", "host": "10.0.0.2", "parent": "gw"}
    tables = monitors_of(base, entry, child)
    bodies = {record.name: record.body for record in tables["monitor"].values()}
    assert bodies["gw"]["host"] == "10.0.0.1"
    assert bodies["gw"]["count"] == 3
    assert bodies["pump"]["parent"] in tables["monitor"]


@pytest.mark.parametrize(
    ("entry", "path", "problem"),
    [
        (
            {"probe": "pig", "host": "x"},
            "monitor[0].probe",
            "'pig' is a probe of no plugin here (did you mean \"ping\"?)",
        ),
        ({"probe": "ping"}, "monitor[0].host", "is missing"),
        ({"probe": "ping", "host": "x", "hots": 1}, "monitor[0].hots", "is no option here"),
        ({"probe": "ping", "host": "x", "count": "many"}, "monitor[0].count", "must be a whole number"),
        ({"probe": "ping", "host": "x", "hi": 5, "lo": 7}, "monitor[0].lo", "7 must be less than hi (5)"),
        (
            {"probe": "ping", "host": "x", "hihi": 5, "lolo": 5, "x": 1},
            "monitor[0].lolo",
            "5 must be less than hihi (5)",
        ),
        ({"probe": "ping", "host": "x", "maintenance": ["noon"]}, "monitor[0].maintenance[0]", "is no window"),
        ({"probe": "ping", "host": "x", "parent": "nobody"}, "monitor[0].parent", "unknown monitor 'nobody'"),
        ({"probe": "ping", "host": "x", "interval_s": 0}, "monitor[0].interval_s", "must be at least 0.1"),
    ],
)
def test_what_is_wrong_with_a_monitor_is_said_with_its_place(base: Tables, entry: Any, path: str, problem: str) -> None:
    with pytest.raises(ConfigErrors) as wrong:
        monitors_of(base, {"name": "m", **entry})
    assert any(error.path == path and problem in str(error) for error in wrong.value.errors), str(wrong.value)


def test_while_a_plugin_does_not_load_nobody_can_tell_and_the_monitor_is_kept(base: Tables) -> None:
    change = Change(base, "SG", source="directory.toml")
    change.add_document({"monitor": [{"name": "m", "probe": "ping", "host": "x", "anything": 1}]})
    (record,) = change.result()[0]["monitor"].values()
    assert record.body["anything"] == 1


def test_monitors_in_a_circle_are_refused_by_the_name_of_the_field(base: Tables) -> None:
    ring = [{"name": f"p{n}", "probe": "ping", "host": "x", "parent": f"p{n % 3 + 1}"} for n in (1, 2, 3)]
    with pytest.raises(ConfigErrors) as wrong:
        monitors_of(base, *ring)
    assert [str(error) for error in wrong.value.errors] == [
        "monitor[0].parent: p1 -> p2 -> p3 -> p1 is a circle: a monitor cannot be behind itself"
    ]
    one = monitors_of(base, {**ring[0], "parent": None})
    (record,) = one["monitor"].values()
    assert "parent" not in record.body
    with pytest.raises(ConfigErrors, match="parent: p1 -> p1 is a circle"):
        monitors_of(one, {**ring[0], "parent": "p1"})


class PairedKeys(ProbeKeys):
    host: str = ""
    serial: str = ""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if bool(self.host) == bool(self.serial):
            raise ValueError("give either host or serial")
        return self


def test_what_only_shows_in_the_whole_is_said_beside_a_typo_and_names_a_field(base: Tables) -> None:
    probes = {"pair": PairedKeys}
    with pytest.raises(ConfigErrors) as wrong:
        monitors_of(base, {"name": "m", "probe": "pair", "hots": "x", "hi": 5, "lo": 7}, probes=probes)
    said = [str(error) for error in wrong.value.errors]
    assert said == [
        "monitor[0].lo: 7 must be less than hi (5)",
        'monitor[0].hots: is no option here (did you mean "host"?)',
    ]
    with pytest.raises(ConfigErrors) as wrong:
        monitors_of(base, {"name": "m", "probe": "pair", "hots": "x"}, probes=probes)
    assert [str(error) for error in wrong.value.errors][1:] == ["monitor[0]: give either host or serial"]
    change = Change(base, "SG", source="", provided=lambda: Provided(frozenset(), probes))
    change.add("monitor", {"name": "m", "probe": "pair"}, "")
    with pytest.raises(ConfigErrors, match=r"^host: give either host or serial$"):
        change.result()
