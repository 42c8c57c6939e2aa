"""Who must know: routes in their order, names in ``to``, and the fallbacks when nobody would be told."""

from __future__ import annotations

import pytest
from pipelines import ADAM, JANE, alarm, book, group, person, route

from addispatch.domain.addressbook import Directory, Route, TextTemplate
from addispatch.domain.alarm import Priority
from addispatch.pipeline import route as module
from addispatch.pipeline.compose import Composer
from addispatch.pipeline.route import Plan, Router, Target

OPS = group("Ops", "Adam", "Jane")


def names(plan: Plan) -> list[str]:
    return [target.audience.name for target in plan.targets]


def kinds(plan: Plan) -> list[str]:
    return [event.kind for event in plan.events]


def plan(directory, **fields) -> Plan:
    return Router(directory, "SG", directory.settings.short_codes).plan(alarm(**fields))


def test_the_first_route_that_takes_it_decides():
    directory = book(
        ADAM, JANE, OPS,
        route("fires", "Ops", priority=(Priority.CRITICAL,)),
        route("plant", "Adam", topic="plant/#"),
        route("rest", "Jane"),
    )  # fmt: skip
    assert names(plan(directory, priority=Priority.CRITICAL, topic="plant/1")) == ["Ops"]
    assert names(plan(directory, topic="plant/1")) == ["Adam"]
    assert names(plan(directory, topic="door")) == ["Jane"]


def test_continue_goes_on_to_the_next_and_an_audience_is_in_it_once():
    directory = book(
        ADAM, JANE, OPS,
        route("a", "Ops", then=True, template="t", channels=("sms",)), route("b", "Ops", "Jane"), route("c", "Adam"),
    )  # fmt: skip
    found = plan(directory)
    assert found.targets[0] == Target(directory.audience("ops"), "a", "t", ("sms",))
    assert names(found) == ["Ops", "Jane"]


def test_all_fields_of_a_match_must_agree():
    directory = book(
        ADAM,
        JANE,
        route("x", "Adam", source="plc", topic="plant/+/alarm", text="pump*hot", key="p3"),
        route("rest", "Jane"),
    )
    good = {"source": "plc", "topic": "plant/1/alarm", "text": "PUMP 3 is hot", "key": "P3"}
    assert names(plan(directory, **good)) == ["Adam"]
    for other in ({"source": "x"}, {"topic": "plant/1"}, {"text": "cold"}, {"key": None}):
        assert names(plan(directory, **{**good, **other})) == ["Jane"], other


def test_to_replaces_routing():
    directory = book(ADAM, JANE, OPS, route("all", "Jane"), short_codes=frozenset({"1234"}))
    found = plan(directory, to=("ops", "ADAM", "9123 4567", "x@example.com", "1234", "Ops"))
    assert names(found) == ["Ops", "Adam", "+6591234567", "x@example.com", "1234"]
    assert {target.route for target in found.targets} == {"to"}
    assert found.targets[2].audience.recipients[0].sms == "+6591234567"
    assert found.targets[3].audience.recipients[0].email == ("x@example.com",)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Nobody", "It is no group, recipient, phone number or mail address."),
        ("12", "12"),
        ("+65 0000", "0000"),
        ("a b@example.com", "no group"),
        ("x" * 300 + "@example.com", "no group"),
    ],
)
def test_a_name_that_is_nothing_is_told_and_the_others_are_used(name, words):
    found = plan(book(ADAM), to=(name, "Adam"))
    assert names(found) == ["Adam"]
    (event,) = found.events
    assert event.kind == "AudienceUnknown"
    assert words in event.line
    assert len(event.line) < 400


def test_without_a_route_the_default_group_then_the_system_alert_recipients():
    nobody = book(ADAM, JANE)
    assert (names(plan(nobody)), kinds(plan(nobody))) == ([], [])
    system = book(ADAM, JANE, system_alert_to=("adam", "jane"))
    assert names(plan(system)) == ["Adam", "Jane"]
    both = book(ADAM, JANE, group("Default", "Jane"), system_alert_to=("adam",))
    found = plan(both, source="plc", text="hot")
    assert names(found) == ["Default"]
    assert [e.line for e in found.events] == [
        "No route reaches anybody for the alarm from plc: hot. Sent to Default instead."
    ]


def test_a_route_to_what_is_gone_falls_back():
    assert names(plan(book(ADAM, route("x", "ghost"), system_alert_to=("adam",)))) == ["Adam"]


def test_a_disabled_recipient_is_an_audience_of_nobody():
    found = plan(book(person("Gone", enabled=False), ADAM), to=("Gone",))
    assert found.targets[0].audience.recipients == ()


def test_what_is_kept_per_topic_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "_CACHE_COUNT", 10)
    router = Router(book(ADAM, route("x", "Adam", topic="plant/#")), "SG")
    for number in range(25):
        assert names(router.plan(alarm(topic=f"plant/{number}"))) == ["Adam"]
    assert len(router._candidates) <= 10


def test_a_target_names_the_template_its_route_refers_to_by_id():
    short = TextTemplate(id="f00d", name="short", text="{{ text }}!")
    directory = Directory(
        recipients={ADAM.id: ADAM},
        templates={short.id: short},
        routes=(Route(id="r", name="all", to=(ADAM.id,), template=short.id),),
    )
    (target,) = plan(directory).targets
    assert target.template == "short"
    events: list = []
    assert Composer(directory, "node-a", 4).compose(alarm(text="hot"), target, "email", events).text == "hot!"
    assert events == []
