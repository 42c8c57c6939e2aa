"""SmtpConfig: mistakes are found before the first mail."""

import pytest
from pydantic import ValidationError

from addispatch_plugins.smtp.config import SmtpConfig

PRIMARY = {"host": "mail.example.com", "sender": "plant@example.com"}


def config(secondary=None, **changes):
    return SmtpConfig.model_validate({"primary": {**PRIMARY, **changes}, "secondary": secondary})


@pytest.mark.parametrize(("security", "port"), [("none", 25), ("starttls", 587), ("tls", 465)])
def test_ports_follow_the_security(security, port):
    assert config(security=security).primary.address == f"mail.example.com:{port}"
    assert config(security=security, port=2525).primary.address == "mail.example.com:2525"


def test_is_protected_unless_told_otherwise():
    assert config().primary.security == "starttls"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"connections": 9}, "less than or equal to 8"),
        ({"connections": 0}, "greater than or equal to 1"),
        ({"sender": "plant"}, "no mail address"),
        ({"user": "plant"}, "user and password belong together"),
        ({"security": "ssl"}, "'none', 'starttls' or 'tls'"),
        ({"hots": "x"}, "hots"),
        ({"ca_file": "/nowhere.pem"}, "ca_file"),
        ({"enabled": False}, "no server is enabled"),
        ({"security": "none", "ca_file": __file__}, "has no use"),
    ],
)
def test_mistakes_are_named(changes, problem):
    with pytest.raises(ValidationError, match=problem):
        config(**changes)


def test_the_secondary_alone_will_do():
    assert list(config({**PRIMARY, "host": "b"}, enabled=False).servers) == ["secondary"]


def test_the_password_is_not_shown():
    assert "hunter2" not in repr(config(user="plant", password="hunter2"))


def test_answers_need_an_address():
    assert (
        SmtpConfig.model_validate({"primary": PRIMARY, "reply_to": "acks@example.com"}).reply_to == "acks@example.com"
    )
    with pytest.raises(ValidationError, match=r"reply_to\n.*no mail address"):
        SmtpConfig.model_validate({"primary": PRIMARY, "reply_to": "acks"})
