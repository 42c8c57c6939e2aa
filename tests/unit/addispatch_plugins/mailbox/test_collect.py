"""collect: what one look takes, and what it leaves; references."""

import pytest

from addispatch_plugins.mailbox import collect as module
from addispatch_plugins.mailbox.collect import MAX_MAILS, Look, collect, reference
from addispatch_plugins.mailbox.letter import Letter
from addispatch_plugins.mailbox.session import Fetched, MailboxTrouble, Unfetchable


class Box:
    """A mailbox in memory, where a server would only be in the way."""

    def __init__(self, **mails):
        self.mails, self.fetched = mails, []

    def open(self):
        pass

    def list(self):
        return list(self.mails)

    def fetch(self, name):
        self.fetched.append(name)
        mail = self.mails[name]
        if isinstance(mail, Exception):
            raise mail
        return Fetched(mail, is_whole=True)


def mail(text):
    return f"From: a@example.com\r\nMessage-ID: <{text}@e>\r\n\r\n{text}\r\n".encode()


def test_new_mails_are_read_in_their_order():
    box, look = Box(a=mail("one"), b=mail("two"), c=mail("three")), Look()
    collect(box, look, {"b"})
    assert [letter.text for letter in look.letters.values()] == ["one", "three"]
    assert box.fetched == ["a", "c"]
    assert (list(look.names), look.is_more, look.current) == (["a", "b", "c"], False, "")


def test_a_refused_mail_is_noted_and_the_rest_goes_on():
    look = Look()
    collect(Box(a=Unfetchable("damaged"), b=mail("two")), look, ())
    assert look.refused == {"a": "damaged"}
    assert list(look.letters) == ["b"]


def test_the_mail_at_which_it_broke_is_known():
    look = Look()
    with pytest.raises(MailboxTrouble):
        collect(Box(a=mail("one"), b=MailboxTrouble("gone")), look, ())
    assert look.current == "b"


def test_one_look_has_an_end(monkeypatch):
    look = Look()
    collect(Box(**{f"m{number}": mail("x") for number in range(MAX_MAILS + 1)}), look, ())
    assert len(look.letters) == MAX_MAILS
    assert look.is_more
    monkeypatch.setattr(module, "MAX_FETCH_S", -1)
    look = Look()
    collect(Box(a=mail("one")), look, ())
    assert (look.letters, look.is_more) == ({}, True)


def test_a_mail_we_fail_at_is_unreadable_and_out_of_the_way(monkeypatch):
    def fail(_content, *, is_whole):
        raise RecursionError

    monkeypatch.setattr(module, "read_letter", fail)
    look = Look()
    collect(Box(a=mail("one")), look, ())
    assert look.letters == {"a": Letter(automatic="unreadable")}


def test_references_tell_mails_apart():
    letter = Letter(identity="<x@e>\0Monday")
    assert reference("box", "1", letter) == reference("box", "1", letter)
    others = [
        reference("other", "1", letter),
        reference("box", "2", letter),
        reference("box", "1", Letter(identity="<y@e>")),
    ]
    assert len({reference("box", "1", letter), *others}) == 4
    assert len(reference("box", "\udcff", letter)) == 32
