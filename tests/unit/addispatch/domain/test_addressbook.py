"""Looking people up, their addresses, and audiences by id."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from addispatch.domain.addressbook import Directory, Group, Recipient, ad_hoc_audience
from addispatch.domain.policy import Policy

ADAM = Recipient(id="1", name="Adam", sms="+6591234567", email=("a@b.c",), policy="9")
JANE = Recipient(id="2", name="Jane", phone="+6561234567", enabled=False)
KIM = Recipient(id="3", name="Kim", chat=("x://y",))
OPS = Group(id="4", name="Ops", members=("2", "3", "1", "gone"), policy="9")
BOOK = Directory(
    recipients={r.id: r for r in (ADAM, JANE, KIM)},
    groups={"4": OPS, "5": Group(id="5", name="Empty")},
    policies={"9": Policy(id="9", name="p")},
)


def test_names_are_found_in_any_case() -> None:
    assert BOOK.find("ADAM") is ADAM
    assert BOOK.find("ops") is OPS
    assert BOOK.find("nobody") is None
    assert BOOK.find("") is None


def test_a_group_reaches_its_enabled_members_in_order() -> None:
    audience = BOOK.audience("4")
    assert audience is not None
    assert (audience.id, audience.name) == ("4", "Ops")
    assert audience.recipients == (KIM, ADAM)
    assert audience.policy is BOOK.policies["9"]


def test_a_recipient_addressed_directly_brings_the_policy() -> None:
    audience = BOOK.audience("1")
    assert audience is not None
    assert audience.recipients == (ADAM,)
    assert audience.policy is BOOK.policies["9"]


def test_audiences_without_anybody() -> None:
    assert BOOK.audience("2").recipients == ()
    assert BOOK.audience("5").recipients == ()
    assert BOOK.audience("5").policy is None
    assert BOOK.audience("gone") is None


def test_addresses_by_channel() -> None:
    assert ADAM.addresses("sms") == ("+6591234567",)
    assert ADAM.addresses("voice") == ("+6591234567",), "the mobile rings if there is no other phone"
    assert JANE.addresses("voice") == ("+6561234567",)
    assert JANE.addresses("sms") == JANE.addresses("email") == KIM.addresses("voice") == ()
    assert ADAM.addresses("email") == ("a@b.c",)
    assert KIM.addresses("chat") == ("x://y",)
    assert ADAM.addresses("log") == ("Adam",)


@given(st.text(min_size=1), st.text(min_size=1))
def test_the_same_address_is_always_the_same_audience(one: str, other: str) -> None:
    first, again, second = ad_hoc_audience(number=one), ad_hoc_audience(number=one), ad_hoc_audience(number=other)
    assert first == again
    assert (first.id == second.id) == (one == other)
    assert first.recipients[0].addresses("sms") == (one,)
    assert first.recipients[0].addresses("email") == ()
    assert ad_hoc_audience(email=one).recipients[0].addresses("email") == (one,)
    assert first.policy is None
