"""explain: one line for whatever goes wrong with a server."""

import errno
import imaplib
import poplib
import socket
import ssl

import pytest
from imap_tools import MailboxLoginError

from addispatch_plugins.mailbox.session import explain, one_line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (TimeoutError("timed out"), "login: no answer within 5 s"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "login: Connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "login: Name or service not known"),
        (EOFError(), "login: the server closed the connection"),
        (poplib.error_proto(b"-ERR [AUTH] denied\r\nmore"), "login: -ERR [AUTH] denied more"),
        (imaplib.IMAP4.error("LOGIN command error: BAD"), "login: LOGIN command error: BAD"),
        (MailboxLoginError(("NO", [b"[AUTHENTICATIONFAILED] Authentication failed."]), "OK"), "login: [AUTHENTICATIONFAILED] Authentication failed."),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "login: [SSL: WRONG_VERSION_NUMBER] wrong version number"),
        (ValueError(), "login: ValueError"),
        (poplib.error_proto(b"-ERR no such password: hunter2"), "login: -ERR no such password: ***"),
    ],
)  # fmt: skip
def test_explain(error, line):
    assert explain("login", error, 5, "hunter2") == line


def test_what_a_server_says_is_shown_short_and_harmless():
    assert one_line("a\x1b[31m\r\nb" + "c" * 500) == "a[31m b" + "c" * 193
