"""Who could not be told: found by the doctor before an alarm finds it."""

from __future__ import annotations

from dataclasses import replace

from pipelines import ADAM, JANE, desk, group, person

from addispatch.domain.policy import Level, Policy
from addispatch.engine.people import groups, people, policies, recipients, refused, system_alerts


def policy(*levels):
    return Policy(id="p", name="critical", levels=levels)


def test_all_is_well():
    room = desk(ADAM, JANE, group("Ops", "Adam"), policy(Level(to=("jane",))), system_alert_to=("ops",))
    found = people(room)
    assert [finding.problem for finding in found] == [""] * 4
    assert [finding.subject for finding in found] == ["system alerts", "recipients", "groups", "policies"]
    assert found[0].detail == "Adam by sms, Adam by email"


def test_nobody_hears_of_trouble():
    assert "is empty" in system_alerts(desk(ADAM)).problem
    assert "is empty" in system_alerts(desk(ADAM, system_alert_to=("gone",))).problem
    assert system_alerts(desk(person("Eve"), system_alert_to=("eve",))).problem == "Eve cannot be reached"


def test_an_empty_directory_is_a_problem():
    assert "there is nobody" in recipients(desk()).problem
    assert "there is nobody" in recipients(desk(person("Eve", enabled=False))).problem


def test_recipients_without_a_way_are_named_and_not_too_many():
    lost = [person(f"P{number}", "chat", chat=("x",)) for number in range(7)]
    finding = recipients(desk(ADAM, *lost, person("Off", enabled=False)))
    assert finding.problem == "7 of 8 cannot be reached: P0, P1, P2, P3, P4 and 2 more"
    assert "(email, log, sms)" in finding.advice


def test_a_number_that_its_channel_never_takes():
    room = replace(desk(ADAM, JANE), refuses=lambda _channel, address: "it is far away" if "@" not in address else "")
    assert [finding.problem for finding in people(room)][1:3] == [
        "",
        "nothing goes to Adam: it is far away, Jane: it is far away",
    ]
    only = replace(
        desk(person("Bo", "sms", sms="+441234567")),
        refuses=lambda channel, address: f"{address} is far" if channel == "sms" else "",
    )
    assert recipients(only).problem == "1 of 1 cannot be reached: Bo"
    assert refused(only)[0].problem == "nothing goes to Bo: +441234567 is far"


def test_groups_nobody_of_whom_can_be_reached():
    (finding,) = groups(desk(ADAM, person("Eve"), group("Ops", "Adam", "Eve"), group("Empty"), group("Lost", "Eve")))
    assert finding.problem == "nobody in Empty, Lost can be reached"


def test_levels_that_reach_nobody():
    eve = person("Eve")
    levels = (
        Level(to=("eve",)), Level(call=("adam",)), Level(resend=True), Level(to=("eve", "adam")), Level(to=("gone",)),
    )  # fmt: skip
    found = policies(desk(ADAM, eve, policy(*levels)))
    assert [(finding.subject, finding.problem) for finding in found] == [
        ("policy critical, level 1", "reaches nobody: Eve (has no number or address)"),
        ("policy critical, level 2", "reaches nobody: Adam (no plugin provides the channel voice)"),
        ("policy critical, level 5", "reaches nobody: somebody who is not there any more"),
    ]


def test_who_is_disabled_is_not_said_to_lack_an_address():
    off = person("Off", sms="+6591234567", enabled=False)
    found = policies(desk(ADAM, off, group("Ops", "Off"), policy(Level(to=("off",)), Level(to=("ops",)))))
    assert [finding.problem for finding in found] == [
        "reaches nobody: Off (is disabled)",
        "reaches nobody: Ops (has nobody who is enabled)",
    ]
