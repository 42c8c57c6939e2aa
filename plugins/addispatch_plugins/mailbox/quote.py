"""What a writer added to a mail, without what he quotes and without his signature. Used by ``letter``.

A false acknowledgement is the worst that can happen here: the quote holds the code. So in doubt less is kept. Libraries
that are well kept aim at showing a conversation, and in doubt keep more: of the 98 mails by persons in tests/mails,
quotequail 0.5.4 leaves some of the quote in 8, mail-parser-reply 1.36 in 30.

A text ends at the first of: a signature, a line of dashes, a quoted header, a quote that is not marked. Behind a quote
marked with ``>`` more of the writer's may follow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from addispatch_plugins.mailbox.phrases import (
    BANNER,
    CLOSING,
    FORWARDED,
    HEADER_FROM,
    HEADER_MORE,
    SENT_FROM,
    WROTE_FIRST,
    has_wrote,
)

#: A quoted line at least this long may have been broken by the mail program, its rest left without a mark.
BROKEN_FROM_CHARS = 40
#: Most lines and most characters of one that are looked at, most lines of an attribution and of a quoted header.
MAX_LINES, MAX_LINE_CHARS, ATTRIBUTION_LINES, HEADER_LINES = 2000, 500, 4, 6

_QUOTED = re.compile(r"\s{0,4}(?:[A-Za-z]{0,4}[>＞]|[|｜](?:\s|\Z))")
_RULE = re.compile(r"[-_=*~–—#]{3,}\Z|_{5,}|[-–—]{3,}\s?\S|[=*]{5,}\s?\S|--\Z")
_LABEL = re.compile(r"\*?[^\W\d_][^\d:：]{0,24}\*?[:：]\*?\s?\S")
_ADDRESS = re.compile(r"[^\s@<]@[^\s@>]")
_TIME = re.compile(r"\b\d{1,2}\s?[:.hH時时点]\s?\d{2}|\b(?:19|20)\d\d\b|(?:19|20)\d\d\s?[年년.]")
_DIGIT_OR_ADDRESS = re.compile(r"\d|@")
#: What we write under our own texts, as it is unless somebody changed it.
_OUR_FOOTNOTE = re.compile(r"\bACK\s*:\s*Reply\b", re.IGNORECASE)
#: White space that is none to str.split, marks of writing direction, what is invisible; controls but tab and newline.
_INVISIBLE = dict.fromkeys(
    [
        *range(9), *range(11, 32), *range(0x7F, 0xA0), 0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F),
        *range(0x2060, 0x2070), 0xFEFF,
    ]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Writing:
    """``is_marked``: quotes were told by their marks, so that the text around them is surely the writer's."""

    text: str
    is_marked: bool = False


def new_text(text: str, *, is_flowed: bool = False) -> Writing:
    """Return what the writer added. ``is_flowed``: long lines are broken behind a space (RFC 3676)."""
    lines = _lines(text, is_flowed=is_flowed)
    at = _skip_banner(lines)
    kept: list[str] = []
    writing = Writing("")
    while at < len(lines):
        if _QUOTED.match(lines[at]):
            kept += ["", *_below(lines, at)]
            writing = Writing("", is_marked=True)
            break
        if _ends(lines, at):
            break
        if length := _attribution(lines, at):
            after = _next_filled(lines, at + length)
            if after < len(lines) and _QUOTED.match(lines[after]):
                kept += ["", *_below(lines, after)]
                writing = Writing("", is_marked=True)
            break
        kept.append(lines[at])
        at += 1
    result = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in kept)).strip()
    # A quote without a mark, and who knows where it begins.
    return Writing("" if _OUR_FOOTNOTE.search(result) else result, writing.is_marked)


def _lines(text: str, *, is_flowed: bool) -> list[str]:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    text = text.replace("\xa0", " ").replace("\x0b", "\n").replace("\x0c", "\n").translate(_INVISIBLE)
    lines: list[str] = []
    joins = False
    for line in text.split("\n", MAX_LINES)[:MAX_LINES]:
        if joins and not _QUOTED.match(line) and line.rstrip() != "--":
            lines[-1] += line[:MAX_LINE_CHARS]
        else:
            lines.append(line[:MAX_LINE_CHARS])
        joins = is_flowed and line.endswith(" ") and line != "-- " and not _QUOTED.match(line) and len(lines[-1]) < 2000
    return [line.rstrip() if line.strip() else "" for line in lines]


