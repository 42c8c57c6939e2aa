"""Exempt keywords: texts that tell of a recovery need no acknowledgement (SPEC 5.6). Asked by ``pipeline``.

A missed alarm is worse than one SMS more. So one voided place of any keyword ("ABNORMAL", "not yet back to normal",
"below normal", "normal -> high") makes the whole text an alarm, whatever else it says.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

#: A longer text is never exempt: no alarm's text is longer, and what is not read might void it.
MAX_TEXT_CHARS = 4000
#: How many words a negation reaches over, within its clause: "not all of the pumps recovered", "normal range exceeded".
_REACH_BEFORE, _REACH_AFTER = 6, 3
#: How far to look for them, in characters.
_LOOK_CHARS = 200


def _set(text: str) -> frozenset[str]:
    return frozenset(text.casefold().split())


#: Void a keyword that follows in the same clause: not, no, never, until, in languages that write "normal" or nearly so.
_NEGATIONS = _set(
    """
    no not never neither nor none non nothing without cannot cant wont isnt wasnt arent werent hasnt havent hadnt
    doesnt dont didnt couldnt wouldnt shouldnt hardly barely scarcely almost nearly partially partly unable unless
    until till before if when awaiting pending nicht kein keine keinen nie niemals niet geen nooit pas jamais aucun
    sans nunca sin nem não nao sem senza ikke aldrig inte ej aldri ei eivät nigdy bez není nikdy ne ni не нет нету ни
    без није tidak belum bukan tak hindi không chưa δεν μη μην όχι לא אין لا لم لن ليس ليست غير değil
    """
)
#: Void the keyword they stand before, with nothing but fillers between.
_PLACES = _set(
    """
    below above under over beneath beyond outside out off sub exceeds exceed exceeding exceeded than from loss lost lack
    near close unter über unterhalb oberhalb außerhalb onder boven buiten sous hors bajo
    sobre fuera sotto sopra fuori abaixo acima fora
    """
)
_FILLERS = _set("the a an its their his of to der die das dem den het le la el il o")
#: "failed to return to normal"; without "to" they may be part of what recovered ("pump failed back to normal").
_FAILING = _set("fail fails failed failing refuses refused waiting yet")
#: Void the keyword they stand behind, in the same clause.
_AFTER = _set(
    """
    not never lost exceeded violated failed fails failure unavailable interrupted nicht niet pas ikke inte değil नहीं
    아님 않음 안됨
    """
)
#: Parts of the keyword's own word, or tied to it by a hyphen: "abnormal", "non-normal", "NotNormal", "ненормально".
_PREFIXES = _set("ab a an un non not no sub sup super hyper hypo in im dis o u ne nie não epä не 비 미 안 불")
_HYPHENED = _PREFIXES - _set("a an o u in im")
#: Scripts written without blanks: there a word has no visible ends.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_UNSPACED_BEFORE = (
    *("非", "不", "未", "没", "沒", "無", "无", "没有", "沒有", "尚未", "不再", "未能", "不能", "没能", "无法", "無法"),
    *("ไม่", "ไม่ได้", "ยังไม่", "ผิด"),
)
_UNSPACED_AFTER = re.compile(r"\s*(?:して|でき|では|で|じゃ|に戻ら|り)*(?:い?ない|な[いし]|い?ません|ありません|せ?ず)")

_CLAUSE_END = re.compile(r"[.,:](?!\d)|[;!?|،؛؟。、→⇒–—]|\s[-*]+\s|[-=]+>")
#: "pump no 3", "No. 3": a number, no negation.
_NUMBERED = re.compile(r"\bno(?=[.:#]?\s*\d)")
#: "<> normal", "level > normal", but not the arrow in "high -> normal".
_SIGN_BEFORE = re.compile(r"(?:(?<![-=>~])>|<>|<|!=|≠|[<>]=|[≥≤])\Z")
#: "normal -> high", "normal to alarm", "normal?", "normal: no", "normal = 0".
_SIGN_AFTER = re.compile(
    r"\s*(?:[-=~]*>|→|⇒|[?؟]|to\b|into\b|[:=]+\s*(?:no|not|false|0|off|nein|non|falsch|faux)\b\s*(?:[.,;!)\]\n|]|\Z))"
)
_APOSTROPHES = str.maketrans("\u2019\u02bc\u00b4`\uff07", "'''''")


def exempt_keyword(text: str, keywords: Sequence[str]) -> str:
    """Return the first of the keywords, as given, that exempts the text; "" if none does or one of them is voided.

    Keywords count as whole words, in any case; their blanks match any blanks, hyphens and underscores. In scripts
    without blanks (Chinese, Thai …) a keyword counts wherever it stands. docs/acknowledging.md tells users what voids.
    """
    if len(text) > MAX_TEXT_CHARS:
        return ""
    folded = _fold(text)
    exempting = ""
    for keyword in keywords:
        pattern = _pattern(keyword)
        for start, end in (found.span() for found in pattern.finditer(folded)) if pattern else ():
            if _is_voided(folded, start, end):
                return ""
            if not exempting and _is_whole(folded, start, end):
                exempting = keyword
    return exempting


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text.translate(_APOSTROPHES)).casefold()
    return plain if plain.isascii() else "".join(char for char in plain if unicodedata.category(char) != "Cf")


@lru_cache(maxsize=512)
def _pattern(keyword: str) -> re.Pattern[str] | None:
    words = _fold(keyword).split()
    return re.compile(r"[\s_-]+".join(map(re.escape, words))) if words else None


def _is_whole(folded: str, start: int, end: int) -> bool:
    """Whether the place is no part of a longer word. A hyphen behind it makes one, too: NORMAL_POS_1, normal-mode."""
    behind = folded[end : end + 2]
    if _is_one_word(folded[max(0, start - 1) : start], folded[start]) or _is_one_word(folded[end - 1], behind[:1]):
        return False
    return not (behind[:1] in {"-", "_"} and _is_wordlike(behind[1:]))


def _is_one_word(left: str, right: str) -> bool:
    return _is_wordlike(left) and _is_wordlike(right) and not (_UNSPACED.match(left) or _UNSPACED.match(right))


def _is_wordlike(char: str) -> bool:
    return char != "" and (char.isalnum() or unicodedata.category(char)[0] == "M")


def _is_voided(folded: str, start: int, end: int) -> bool:
    before, behind = folded[max(0, start - _LOOK_CHARS) : start], folded[end : end + _LOOK_CHARS]
    return (
        _is_prefixed(before)
        or _SIGN_BEFORE.search(before.rstrip()[-3:]) is not None
        or _SIGN_AFTER.match(behind) is not None
        or _UNSPACED_AFTER.match(behind) is not None
        or _is_negated(before)
        or not _AFTER.isdisjoint(_words(_CLAUSE_END.split(behind, maxsplit=1)[0])[:_REACH_AFTER])
    )


def _is_prefixed(before: str) -> bool:
    """``ab|normal``, ``non-|normal``, ``!|normal``, ``不|正常``."""
    if before.endswith(("!", "¬", "~")) or before.rstrip().endswith(_UNSPACED_BEFORE):
        return True
    tied = re.search(r"([^\W\d_]+)([-‐_]?)\Z", before[-12:])
    return tied is not None and tied[1] in (_HYPHENED if tied[2] else _PREFIXES)


def _is_negated(before: str) -> bool:
    words = _words(_CLAUSE_END.split(_NUMBERED.sub("#", before))[-1])[-_REACH_BEFORE:]
    if any(word in _NEGATIONS or word.endswith("n't") for word in words):
        return True
    if any(first in _FAILING and then == "to" for first, then in pairwise(words)):
        return True
    return next((word for word in reversed(words) if word not in _FILLERS), "") in _PLACES


def _words(clause: str) -> list[str]:
    return "".join(char if char == "'" or _is_wordlike(char) else " " for char in clause).split()
