"""Composer: whatever the text, the standard library's parser reads back what was meant."""

from __future__ import annotations

import email
import email.policy
import time
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from addispatch.sdk.testing import FakeClock, make_delivery
from addispatch_plugins.smtp.compose import Composer

CLOCK = FakeClock()
COMPOSER = Composer("plant@example.com", "Werk 3, Süd", "node-a", CLOCK)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)


def compose(text, **changes):
    mail = COMPOSER.compose(make_delivery("email", "adam@example.com", text, **changes))
    return mail, email.message_from_bytes(mail.content, policy=email.policy.default)


def body(message):
    return message.get_content().replace("\r\n", "\n")


def test_headers():
    mail, message = compose("Pump 3 stopped", subject="[HIGH] Pump 3", id="d-7", case_id="c-1", attempt=2)
    assert mail.message_id == message["Message-ID"] == "<c-1.d-7.2.node-a@example.com>"
    assert mail.recipient == b"adam@example.com"
    assert message["From"].addresses[0].display_name == "Werk 3, Süd"
    assert message["From"].addresses[0].addr_spec == "plant@example.com"
    assert message["To"].addresses[0].addr_spec == "adam@example.com"
    assert message["Subject"] == "[HIGH] Pump 3"
    assert message["Auto-Submitted"] == "auto-generated"
    # Not NDR: what cannot be delivered should be seen.
    assert message["X-Auto-Response-Suppress"] == "DR, RN, NRN, OOF, AutoReply"
    assert "Reply-To" not in message
    assert parsedate_to_datetime(message["Date"]) == CLOCK.now()
    assert body(message) == "Pump 3 stopped\n"
    assert message.defects == []


def message_id(composer=COMPOSER, text="one", **changes):
    delivery = make_delivery("email", "adam@example.com", text, **{"id": "1", "case_id": "c1", **changes})
    return composer.compose(delivery).message_id


def test_the_message_id_depends_on_delivery_and_attempt_alone():
    assert message_id() == message_id(text="two")
    assert message_id(attempt=1) != message_id()
    strange = {"id": "a>\r\nBcc: x@example.com", "case_id": "Müll <"}
    assert message_id(**strange) == message_id(**strange)
    assert message_id(**strange).isprintable()
    assert message_id(**strange).isascii()


def test_first_deliveries_of_other_ledgers_have_other_message_ids():
    assert message_id(case_id="c2") != message_id()
    assert message_id(Composer("plant@example.com", "", "node b", CLOCK)) != message_id()


TOKEN = "Ab-_" * 14


def test_a_token_comes_back_with_every_answer_and_an_attempt_in_doubt_is_shown_once():
    assert message_id(token=TOKEN) == f"<ack.{TOKEN}.1.node-a@example.com>"
    assert message_id(token=TOKEN, attempt=1) == message_id(token=TOKEN)


def test_a_reminder_with_the_same_token_is_another_mail():
    assert message_id(token=TOKEN, id="2") != message_id(token=TOKEN)
    assert message_id(Composer("plant@example.com", "", "node b", CLOCK), token=TOKEN) != message_id(token=TOKEN)


def test_answers_go_to_the_mailbox():
    composer = Composer("plant@example.com", "", "node-a", CLOCK, "acks@example.com")
    mail = composer.compose(make_delivery("email", "adam@example.com"))
    assert email.message_from_bytes(mail.content)["Reply-To"] == "<acks@example.com>"


def test_the_first_line_is_the_subject_if_there_is_none():
    assert compose("\nPump 3 stopped\nat 12:00")[1]["Subject"] == "Pump 3 stopped"


@given(st.lists(st.text("abcXYZ:;,.-#@", min_size=1, max_size=69), min_size=1, max_size=40), st.integers(1, 2))
def test_a_long_plain_subject_is_folded_between_words(words, spaces):
    text = (" " * spaces).join(words)
    mail, message = compose("the text", subject=text)
    expected = text if len(text) <= 69 else " ".join(words)[:200].rstrip()
    assert message["Subject"] == expected
    lines = mail.content.split(b"\r\n")
    assert all(line.strip() and len(line) <= 78 for line in lines[: lines.index(b"")])


def test_a_bad_address_is_refused():
    with pytest.raises(ValueError, match="no mail address"):
        COMPOSER.compose(make_delivery("email", "91234567"))


def test_the_date_follows_the_clock():
    before = compose("a")[1]["Date"]
    CLOCK.forward(seconds=1)
    assert compose("a")[1]["Date"] != before


@given(texts)
@example("a\r\nBcc: evil@example.com\r\n\r\nbody")
@example("=?utf-8?q?x?=")
@example("x" * 300)
@example("ü" * 300)
@example("a\x85b\u2028c")
def test_a_subject_injects_nothing(subject):
    _, message = compose("the text", subject=subject)
    assert message.keys().count("Subject") == 1
    assert len(message.keys()) == 10
    assert "Bcc" not in message
    assert body(message) == "the text\n"


@given(texts)
@example(".\r\nQUIT\r\n")
@example("long " * 400)
@example("tab\tand nul\0")
def test_a_text_arrives_as_it_was(text):
    mail, message = compose(text)
    meant = "".join(c for c in text.replace("\r\n", "\n").replace("\r", "\n") if c in "\n\t" or not _is_control(c))
    assert body(message) == meant + "\n"
    assert mail.content.endswith(b"\r\n")
    lines = mail.content.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    assert mail.content.isascii()


def _is_control(character):
    return ord(character) < 32 or 127 <= ord(character) < 160


def test_a_plain_mail_is_cheap():
    delivery = make_delivery("email", "adam@example.com", "Pump 3: 7.4 bar")

    def cost_s():
        began = time.process_time()
        for _ in range(1000):
            COMPOSER.compose(delivery)
        return (time.process_time() - began) / 1000

    # An EmailMessage costs a millisecond on the same machine.
    assert min(cost_s() for _ in range(5)) < 100e-6


def test_each_control_character_is_taken_out_even_alone():
    for character in map(chr, range(256)):
        if character not in "\n\r":
            _, message = compose(f"a{character}b")
            assert body(message) == ("ab\n" if _is_control(character) and character != "\t" else f"a{character}b\n")
