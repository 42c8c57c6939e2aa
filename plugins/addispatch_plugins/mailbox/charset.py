"""From bytes to text, whatever the charset says. Used by ``headers`` and ``letter``."""

from __future__ import annotations

import codecs
import re

#: What programs call one thing and mean a larger one by (WHATWG Encoding Standard 4.2).
_MEANT = {
    "gb2312": "gb18030", "gbk": "gb18030", "iso8859-1": "cp1252", "ascii": "cp1252", "iso8859-9": "cp1254",
    "euc_kr": "cp949", "shift_jis": "cp932", "tis-620": "cp874", "big5": "big5hkscs",
}  # fmt: skip
_ALIASES = {
    "ks_c_5601-1987": "cp949",
    "x-sjis": "cp932",
    "x-gbk": "gb18030",
    "windows-874": "cp874",
    "iso-8859-8-i": "iso8859-8",
}
#: Python codecs that are no charsets, or cost more than they should.
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"})
#: In these UTF-8 text is hardly ever valid, and the other way round: what is declared goes first.
_MULTI_BYTE = re.compile(r"gb18030|hz|big5|cp9(32|49|50)|euc|iso2022|johab|shift|utf_(16|32|7)")


def decode(raw: bytes, declared: str) -> str:
    """Return the text; never raises. UTF-8 is tried first where the declared charset cannot tell right from wrong."""
    name = _codec(declared)
    order = [name, "utf-8"] if _MULTI_BYTE.match(name) else ["utf-8", name]
    for charset in order:
        try:
            return raw.decode(charset)
        except (UnicodeError, LookupError):
            continue
    return raw.decode("cp1252" if order[0] == "utf-8" else order[0], "replace")


def _codec(declared: str) -> str:
    wanted = declared.strip(" \"'").lower()
    try:
        codec = codecs.lookup(_ALIASES.get(wanted, wanted))
        b"".decode(codec.name)  # raises LookupError for codecs that are no charsets
    except (LookupError, ValueError, UnicodeError):
        return "cp1252"
    return "cp1252" if codec.name in _NO_CHARSETS else _MEANT.get(codec.name, codec.name)
