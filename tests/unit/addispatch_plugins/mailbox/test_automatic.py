"""automatic: what the corpus of mails does not show."""

import pytest

from addispatch_plugins.mailbox.automatic import automatic
from addispatch_plugins.mailbox.parts import parse


def reason(*fields, body="A123"):
    mail = "\r\n".join(["From: Adam <adam@example.com>", *fields])
    return automatic(parse(f"{mail}\r\n\r\n{body}".encode()))


@pytest.mark.parametrize(
    "field",
    [
        "Subject: Re: Pump 3", "Auto-Submitted: no", "Auto-Submitted: No; x=y", "Auto-Submitted: no (really)",
        "Precedence: normal", "X-Auto-Response-Suppress: All", "Return-Path: <adam@example.com>",
        "Subject: Re: Automatic reply: Pump 3", "Subject: AW: Abwesenheitsnotiz", "Subject: I accepted: on my way",
        "X-Mailer: Microsoft Outlook", "Subject: Reading: pressure", "Content-Type: text/calendarish",
    ],
)  # fmt: skip
def test_a_person(field):
    assert reason(field) == ""


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: auto-notified", "auto-submitted: AUTO-REPLIED; owner-email=x", "Auto-Submitted:", "Precedence: LIST",
        "Return-Path: <>", "Return-Path: < >", "X-Autoreply: no", "List-Unsubscribe: <x>", "Subject: Automatic reply: Pump",
        "Subject: AUTOMATISCHE ANTWORT: Pump", "Subject: 自动回复：Pump", "Subject: Réponse automatique : Pump",
        "Subject: Undeliverable: Pump", "Subject: Accepted: Shift", "Subject: Zugesagt: Schicht", "Subject: Gelesen: Pump",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b", "Content-Type: text/calendar",
        "Content-Type: message/disposition-notification",
    ],
)  # fmt: skip
def test_a_machine(field):
    assert reason(field)


@pytest.mark.parametrize(
    "address",
    [
        "MAILER-DAEMON@e.com",
        "postmaster@e.com",
        "no-reply@e.com",
        "noreply@e.com",
        "do-not-reply@e.com",
        "bounce+x@e.com",
        "mailer-daemon",
    ],
)
def test_nobody(address):
    mail = parse(f"From: {address}\r\nSubject: x\r\n\r\nA123".encode())
    assert automatic(mail) or not mail.header.sender


@pytest.mark.parametrize("address", ["bouncer@e.com", "nora.reply@e.com", "postmasters@e.com"])
def test_somebody(address):
    assert automatic(parse(f"From: {address}\r\n\r\nA123".encode())) == ""


def test_a_calendar_inside():
    body = "--b\r\n\r\nA123\r\n--b\r\nContent-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REPLY\r\n--b--"
    assert reason("Content-Type: multipart/alternative; boundary=b", body=body) == "a calendar (REPLY)"
    # Somebody who sends a file of his calendar along.
    assert reason("Content-Type: multipart/mixed; boundary=b", body=body.replace("REPLY", "PUBLISH")) == ""