def _skip_banner(lines: list[str]) -> int:
    """Return where the text begins behind what a safety filter put above it: a paragraph, or several."""
    at = _next_filled(lines, 0)
    while at < len(lines) and BANNER.match(lines[at]):
        while at < len(lines) and lines[at]:
            at += 1
        at = _next_filled(lines, at)
    return at


def _next_filled(lines: list[str], at: int) -> int:
    while at < len(lines) and not lines[at]:
        at += 1
    return at


def _ends(lines: list[str], at: int) -> bool:
    """Whether the writer's text ends before this line, whatever follows."""
    line = lines[at].strip()
    if not line:
        return False
    if _RULE.match(line) or FORWARDED.match(line) or SENT_FROM.match(line) or CLOSING.match(line):
        return True
    following = [follow for follow in lines[at + 1 : at + 2 * HEADER_LINES] if follow][:HEADER_LINES]
    if HEADER_FROM.match(line) and (any(map(HEADER_MORE.match, following)) or any(map(_LABEL.match, following[:1]))):
        return True
    # Languages that phrases.py does not know: three labels in a row, one with an address.
    block = [line, *following[:2]]
    return len(block) == 3 and all(map(_LABEL.match, block)) and any(map(_ADDRESS.search, block))


def _attribution(lines: list[str], at: int) -> int:
    """Return of how many lines the attribution that begins here is; 0 if none does."""
    joined = ""
    for count in range(1, ATTRIBUTION_LINES + 1):
        if at + count > len(lines) or not lines[at + count - 1] or _QUOTED.match(lines[at + count - 1]):
            return 0
        joined += f" {lines[at + count - 1].strip()}"
        if _is_attribution(joined.strip(), lines, at + count):
            return 0 if any(_begins_below(lines, at, lower, count) for lower in range(1, count)) else count
    return 0


def _begins_below(lines: list[str], at: int, lower: int, count: int) -> bool:
    """Whether the first ``lower`` lines are the writer's: without them it is an attribution with its date, too."""
    rest = " ".join(line.strip() for line in lines[at + lower : at + count])
    if WROTE_FIRST.match(lines[at].strip()) and not WROTE_FIRST.match(rest):
        return False
    return _TIME.search(rest) is not None and _is_attribution(rest, lines, at + count)


def _is_attribution(text: str, lines: list[str], after: int) -> bool:
    if len(text) > MAX_LINE_CHARS:
        return False
    if not text.endswith((":", "：")):
        # Yahoo and Zoho end it otherwise; Thunderbird in Chinese and Japanese leaves the colon out.
        return bool(has_wrote(text[-30:]) and _ADDRESS.search(text) and _TIME.search(text))
    if (WROTE_FIRST.match(text) or _DIGIT_OR_ADDRESS.search(text)) and has_wrote(text):
        return True
    if _ADDRESS.search(text) and _TIME.search(text):
        return True
    following = _next_filled(lines, after)
    is_before_quote = following < len(lines) and _QUOTED.match(lines[following]) is not None
    return is_before_quote and bool(has_wrote(text) or _TIME.search(text) or _ADDRESS.search(text))


def _below(lines: list[str], at: int) -> list[str]:
    """Return the writer's lines among and behind a marked quote."""
    kept: list[str] = []
    quoted: set[str] = set()
    is_broken = False
    while at < len(lines):
        line = lines[at]
        if match := _QUOTED.match(line):
            content = line[match.end() :].strip(" >|＞｜")
            quoted.add(_plain(content))
            is_broken = len(line) >= BROKEN_FROM_CHARS
        elif not line:
            kept.append("")
            is_broken = False
        elif _ends(lines, at):
            break
        elif is_broken or _plain(line) in quoted:
            # The rest of a quoted line, or ours once more.
            pass
        elif length := _attribution(lines, at):
            after = _next_filled(lines, at + length)
            if after >= len(lines) or not _QUOTED.match(lines[after]):
                break
            at = after
            continue
        else:
            kept.append(line)
        at += 1
    return kept


def _plain(line: str) -> str:
    return " ".join(re.findall(r"\w+", line)).lower()
