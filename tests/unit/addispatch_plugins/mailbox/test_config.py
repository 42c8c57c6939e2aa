"""MailboxConfig: mistakes are found before the first look."""

import pytest
from pydantic import ValidationError

from addispatch_plugins.mailbox.config import MailboxConfig

TABLE = {"kind": "imap", "host": "mail.example.com", "user": "acks", "password": "hunter2"}
OAUTH2 = {"provider": "microsoft", "client_id": "id", "refresh_token": "hunter2"}


def config(**changes):
    return MailboxConfig.model_validate({**TABLE, **changes})


@pytest.mark.parametrize(
    ("kind", "security", "port"),
    [
        ("pop3", "none", 110),
        ("pop3", "starttls", 110),
        ("pop3", "tls", 995),
        ("imap", "starttls", 143),
        ("imap", "tls", 993),
    ],
)
def test_ports_follow_kind_and_security(kind, security, port):
    assert config(kind=kind, security=security).address == f"mail.example.com:{port}"
    assert config(kind=kind, security=security, port=99).address == "mail.example.com:99"


def test_defaults():
    assert (config().security, config().poll_s, config().max_size, config().grace_s) == ("tls", 30, 1_048_576, 600)
    assert config().mailbox == "acks@mail.example.com"
    assert config(user="acks@example.com").mailbox == "acks@example.com"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"kind": "exchange"}, "'pop3' or 'imap'"),
        ({"host": "a b"}, "host"),
        ({"user": "a\r\nDELE 1"}, "one line of printable"),
        ({"password": "a\nb"}, "one line of printable"),
        ({"password": ""}, "give either password or oauth2"),
        ({"oauth2": OAUTH2}, "give either password or oauth2"),
        ({"kind": "pop3", "keep": True}, 'need kind = "imap"'),
        ({"kind": "pop3", "move_to": "Done"}, 'need kind = "imap"'),
        ({"kind": "pop3", "folder": "Acks"}, 'need kind = "imap"'),
        ({"keep": True, "move_to": "Done"}, "either keep or move_to"),
        ({"move_to": "INBOX"}, "another folder"),
        ({"security": "none", "ca_file": __file__}, "has no use"),
        ({"ca_file": "/nowhere.pem"}, "ca_file"),
        ({"max_size": 10}, "max_size"),
        ({"poll_s": 0}, "poll_s"),
        ({"hots": "x"}, "hots"),
        ({"password": "", "security": "none", "oauth2": OAUTH2}, "access token unprotected"),
        ({"oauth2": {**OAUTH2, "refresh_token": ""}}, "refresh_token is missing"),
        ({"oauth2": {**OAUTH2, "refresh_token": "", "client_secret": "s"}}, "tenant is missing"),
        (
            {"oauth2": {**OAUTH2, "provider": "google", "refresh_token": "", "client_secret": "s"}},
            "Google gives no access",
        ),
        ({"oauth2": {**OAUTH2, "provider": "custom"}}, "token_url is missing"),
        ({"oauth2": {**OAUTH2, "token_url": "http://example.com/token"}}, "must be an https"),
        ({"oauth2": {**OAUTH2, "token_url": "https:///token"}}, "must be an https"),
        ({"oauth2": {**OAUTH2, "tenant": "a/b"}}, "tenant"),
    ],
)
def test_mistakes_are_named(changes, problem):
    with pytest.raises(ValidationError, match=problem) as error:
        config(**changes)
    assert "hunter2" not in str(error.value)


def test_secrets_are_not_shown():
    assert "hunter2" not in repr(config(password="", oauth2=OAUTH2)) + repr(config())
