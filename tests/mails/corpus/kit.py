"""What the corpus is made of: our mail as it stands in quotes, heads, parts, and the list of all mails."""

from __future__ import annotations

import base64
import quopri

ONE, TWO = "Tok3n-One_" * 5 + "abcdef", "tOk3N_Two-" * 5 + "uvwxyz"
OUR_ID = f"<ack.{ONE}.17.node-a@example.com>"
OUR_OTHER_ID = f"<ack.{TWO}.12.node-a@example.com>"
#: What we sent, as it stands in quotes.
OURS = "Pump 3: pressure high, 7.4 bar\n\nACK: Reply A123 + msg"
MARKED = "> Pump 3: pressure high, 7.4 bar\n>\n> ACK: Reply A123 + msg"
OURS_HTML = "Pump 3: pressure high, 7.4 bar<br><br>ACK: Reply A123 + msg"
WAY = "A123 on my way"

#: name -> (raw mail, expected)
MAILS: dict[str, tuple[bytes, dict[str, object]]] = {}


def head(subject="Re: [HIGH] Pump 3", sender="Adam Lim <Adam@Example.com>", *, ours=OUR_ID, references=None, **fields):
    lines = {
        "Return-Path": "<adam@example.com>",
        "Received": "from mx.example.com (mx.example.com [192.0.2.7])\n\tby mail.example.com with ESMTPS id 4Xy1;\n\tMon, 3 Nov 2025 10:02:11 +0800 (+08)",
        "From": sender,
        "To": "Plant north <acks@example.com>",
        "Subject": subject,
        "Date": "Mon, 3 Nov 2025 10:02:09 +0800",
        "Message-ID": "<CAF0k1d=9x7@mail.example.com>",
        "In-Reply-To": ours,
        "References": references or ours,
        "MIME-Version": "1.0",
    }
    lines.update({name.replace("_", "-"): value for name, value in fields.items()})
    return "".join(f"{name}: {value}\n" for name, value in lines.items() if value)


def add(name, raw, text=None, tokens=1, automatic=""):
    expected: dict[str, object] = {"text": text, "tokens": tokens} if not automatic else {"automatic": automatic}
    assert name not in MAILS
    MAILS[name] = (raw if isinstance(raw, bytes) else raw.encode(), expected)


def plain(body, charset="utf-8", encoding="7bit", **parameters):
    raw = body.encode(charset, "surrogateescape") if isinstance(body, str) else body
    more = "".join(f"; {key}={value}" for key, value in parameters.items())
    shown = parameters.pop("declared", charset)
    more = more.replace(f"; declared={shown}", "")
    if encoding == "base64":
        raw = base64.encodebytes(raw)
    elif encoding == "quoted-printable":
        raw = quopri.encodestring(raw)
    return f"Content-Type: text/plain; charset={shown}{more}\nContent-Transfer-Encoding: {encoding}\n\n".encode() + raw


def html(body, charset="utf-8", encoding="quoted-printable"):
    return plain(body, charset, encoding).replace(b"text/plain", b"text/html", 1)


def multi(*parts, kind="alternative", boundary="=_b1", more=""):
    delimiter = f"--{boundary}".encode()
    body = b"".join(b"\n" + delimiter + b"\n" + part for part in parts)
    return (
        f'Content-Type: multipart/{kind}; boundary="{boundary}"{more}\n'.encode() + body + b"\n" + delimiter + b"--\n"
    )


def reply(name, body, text=WAY, tokens=1, **fields):
    """A person's answer in plain text or with the parts given as bytes."""
    content = body if isinstance(body, bytes) else plain(f"{body}\n", encoding="8bit")
    add(name, head(**fields).encode() + content, text, tokens)


def machine(name, automatic, body="I am away until 10 November. For A123 call Jane.", content=None, **fields):
    content = plain(f"{body}\n", encoding="8bit") if content is None else content
    add(name, head(**fields).encode() + content, automatic=automatic)
