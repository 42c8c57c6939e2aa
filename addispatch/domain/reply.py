"""The grammar of replies: which codes a text acknowledges or declines (SPEC 5.3). Used by ``engine`` for SMS and mail.

    reply    =  junk [word] CODE {gap CODE} comment    word: ack, ok, okay, acknowledge, acknowledged, no, busy
             |  junk word comment                      bare: which case is meant, the engine must know
             |  junk [ack word] ALL                    behind an ack word a sign and a comment may follow

A missed reply is answered and costs one more message; a false acknowledgement silences an alarm. So what is unclear is
OTHER: a question mark behind a code or word, ``P101-A`` and ``A123/2`` (names, not codes), a bare word with a code
somewhere behind it, a ``no`` that may begin any sentence (``no problem``), ``All, come here``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

#: Only this much of a text is read: more than any code list and comment take.
MAX_READ_CHARS = 4000
#: Most codes one reply can name; what is beyond stays in the comment, where people see it.
MAX_CODES_COUNT = 20
#: Longest comment, in characters; the rest is cut.
MAX_COMMENT_CHARS = 500


class ReplyKind(StrEnum):
    """What a reply asks for. Only ACK and DECLINE carry codes."""

    ACK = "ack"
    DECLINE = "decline"
    ALL = "all"
    BARE_ACK = "bare_ack"
    BARE_DECLINE = "bare_decline"
    OTHER = "other"


class Reply(NamedTuple):
    """A reply as it was understood.

    ``codes`` are upper case ASCII with digits for the letter O, in order, each once. ``comment`` is what follows, as it
    was typed (of OTHER: all of it), without control characters and halves of surrogate pairs.
    """

    kind: ReplyKind
    codes: tuple[str, ...] = ()
    comment: str = ""


_REFUSALS = frozenset({"NO", "BUSY"})
_QUOTES = r"\"'`´“”„‟‘’‚‛«»‹›「」『』"
#: Commas and semicolons, also Arabic and Chinese ones; full-width ones are folded.
_COMMAS = ",،;؛、"
#: What cannot follow a word or code: a sign that joins it to a word, a decimal, a question.
_TIES = r"[-‐−/@'’&+=*#~%$^|<>\\]\w|\.[0-9]|\s*[?؟]"
_END = rf"(?!\w|{_TIES})"
#: Chinese, Japanese and Thai put no blank before what follows.
_CODE_END = rf"(?![^\W\u0e01-\u0e3a\u0e40-\u0e4e\u3040-\u30ff\u3400-\u9fff]|{_TIES})"
#: O counts as 0, but one digit must be a digit (``nooo`` is no code) and ``no123`` may mean ``no``.
_BODY = r"(?!NO)[A-HJ-NP-Z]{1,2}(?=O*[0-9])[0-9O]{3,5}"
_CODE = re.compile(_BODY + _CODE_END)
_MENTION = re.compile(rf"(?<![A-Z0-9]){_BODY}(?![A-Z0-9])")
_WORD = re.compile(rf"(ACKNOWLEDGED?|ACK|OKAY|OK|NO|BUSY){_END}")
#: Not ``>``: what follows it was written by somebody else, perhaps by us.
_JUNK = rf"[\s{_QUOTES}*•·●▪◦‣⁃○■□►▶\-–—(\[{{#]*"
_LEAD = re.compile(rf"{_JUNK}(?:(?:RE|AW|SV|ANTW|回复|回覆|答复)(?:\[[0-9]+\])?\s*:{_JUNK})*")
#: A line end before a line that has nothing but codes. Any other line may be a comment, or our own message that the
#: phone put there.
_TO_CODES = rf" *+\n\s*+(?={_BODY}(?:[ {_COMMAS}]+{_BODY})*[ {_COMMAS}]*(?:\n|\Z))"
_LINK = re.compile(rf"(?:[ {_COMMAS}:.!{_QUOTES}*\-–—(\[{{#]|{_TO_CODES})*")
_GAP = re.compile(rf" *+[{_COMMAS}][\s{_COMMAS}]*| ++(?!\n)|{_TO_CODES}")
_CLOSERS = re.compile(rf"[{_QUOTES}*)\]}}]*")
#: Between list and comment; a sign, a plus or point before a digit and a smiley belong to the comment.
_SEPARATORS = re.compile(rf"(?:\s+|[{_COMMAS}:.!…+–—-]+(?=\s|[^\W0-9]|\Z)|[{_COMMAS}:!…]+(?=[0-9]))*")
_ALL_ALONE = re.compile(rf"ALL[\s.!{_QUOTES}*)\]}}]*\Z")
_ALL_AND_MORE = re.compile(rf"ALL{_END}(?= *(?:[{_COMMAS}:.!–—-]|\n|\Z))")
_CANNOT = r"(?:CAN ?NOT|CAN['’]?T|UNABLE|WON['’]?T|WILL NOT)"
_REFUSAL = re.compile(rf"(?:NO|BUSY|{_CANNOT}){_END}")
_CLEAR_REFUSAL = re.compile(rf"(?:BUSY{_END}|NO{_END}(?! *\w)|(?={_CANNOT}{_END}))")
#: What no database stores, and what would turn the text around it once the comment is cut or quoted.
_CLEAN = {
    **dict.fromkeys((*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000)), " "),
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF)),
}


def parse_reply(text: str) -> Reply:
    """Return what the text asks for. Never raises; the work is bounded, however long the text is."""
    is_cut = len(text) > MAX_READ_CHARS
    text = text[:MAX_READ_CHARS]
    folded, origins = _fold(text)
    if is_cut:
        folded += "_"  # a code that touches the cut may be half of a longer one
    kind, codes, end = _read(folded)
    comment = text if kind is ReplyKind.OTHER else text[origins[min(end, len(origins) - 1)] :]
    return Reply(kind, codes, _clean(comment))


def _read(folded: str) -> tuple[ReplyKind, tuple[str, ...], int]:
    """Return the kind, the codes, and where the comment begins."""
    start = _end_of(_LEAD, folded, 0)
    word = _WORD.match(folded, start)
    after = word.end() if word else start
    inner = _end_of(_LINK, folded, after) if word else start
    codes, end = _codes(folded, inner)
    if codes:
        kind, end = _with_codes(folded, word[1] if word else "", _comment_at(folded, end))
        return kind, () if kind is ReplyKind.OTHER else codes, end
    kind, end = _without_codes(folded, word, inner)
    return (ReplyKind.OTHER, (), 0) if _MENTION.search(folded, end) else (kind, (), end)


def _with_codes(folded: str, word: str, end: int) -> tuple[ReplyKind, int]:
    """The kind of ``[word] codes`` with a comment at ``end``. ``A123 no`` declines as ``no A123`` does."""
    if word in _REFUSALS:
        return ReplyKind.DECLINE, end
    if not _REFUSAL.match(folded, end):
        return ReplyKind.ACK, end
    clear = None if word else _CLEAR_REFUSAL.match(folded, end)
    return (ReplyKind.DECLINE, _comment_at(folded, clear.end())) if clear else (ReplyKind.OTHER, 0)


def _without_codes(folded: str, word: re.Match[str] | None, inner: int) -> tuple[ReplyKind, int]:
    """The kind of a text that begins with a word but no code; ``inner`` is where something behind the word begins."""
    if word is None:
        return (ReplyKind.ALL, len(folded)) if _ALL_ALONE.match(folded, inner) else (ReplyKind.OTHER, 0)
    end = _comment_at(folded, word.end())
    if word[1] in _REFUSALS:
        is_clear = _CLEAR_REFUSAL.match(folded, word.start())
        return (ReplyKind.BARE_DECLINE, end) if is_clear else (ReplyKind.OTHER, 0)
    if every := _ALL_AND_MORE.match(folded, inner):
        return ReplyKind.ALL, _comment_at(folded, every.end())
    return (ReplyKind.OTHER, 0) if _REFUSAL.match(folded, end) else (ReplyKind.BARE_ACK, end)


def _codes(folded: str, at: int) -> tuple[tuple[str, ...], int]:
    """Return the codes of the list that begins at ``at``, and where the list ends."""
    found: dict[str, None] = {}
    end = at
    while code := _CODE.match(folded, at):
        plain = _plain(code[0])
        if plain not in found and len(found) == MAX_CODES_COUNT:
            break
        found[plain] = None
        end = code.end()
        gap = _GAP.match(folded, end)
        if gap is None:
            break
        at = gap.end()
    return tuple(found), end


def _plain(code: str) -> str:
    """No letter of a code is an O, so each one is a zero."""
    return code.replace("O", "0")


def _comment_at(folded: str, at: int) -> int:
    return _end_of(_SEPARATORS, folded, _end_of(_CLOSERS, folded, at))


def _end_of(optional: re.Pattern[str], folded: str, at: int) -> int:
    """Where a pattern that may match nothing ends."""
    found = optional.match(folded, at)
    return found.end() if found else at


def _clean(comment: str) -> str:
    comment = comment.strip()[: 2 * MAX_COMMENT_CHARS].replace("\r\n", "\n").replace("\r", "\n")
    return comment.translate(_CLEAN).strip()[:MAX_COMMENT_CHARS].rstrip()


def _fold(text: str) -> tuple[str, Sequence[int]]:
    """Return the text in plain capitals, and where each of its characters, and its end, stands in the original."""
    if text.isascii():
        return text.upper().translate(_ASCII), range(len(text) + 1)
    folded, origins = [], []
    for index, char in enumerate(text):
        plain = _fold_char(char)
        if plain:
            folded.append(plain)
            origins.append(index)
    return "".join(folded), [*origins, len(text)]


@lru_cache(maxsize=4096)
def _fold_char(char: str) -> str:
    """One character or none: decimal digits of any script become ASCII, full-width letters plain, unseen marks go."""
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category == "Cf" or "\ufe00" <= char <= "\ufe0f" or char == "\u20e3":
        return ""
    if category in {"Cc", "Zl", "Zp", "Zs"}:
        return "\n" if char in "\n\r\v\f\x85\u2028\u2029" else " "
    if category[0] == "M":
        return "_"  # part of the letter before it, so no end of a word
    if category[0] == "N":
        return char  # what looks like a digit but counts nothing: ² and ①
    plain = unicodedata.normalize("NFKC", char).upper()
    if len(plain) == 1:
        return plain
    return "_" if plain[0].isalnum() else char  # ß, ™ and № are words, … is a sign


_ASCII = {code: _fold_char(chr(code)) for code in range(128)}
