"""What this node can do for those it writes to: tokens, links, mails that count, the time as people read it."""

from __future__ import annotations

import pytest
from pipelines import ADAM, book
from rooms import KEY

from addispatch.domain.addressbook import Directory, Settings
from addispatch.domain.policy import Policy
from addispatch.domain.token import mark_of, read_token
from addispatch.pipeline.desk import Desk

CASE = "0190b0f2-1111-5222-8333-444455556666"
KEYED = Directory(link_keys=(KEY, bytes(32)), settings=Settings(link_ttl_h=2))
PUBLIC = "https://alarms.example"


def policy(**options) -> Policy:
    return Policy(id="p", name="p", **options)


def test_a_token_names_case_and_recipient_and_ends_in_its_time():
    desk = Desk(directory=KEYED)
    grant = read_token([KEY], desk.token(CASE, "adam", 1_000_999), 0)
    assert grant == (CASE, mark_of("adam"), 1000 + 7200), "signed by the first key"
    assert Desk(directory=book(ADAM)).token(CASE, "adam", 1) == "", "before there are keys"


@pytest.mark.parametrize(
    ("url", "is_public"),
    [
        ("", False),
        ("http://localhost:5556", False),
        ("http://127.0.0.1:5556", False),
        ("http://[::1]:5556", False),
        ("http://LOCALHOST", False),
        ("https://alarms.example", True),
        ("http://192.168.1.5:5556", True),
    ],
)
@pytest.mark.parametrize(("wanted", "always"), [(None, None), (True, True), (False, False)])
def test_a_link_is_appended_as_the_policy_says_else_if_phones_can_reach_us(url, is_public, wanted, always):
    desk = Desk(directory=KEYED, public_url=url)
    assert desk.is_public == is_public
    link = desk.link(policy(append_link=wanted), CASE, "adam", 1_000_000)
    assert bool(link) == (is_public if always is None else always)
    if link:
        assert link == f"{url}/a/{desk.token(CASE, 'adam', 1_000_000)}"


def test_without_keys_there_is_no_link():
    assert Desk(directory=book(ADAM), public_url=PUBLIC).link(policy(append_link=True), CASE, "adam", 1) == ""


@pytest.mark.parametrize(
    ("reads_mail", "policy_says", "counts"),
    [(True, None, True), (False, None, False), (True, False, False), (False, True, True)],
)
def test_whether_a_mail_may_acknowledge(reads_mail, policy_says, counts):
    desk = Desk(directory=KEYED, takes_mail=reads_mail)
    assert desk.takes_mail_for(policy(allow_email_reply=policy_says)) == counts


@pytest.mark.parametrize(
    ("timezone", "at_ms", "shown"),
    [
        ("UTC", 1_774_746_000_000, "01:00"),
        ("Asia/Singapore", 1_774_746_000_000, "09:00"),
        ("Europe/Berlin", 1_774_745_999_999, "01:59"),
        ("Europe/Berlin", 1_774_746_000_000, "03:00"),
    ],
)
def test_the_time_of_day_as_people_here_read_it(timezone, at_ms, shown):
    """At the last moment before and the first in summer time of 2026."""
    assert Desk(directory=KEYED, timezone=timezone).clock_text(at_ms) == shown


def test_people_are_found_by_id():
    desk = Desk(directory=book(ADAM))
    assert desk.person("adam") is ADAM
    assert desk.person("Adam") is None
