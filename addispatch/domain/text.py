"""SMS text: the GSM 7-bit alphabet, folding to it, and segment counting (3GPP TS 23.038 6.2.1, TS 23.040 9.2.3.24)."""

from __future__ import annotations

import unicodedata

#: GSM 7-bit default alphabet, one septet each.
GSM7_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: Extension table: two septets each.
GSM7_EXTENDED = frozenset("^{}\\[~]|€\f")
_GSM7 = GSM7_BASIC | GSM7_EXTENDED
_PLAIN_ASCII = frozenset(c for c in map(chr, range(128)) if c in GSM7_BASIC)

#: Signs that mean the same in the GSM alphabet: folding them loses nothing that matters.
_FOLDS = str.maketrans(
    {
        "‘": "'", "’": "'", "‚": "'", "‛": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "`": "'", "´": "'",
        "–": "-", "—": "-", "‐": "-", "‑": "-", "−": "-", "…": "...", "\u00a0": " ", "\u2009": " ", "\u202f": " ",
        "\t": " ", "•": "*", "·": ".", "×": "x", "→": "->", "≤": "<=", "≥": ">=", "\u200b": "", "\ufeff": "",
        "°": "\u00b0", "º": "\u00b0",
    }
)  # fmt: skip

SINGLE_GSM7, PART_GSM7 = 160, 153
SINGLE_UCS2, PART_UCS2 = 70, 67


def is_gsm7(text: str) -> bool:
    """Whether every character is in the GSM 7-bit alphabet or its extension table."""
    return _GSM7.issuperset(text)


def fold_to_gsm7(text: str) -> str:
    """Replace quotes, dashes and the like by their GSM 7-bit counterparts if the whole text then fits the alphabet.

    Otherwise the text comes back as it was: it costs UCS-2 anyway, so nothing is taken from it. The degree sign is
    dropped before C and F (``25 °C`` becomes ``25 C``).
    """
    if _GSM7.issuperset(text):
        return text
    folded = text.translate(_FOLDS)
    for unit in ("\u00b0C", "\u00b0F"):
        folded = folded.replace(unit, unit[1])
    folded = unicodedata.normalize("NFC", folded)
    return folded if _GSM7.issuperset(folded) else text


def septet_count(text: str) -> int:
    """Length in septets; only for text in the alphabet."""
    return len(text) + sum(text.count(c) for c in GSM7_EXTENDED)


def segment_count(text: str) -> int:
    """How many SMS segments the text costs: 160/153 septets, or 70/67 UTF-16 units when it needs UCS-2.

    An escape pair or surrogate pair is never split over two segments, so the parts are counted one by one.
    """
    if text.isascii() and len(text) <= 80:
        if _PLAIN_ASCII.issuperset(text) or _GSM7.issuperset(text):
            return 1
    elif _GSM7.issuperset(text) and septet_count(text) <= SINGLE_GSM7:
        return 1
    return len(split_segments(text))


def split_segments(text: str) -> list[str]:
    """Cut the text into the segments a phone will put together again; the first fits alone if there is just one."""
    if _GSM7.issuperset(text):
        single, part, extended = SINGLE_GSM7, PART_GSM7, GSM7_EXTENDED
        sizes = [2 if c in extended else 1 for c in text]
    else:
        single, part = SINGLE_UCS2, PART_UCS2
        sizes = [2 if ord(c) > 0xFFFF else 1 for c in text]
    if sum(sizes) <= single:
        return [text]
    segments: list[str] = []
    start = used = 0
    for index, size in enumerate(sizes):
        if used + size > part:
            segments.append(text[start:index])
            start, used = index, 0
        used += size
    segments.append(text[start:])
    return segments


def fit_sms(text: str, most: int) -> str:
    """Return the text as an SMS carries it: in the alphabet of phones if nothing that matters is lost, and cut."""
    return cut_to_segments(fold_to_gsm7(text), most)


def cut_to_segments(text: str, most: int) -> str:
    """Shorten the text to at most ``most`` segments, ending in ``...``."""
    if segment_count(text) <= most:
        return text
    kept = "".join(split_segments(text)[:most])
    while kept and segment_count(kept + "...") > most:
        kept = kept[:-1]
    return kept.rstrip() + "..."
