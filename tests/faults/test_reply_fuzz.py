"""Replies nobody foresaw: whatever is texted, nothing raises, and nothing acknowledges that has no code or word in front.

What may acknowledge is decided a second time here, in another way: by one plain pattern over the whole text. It allows
more than the grammar does; what the grammar takes must be allowed. ``make test`` tries 20,000 texts, ``make campaign``
a million.
"""

from __future__ import annotations

import os
import random
import re
import unicodedata
from collections import Counter

from addispatch.domain.reply import MAX_COMMENT_CHARS, Reply, ReplyKind, parse_reply

CAMPAIGN = bool(os.environ.get("ADDISPATCH_CAMPAIGN"))
TEXTS = 1_000_000 if CAMPAIGN else 20_000
SEED = 20_241

CODE = r"[A-HJ-NP-Z]{1,2}[0-9O]{3,5}(?![A-Z0-9])"
FRONT = re.compile(
    rf"[\W_]*(?:(?:RE|AW|SV|ANTW|回复|回覆|答复)(?:\[\d+\])?\W*:[\W_]*)*(?P<word>(?:ACK|OK|OKAY|ACKNOWLEDGED?|NO|BUSY)(?![A-Z0-9]))?"
    rf"(?P<codes>(?:[\W_]*{CODE})*)(?P<all>[\W_]*ALL(?![A-Z0-9]))?"
)
NAMED = re.compile(r"(?<![A-Z0-9])[A-HJ-NP-Z]{1,2}[0-9]{3,5}(?![A-Z0-9])")

WORDS = [
    "ack", "ACK", "ok", "Ok", "OK", "okay", "acknowledge", "Acknowledged", "no", "NO", "No", "busy", "BUSY", "all",
    "ALL", "hi", "hello", "yes", "please", "pump", "hot", "on", "my", "way", "coming", "reply", "Reply", "msg",
    "nooo", "book", "boo", "so", "go", "No.", "5", "10", "2024", "P101-A", "re", "fw", "okey", "nobody", "alle",
    "ack'd", "don't",
]  # fmt: skip
SIGNS = [
    *" " * 12, *",;:.!?-+*/_#@&'\"()[]{}<>|\\~=", "\n", "\r\n", "\n> ", "\t", "\x00", "", "", "...", "Re:", "RE[2]: ", "AW:",
    "回复：",
]  # fmt: skip
ODD = [
    *"٣۳३๓３²①½ⅧＡａÀéßıſKÅ№™…了解กไ正한дА，；：！？、؟،«»“”•👍👎🏃",
    *"\u0301\u0308\u200b\u200e\u202e\u2066\ufeff\u00ad\u00a0\u3000\u2028\ufe0f\u20e3",
    *("\ud83d", "\udc4d", "\U0001d400", "\U0001d7ce", "\U000e0041"),
]
LETTERS, DIGITS = "ABCNOPZabconIi", "0123456789Oo"


def code(source: random.Random) -> str:
    """A code, or something that looks like one."""
    letters = "".join(source.choices(LETTERS, k=source.choice((1, 1, 1, 2, 2, 0, 3))))
    digits = "".join(source.choices(DIGITS, k=source.choice((3, 3, 3, 4, 5, 2, 6))))
    if source.random() < 0.1:
        zero = ord(source.choice("٠۰०๐０"))
        digits = "".join(chr(zero + int(digit)) if digit.isdigit() else digit for digit in digits)
    return letters + digits


def text(source: random.Random) -> str:
    """Pieces of replies in any order, with some noise, more often a reply than not."""
    parts = []
    for _ in range(source.randrange(1, 9)):
        chance = source.random()
        if chance < 0.4:
            parts.append(code(source))
        elif chance < 0.8:
            parts.append(source.choice(WORDS))
        elif chance < 0.95:
            parts.append(source.choice(ODD))
        else:
            parts.append(
                chr(source.choice((source.randrange(0x300), source.randrange(0x3100), source.randrange(0x110000))))
            )
        parts.append(source.choice(SIGNS))
    if source.random() < 0.2:
        source.shuffle(parts)
    return "".join(parts)


def plain(raw: str) -> str:
    """The text as anybody would normalise it; ² and ① become a letter that is in no code, for they are no digits."""
    seen = (char for char in raw if unicodedata.category(char) != "Cf" and char not in "\ufe0f\u20e3")
    digits = ("I" if unicodedata.category(char) == "No" else str(unicodedata.decimal(char, char)) for char in seen)
    return unicodedata.normalize("NFKC", "".join(digits)).upper()


def objection(raw: str, reply: Reply) -> str:
    """Why the text may not be read so; empty if it may."""
    flat = plain(raw)
    front = FRONT.match(flat)
    assert front is not None
    listed = [found.replace("O", "0") for found in re.findall(CODE, front["codes"])]
    match reply.kind:
        case ReplyKind.ACK | ReplyKind.DECLINE:
            if not set(reply.codes) <= set(listed):
                return "a code that is not in front"
            if reply.kind is ReplyKind.ACK and front["word"] in {"NO", "BUSY"}:
                return "an acknowledgement that begins with no"
        case ReplyKind.BARE_ACK:
            if front["word"] in {None, "NO", "BUSY"}:
                return "no word in front"
            if NAMED.search(flat):
                return "a code is named, but not in front"
        case ReplyKind.BARE_DECLINE if front["word"] not in {"NO", "BUSY"}:
            return "no word in front"
        case ReplyKind.ALL if not front["all"] or front["codes"] or front["word"] in {"NO", "BUSY"}:
            return "ALL is not in front"
        case _:
            pass
    if bool(reply.codes) != (reply.kind in {ReplyKind.ACK, ReplyKind.DECLINE}):
        return "codes do not fit the kind"
    return "" if len(reply.comment) <= MAX_COMMENT_CHARS else "a comment beyond the limit"


def test_no_text_acknowledges_by_accident() -> None:
    source = random.Random(SEED)
    kinds: Counter[ReplyKind] = Counter()
    for number in range(TEXTS):
        raw = text(source)
        reply = parse_reply(raw)
        reply.comment.encode()
        why = objection(raw, reply)
        assert not why, f"text {number}: {why}: {raw!r} was read as {reply}"
        kinds[reply.kind] += 1
    # The campaign is worth something only if it meets every kind often.
    assert min(kinds[kind] for kind in ReplyKind) >= TEXTS / 2000, kinds
