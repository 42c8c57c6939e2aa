"""Outage: told once, severe after the grace time, ever longer pauses."""

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


async def test_severe_once_after_the_grace_time_then_over(outage, context):
    outage.worked()
    outage.failed(MailboxTrouble("down"))
    context.clock.forward(seconds=599)
    pause_s = outage.failed(MailboxTrouble("down"))
    # It looks again when the time is up.
    assert pause_s == pytest.approx(1.1)
    context.clock.forward(seconds=pause_s)
    outage.failed(MailboxTrouble("down still"))
    outage.failed(MailboxTrouble("down still"))
    context.clock.forward(seconds=100)
    outage.worked()
    outage.worked()
    server = "Escalation Ack POP3 server mail.example.com"
    assert told(context)[1:] == [
        (Severity.SEVERE, f"{server} not available for 10 min. Error:down still"),
        (Severity.INFO, f"{server} available again after 12 min"),
    ]
    assert outage.reason == ""
    outage.failed(MailboxTrouble("down again"))
    assert len(context.events) == 4


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
