"""What no person wrote: out-of-office notes, bounces, receipts, lists, calendars, and rubbish. Imported by ``generate``."""

from __future__ import annotations

import base64

from corpus.kit import OUR_ID, OURS, WAY, add, html, machine, multi, plain
from corpus.outlook import OUTLOOK

QUOTED = f"I am away.\n\n{OUTLOOK}"
machine(
    "ooo_exchange",
    "Auto-Submitted: auto-generated",
    QUOTED,
    subject="Automatic reply: [HIGH] Pump 3",
    Auto_Submitted="auto-generated",
    X_Auto_Response_Suppress="All",
    Return_Path="<>",
)
machine(
    "ooo_gmail",
    "Auto-Submitted: auto-replied",
    subject="Re: [HIGH] Pump 3",
    Auto_Submitted="auto-replied",
    Precedence="bulk",
    X_Autoreply="yes",
)
machine("ooo_rfc3834_comment", "Auto-Submitted: auto-replied", Auto_Submitted="auto-replied (vacation)")
machine("ooo_apple", "an out-of-office note", "A123 away", subject="Auto-Reply: Re: [HIGH] Pump 3")
machine(
    "ooo_dovecot_sieve",
    "Auto-Submitted: auto-replied",
    subject="Auto: [HIGH] Pump 3",
    Auto_Submitted="auto-replied (vacation)",
    Precedence="bulk",
    X_Sieve="Pigeonhole Sieve 0.5",
)
machine("ooo_kerio", "x-autoreply", X_Autoreply="yes")
machine("ooo_roundcube_autorespond", "x-autorespond", X_Autorespond="[HIGH] Pump 3")
machine("ooo_precedence", "Precedence: auto_reply", Precedence="auto_reply")
machine("ooo_precedence_junk", "Precedence: junk", Precedence="Junk")
machine("ooo_samsung", "an out-of-office note", WAY, subject="Out of Office Re: [HIGH] Pump 3")
machine("ooo_yahoo", "Precedence: bulk", WAY, Precedence="bulk")
machine("ooo_german", "an out-of-office note", WAY, subject="=?utf-8?q?Automatische_Antwort=3A_=5BHIGH=5D_Pump_3?=")
machine("ooo_german_note", "an out-of-office note", WAY, subject="Abwesenheitsnotiz: [HIGH] Pump 3")
machine(
    "ooo_chinese",
    "an out-of-office note",
    WAY,
    subject=f"=?utf-8?B?{base64.b64encode('自动回复: [HIGH] Pump 3'.encode()).decode()}?=",
)
machine("ooo_french", "an out-of-office note", WAY, subject="=?iso-8859-1?Q?R=E9ponse_automatique_:_[HIGH]_Pump_3?=")
machine(
    "ooo_japanese",
    "an out-of-office note",
    WAY,
    subject=f"=?iso-2022-jp?B?{base64.b64encode('自動応答: Pump 3'.encode('iso-2022-jp')).decode()}?=",
)
machine("ooo_notes", "an out-of-office note", WAY, subject="Adam Lim is out of the office")
DSN = b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.com\n\nFinal-Recipient: rfc822; adam@example.com\nAction: failed\nStatus: 5.1.1\n"
BACK = f"Content-Type: message/rfc822\n\nMessage-ID: {OUR_ID}\nFrom: plant@example.com\nSubject: [HIGH] Pump 3\n\n{OURS}\n".encode()
machine(
    "bounce_postfix",
    "Auto-Submitted: auto-replied",
    content=multi(
        plain("I'm sorry to have to inform you\n"), DSN, BACK, kind="report", more="; report-type=delivery-status"
    ),
    sender="MAILER-DAEMON@mx.example.com (Mail Delivery System)",
    subject="Undelivered Mail Returned to Sender",
    Auto_Submitted="auto-replied",
    Return_Path="<>",
    ours="",
)
machine(
    "bounce_exchange",
    "a report",
    content=multi(
        html("<p>Your message couldn't be delivered</p>"),
        DSN,
        BACK,
        kind="report",
        more="; report-type=delivery-status",
    ),
    sender="Microsoft Outlook <MicrosoftExchange329e@example.com>",
    subject="Undeliverable: [HIGH] Pump 3",
)
machine(
    "bounce_exim",
    "x-failed-recipients",
    f"A message that you sent could not be delivered\n\n{OURS}",
    sender="Mail Delivery System <Mailer-Daemon@mx.example.com>",
    subject="Mail delivery failed: returning message to sender",
    X_Failed_Recipients="adam@example.com",
    ours="",
)
machine(
    "bounce_qmail",
    "no return path",
    f"Hi. This is the qmail-send program at mx.example.com.\n\n{OURS}",
    sender="MAILER-DAEMON@mx.example.com",
    subject="failure notice",
    Return_Path="<>",
    ours="",
)
machine(
    "bounce_sendmail",
    "from mailer-daemon",
    WAY,
    sender="Mail Delivery Subsystem <MAILER-DAEMON@mx.example.com>",
    subject="Returned mail: see transcript for details",
)
machine("bounce_postmaster", "from postmaster", WAY, sender="postmaster@example.com")
machine(
    "bounce_gmail",
    "Auto-Submitted: auto-replied",
    content=multi(plain("Address not found\n"), DSN, BACK, kind="report", more="; report-type=delivery-status"),
    sender="Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
    subject="Delivery Status Notification (Failure)",
    Auto_Submitted="auto-replied",
)
machine("bounce_bare_domino", "a report (by its subject)", WAY, subject="Mail could not be delivered")
machine(
    "receipt_read",
    "a report (disposition-notification)",
    content=multi(
        plain("Your message was read on Monday\n"),
        b"Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; adam@example.com\nDisposition: manual-action/MDN-sent-manually; displayed\n",
        kind="report",
        more="; report-type=disposition-notification",
    ),
    subject="Read: [HIGH] Pump 3",
)
machine(
    "receipt_german_plain",
    "a report (by its subject)",
    "Ihre Nachricht wurde gelesen: A123",
    subject="Gelesen: [HIGH] Pump 3",
)
machine(
    "receipt_thunderbird",
    "a report (disposition-notification)",
    content=multi(
        plain("This is a Return Receipt for A123\n"),
        b"Content-Type: message/disposition-notification\n\nDisposition: manual-action/MDN-sent-manually;displayed\n",
        kind="report",
        more="; report-type=disposition-notification",
    ),
    subject="Return Receipt (displayed) - [HIGH] Pump 3",
)
machine(
    "list_mailman",
    "Precedence: list",
    f"{WAY}\n_______________________________________________\nPlant mailing list",
    Precedence="list",
    List_Id="Plant <plant.lists.example.com>",
)
machine("list_google_groups", "list-id", WAY, List_Id="<plant.example.com>", List_Post="<https://groups.example.com>")
machine(
    "list_newsletter",
    "list-unsubscribe",
    "A123 now cheaper",
    List_Unsubscribe="<mailto:u@example.net>",
    sender="Shop <news@example.net>",
    ours="",
)
CALENDAR = b"Content-Type: text/calendar; charset=utf-8; method=REPLY\n\nBEGIN:VCALENDAR\nMETHOD:REPLY\nBEGIN:VEVENT\nATTENDEE;PARTSTAT=ACCEPTED:mailto:adam@example.com\nEND:VEVENT\nEND:VCALENDAR\n"
machine(
    "calendar_accepted_outlook",
    "a calendar answer (by its subject)",
    content=multi(plain(f"{WAY}\n"), CALENDAR),
    subject="Accepted: Shift meeting",
)
machine(
    "calendar_declined_german",
    "a calendar answer (by its subject)",
    content=multi(plain(f"{WAY}\n"), CALENDAR),
    subject="Abgelehnt: Schichtbesprechung",
)
machine("calendar_bare", "a calendar", content=CALENDAR, subject="Shift meeting")
machine(
    "calendar_google",
    "Auto-Submitted: auto-generated",
    content=multi(multi(plain(f"{WAY}\n"), CALENDAR, boundary="inner"), kind="mixed"),
    subject="Accepted: Shift",
    Auto_Submitted="auto-generated",
)
machine(
    "loop_our_own",
    "one of our own mails",
    OURS,
    sender="Plant north <plant@example.com>",
    subject="[HIGH] Pump 3",
    Message_ID=OUR_ID,
    ours="",
)
machine(
    "loop_our_own_forwarded_by_a_rule",
    "one of our own mails",
    OURS,
    sender="plant@example.com",
    Message_ID=OUR_ID,
    Resent_From="adam@example.com",
)
machine(
    "loop_our_notice",
    "Auto-Submitted: auto-generated",
    "A123 acknowledged by Jane",
    sender="plant@example.com",
    Auto_Submitted="auto-generated",
    ours="",
)
machine("no_reply_address", "from no-reply", WAY, sender="no-reply@example.com")
machine("two_senders", "unreadable", WAY, sender="Adam <adam@example.com>, Eve <eve@example.com>")
machine("no_sender", "unreadable", WAY, sender="")
machine("sender_in_comment", "unreadable", WAY, sender="<adam@example.com> <eve@example.net>")
add("no_header_at_all", "\n\nA123 on my way\n", automatic="unreadable")
add("not_a_mail", bytes(range(256)) * 8, automatic="unreadable")
