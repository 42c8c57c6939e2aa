"""The words about a monitor, and which condition each verdict belongs to."""

from __future__ import annotations

import itertools

import pytest

from addispatch.domain.judgement import Change, Limit, Rules, Verdict
from addispatch.domain.monitor import Monitor, show
from addispatch.runtime.template import Template

BOILER = Monitor(
    id="1", name="Boiler", probe="modbus", units="°C", keys={"host": "plc1"},
    rules=Rules(limits={Limit.HIHI: 90.0, Limit.LO: 10.0}, rate=5.0, stale_after_s=60, alarm_on=True),
)  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "value", "text"),
    [
        (Verdict(Change.RAISED, Limit.HIHI), 92.43219, "Boiler: 92.4322 °C, above HIHI 90 °C"),
        (Verdict(Change.RAISED, Limit.LO), 3, "Boiler: 3 °C, below LO 10 °C"),
        (Verdict(Change.RAISED, Limit.RATE), 50.0, "Boiler: 50 °C changes faster than 5 °C/s"),
        (Verdict(Change.RAISED, Limit.STALE), 50.0, "Boiler: 50 °C has not changed for 60 s"),
        (Verdict(Change.RAISED, Limit.ON), True, "Boiler: is on"),
        (Verdict(Change.CLEARED, Limit.HIHI), 75.0, "Boiler: 75 °C, back to normal"),
        (Verdict(Change.LOST), 75.0, "Boiler: no contact (refused)"),
        (Verdict(Change.FOUND), 75.0, "Boiler: contact again"),
    ],
)
def test_what_is_told(verdict, value, text):
    assert BOILER.sentence(verdict, value, "refused") == text


def test_lost_contact_is_a_condition_of_its_own():
    assert BOILER.key(Verdict(Change.RAISED, Limit.HIHI)) == BOILER.key(Verdict(Change.CLEARED, Limit.LO)) == "Boiler"
    assert BOILER.key(Verdict(Change.LOST)) == BOILER.key(Verdict(Change.FOUND)) == "Boiler/contact"


def test_no_two_monitors_share_a_key_whatever_they_are_called():
    names = [stem + "".join(ends) for stem in ("P", "p/", "/contact")
             for ends in itertools.product(("", "/contact", "/value"), repeat=2)]  # fmt: skip
    monitors = [Monitor(id=name, name=name, probe="ping") for name in dict.fromkeys(names)]
    keys = [
        one.key(verdict) for one in monitors for verdict in (Verdict(Change.LOST), Verdict(Change.RAISED, Limit.HI))
    ]
    assert len(set(keys)) == len(keys)
    assert keys[:2] == ["P/contact", "P"], "as ever"


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (Limit.HIHI, "Boiler: 50 °C, no longer above HIHI 90 °C"),
        (Limit.LO, "Boiler: 50 °C, no longer below LO 10 °C"),
        (Limit.HI, "Boiler: 50 °C, no longer above HI"),
        (Limit.RATE, "Boiler: 50 °C no longer changes fast"),
        (Limit.STALE, "Boiler: 50 °C changes again"),
    ],
)
def test_what_is_told_when_one_alarm_ends_and_another_one_begins(limit, text):
    assert BOILER.passed_on(limit, 50.0).rstrip() == text


def test_what_is_told_when_the_limits_are_others():
    assert BOILER.changed_limits(95.0) == "Boiler: 95 °C, its limits were changed"


def test_templates_may_use_the_value_the_limit_and_the_keys_of_the_probe():
    fields = BOILER.fields(Verdict(Change.RAISED, Limit.HIHI), 92.5, "")
    assert fields == {
        "host": "plc1", "name": "Boiler", "probe": "modbus", "value": 92.5, "units": "°C", "limit": "hihi",
        "limit_value": 90, "problem": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "source", "text"),
    [
        (92.43219, "{{ value }} at {{ limit_value }}", "92.4322 at 90"),
        (92.43219, "{{ value }}{% if value > 92 %}!{% endif %} {{ value | round(1) }}", "92.4322! 92.4"),
        (92.5, "{{ value - limit_value }} {{ value | float }} {{ value ~ units }}", "2.5 92.5 92.5°C"),
        (1234567, "{{ value }} {{ value | int }} {{ [value] | join }}", "1234567 1234567 1234567"),
        (True, "{{ value }}{% if value == 'on' %}!{% endif %}", "on!"),
        ("stop", "{{ value }}", "stop"),
        (10**400, "{{ value | length }}", "401"),
        (None, "<{{ value }}>", "<>"),
    ],
)
def test_templates_compute_with_numbers_that_read_as_ever(value, source, text):
    assert Template(source).render(BOILER.fields(Verdict(Change.RAISED, Limit.HIHI), value, "")) == text


def test_which_template_is_for_what():
    one = Monitor(id="1", name="x", probe="ping", text="a", down_text="b", recovered_text="c")
    changes = (Change.RAISED, Change.LOST, Change.FOUND, Change.CLEARED)
    assert [one.template(Verdict(change)) for change in changes] == ["a", "b", "c", "c"]


def test_values_as_people_read_them():
    assert [show(value) for value in (None, True, False, 0.1 + 0.2, 70000, 1e12, "x")] == [
        "", "on", "off", "0.3", "70000", "1e+12", "x",
    ]  # fmt: skip
