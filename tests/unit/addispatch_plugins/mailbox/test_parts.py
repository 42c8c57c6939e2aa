"""parse: the parts of a mail, and no more of them than the limits."""

import base64

import pytest

from addispatch_plugins.mailbox.parts import MAX_DEPTH, MAX_PARTS, MAX_TEXT_BYTES, parse


def multi(*parts, boundary="b", end="--b--\r\n"):
    body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts)
    return f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\npreamble\r\n{body}{end}epilogue'.encode()


def test_parts_are_split():
    mail = parse(multi("Content-Type: text/html\r\n\r\none", "\r\ntwo\r\n\r\nlines"))
    assert [part.kind for part in mail.walk()] == ["multipart/mixed", "text/html", "text/plain"]
    assert [part.text() for part in mail.parts] == ["one", "two\r\n\r\nlines"]


@pytest.mark.parametrize(("is_whole", "last"), [(True, True), (False, False)])
def test_only_the_last_part_of_a_cut_mail_is_not_whole(is_whole, last):
    mail = parse(multi("\r\none", "\r\ntwo", end=""), is_whole=is_whole)
    assert [part.is_whole for part in mail.parts] == [True, last]


def test_a_boundary_that_begins_like_another():
    inner = 'Content-Type: multipart/alternative; boundary="bb"\r\n\r\n--bb\r\n\r\nin\r\n--bb--'
    mail = parse(multi(inner, "\r\nout"))
    assert [part.text() for part in mail.walk() if not part.parts] == ["in", "out"]


def test_a_mail_in_a_mail_is_not_looked_into():
    mail = parse(multi("Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nA123"))
    assert [part.kind for part in mail.walk()] == ["multipart/mixed", "message/rfc822"]


def test_limits():
    assert len(parse(multi(*["\r\nx"] * (MAX_PARTS + 5))).parts) == MAX_PARTS
    raw = b"\r\ndeepest"
    for number in range(MAX_DEPTH + 5):
        raw = multi(raw.decode(), boundary=f"b{number}", end=f"--b{number}--")
    assert sum(1 for _part in parse(raw).walk()) == MAX_DEPTH + 1
    large = parse(b"From: a@e\r\n\r\n" + b"x" * (MAX_TEXT_BYTES + 1))
    assert len(large.text()) == MAX_TEXT_BYTES
    assert not large.is_readable


@pytest.mark.parametrize(
    ("encoding", "body", "text"),
    [
        ("base64", base64.b64encode(b"A123 on my way"), "A123 on my way"),
        ("BASE64", b"QTEy\r\nMw=", "A123"),
        ("base64", b"QTEyM", "A123"[:3]),
        ("quoted-printable", b"A=31=\r\n23 =ZZ", "A123 =ZZ"),
        ("8bit", b"A123", "A123"),
        ("x-unknown", b"A123", "A123"),
    ],
)
def test_transfer_encodings(encoding, body, text):
    assert parse(f"Content-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body).text() == text


def test_attachments():
    assert parse(b"Content-Disposition: attachment\r\n\r\nx").is_attachment
    assert parse(b"Content-Disposition: inline; filename=a.txt\r\n\r\nx").is_attachment
    assert not parse(b"Content-Disposition: inline\r\n\r\nx").is_attachment
