"""Outage: told once, a condition while it lasts, ever longer pauses."""

import pytest

from addispatch.sdk import Severity
from addispatch.sdk.testing import FakeClock, RecordingContext
from addispatch_plugins.mailbox.config import MailboxConfig
from addispatch_plugins.mailbox.outage import LONGEST_PAUSE_S, Outage
from addispatch_plugins.mailbox.session import MailboxTrouble


@pytest.fixture
async def context(tmp_path):
    async with RecordingContext(tmp_path, clock=FakeClock()) as context:
        yield context


@pytest.fixture
def outage(context):
    config = MailboxConfig(kind="pop3", host="mail.example.com", user="a", password="b", grace_s=600)
    return Outage(config, context)


def told(context):
    return [(event.severity, event.text) for event in context.events]


async def test_the_line_is_the_one_people_look_for(outage, context):
    outage.failed(MailboxTrouble("mail.example.com:995: connecting: Connection refused"))
    outage.failed(MailboxTrouble("mail.example.com:995: something else"))
    line = "Escalation Ack POP3 server mail.example.com not available. Error:mail.example.com:995: connecting: Connection refused"
    assert told(context) == [(Severity.WARNING, line)]
    assert outage.reason == "mail.example.com:995: something else"


async def test_while_it_lasts_it_is_a_condition_with_the_last_reason(outage, context):
    server, name = "Escalation Ack POP3 server mail.example.com", "mailbox mail.example.com"
    outage.worked()
    assert context.conditions == {name: ""}
    outage.failed(MailboxTrouble("down"))
    context.clock.forward(seconds=720)
    outage.failed(MailboxTrouble("down still"))
    assert context.conditions == {name: f"{server} not available. Error:down still"}
    outage.worked()
    outage.worked()
    assert context.conditions == {name: ""}
    assert told(context)[1:] == [(Severity.INFO, f"{server} available again after 12 min")]
    assert outage.reason == ""
    outage.failed(MailboxTrouble("down again"))
    assert len(context.events) == 3


async def test_people_are_told_after_the_grace_time_of_the_configuration(outage, context, monkeypatch):
    graces = []
    monkeypatch.setattr(context, "condition", lambda _name, _problem, grace_s=60.0: graces.append(grace_s))
    outage.failed(MailboxTrouble("down"))
    assert graces == [600]


async def test_pauses_grow_and_differ(outage, context):
    pauses = []
    for _ in range(12):
        pauses.append(outage.failed(MailboxTrouble("down")))
        context.clock.forward(hours=1)
    assert 4 <= pauses[0] <= 6
    assert 8 <= pauses[1] <= 12
    assert LONGEST_PAUSE_S * 0.8 <= min(pauses[-3:]) <= max(pauses) <= LONGEST_PAUSE_S * 1.2
    assert len({round(pause, 3) for pause in pauses[-3:]}) > 1


async def test_refused_logins_are_not_repeated_soon(outage, context):
    assert outage.failed(MailboxTrouble("login refused", is_login=True)) >= 48
    assert context.events[0].data == {"up": False, "login_refused": True}
