"""A fuzz campaign for the parser of mails: damaged mails of the corpus, by the thousand.

Nothing makes it crash or takes long, and no machine's mail becomes a person's as long as its header is left alone.
"""

from __future__ import annotations

import os
import random
import time

import pytest
from mails import EXPECTED, raw_mail

from addispatch_plugins.mailbox.letter import MAX_SUBJECT_CHARS, MAX_TEXT_CHARS, read_letter

COUNT = 1_000_000 if os.environ.get("ADDISPATCH_CAMPAIGN") else 5000
#: How long the campaign may take; it says how far it came. The same seed takes the same way.
MOST_S = float(os.environ.get("ADDISPATCH_CAMPAIGN_S", "3600"))
#: Of processor time, for one mail.
LONGEST_S = 2.0

NAMES = sorted(EXPECTED)
MAILS = {name: raw_mail(name) for name in NAMES}
TELLTALE = [
    b"--", b"--=_b1", b"--=_b1--", b"\r\n\r\n", b"\n> ", b"<blockquote>", b"</blockquote>", b"<div>", b"<!--", b"<", b">",
    b"&#", b"&amp", b"=", b"=\r\n", b"=?utf-8?b?", b"?=", b"\0", b"\xff\xfe", b"\xc3", b"Content-Type: multipart/mixed; boundary=x\r\n",
    b"Content-Transfer-Encoding: base64\r\n", b"Content-Type: text/html; charset=utf-7\r\n", b"charset=", b"boundary=", b"A123",
    b"On 3 Nov 2025 Adam wrote:\r\n", b"From: a@b\r\nSent: x\r\n", b"________\r\n", b"-- \r\n", b"\r", b"\n", b"\t", b"ack.",
    "写道：".encode(), b"\xe2\x80\x8b",
]  # fmt: skip


def damaged(raw: bytes, chance: random.Random) -> bytes:
    """Cut, repeat, insert, swap and change a few places."""
    mail = bytearray(raw)
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        at = chance.randrange(len(mail) + 1)
        match chance.randrange(7):
            case 0:
                del mail[at : at + chance.choice((1, 2, 10, 200))]
            case 1:
                mail[at:at] = chance.choice(TELLTALE)
            case 2:
                mail[at:at] = mail[max(at - chance.choice((5, 50, 500)), 0) : at] * chance.choice((1, 2, 20))
            case 3:
                mail[at : at + 1] = bytes([chance.randrange(256)])
            case 4:
                mail[at:at] = chance.choice(TELLTALE) * chance.choice((2, 30, 300))
            case 5:
                other = MAILS[chance.choice(NAMES)]
                start = chance.randrange(len(other))
                mail[at:at] = other[start : start + 300]
            case 6:
                del mail[at:]
    return bytes(mail[:300_000])


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_damaged_mails():
    chance, began_s = random.Random(20251103), time.monotonic()
    done, machine_count, longest_s, longest = 0, 0, 0.0, b""
    while done < COUNT and time.monotonic() - began_s < MOST_S:
        name = chance.choice(NAMES)
        raw = MAILS[name]
        header, blank, body = raw.partition(b"\r\n\r\n")
        leaves_header = bool(blank) and chance.random() < 0.6
        mail = header + blank + damaged(body, chance) if leaves_header else damaged(raw, chance)
        one_s = time.process_time()
        letter = read_letter(mail, is_whole=chance.random() < 0.9)
        one_s = time.process_time() - one_s
        if one_s > longest_s:
            longest_s, longest = one_s, mail
        assert len(letter.text) <= MAX_TEXT_CHARS
        assert len(letter.subject) <= MAX_SUBJECT_CHARS
        letter.text.encode()
        if leaves_header and "automatic" in EXPECTED[name]:
            machine_count += 1
            assert letter.automatic, (name, mail)
        done += 1
    print(
        f"{done} damaged mails, {machine_count} of machines, the slowest {longest_s * 1000:.0f} ms for {len(longest)} bytes"
    )
    assert done == COUNT or MOST_S < 3600
    assert longest_s < LONGEST_S, longest[:2000]
