"""HTML to plain text: quotes marked with ``>``, what surely follows the new text cut off. Used by ``letter``.

How mail programs mark what they quote was read from what they send: class and id names are theirs, not a standard's.
"""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

#: Most HTML that is read, and the longest tag, in characters.
MAX_CHARS, MAX_TAG_CHARS = 262_144, 4000
MAX_SHOWN_DEPTH = 5

_BREAKS = frozenset({
    "p", "div", "br", "tr", "table", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "section",
    "article", "header", "footer", "center", "form", "dl", "dt", "dd", "address",
})  # fmt: skip
_IGNORED = frozenset({
    "script", "style", "head", "title", "template", "noscript", "object", "svg", "select", "textarea",
})  # fmt: skip
_VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
})  # fmt: skip
#: Elements that hold a quote: Gmail, Yahoo, Proton, Tuta, Zoho, Thunderbird, QQ, NetEase, Spark, Front.
_QUOTES = re.compile(
    r"\b(?:gmail_quote(?:_container)?|gmail_extra|yahoo_quoted|protonmail_quote|tutanota_quote|zmail_extra"
    r"|moz-cite-prefix|moz-email-headers-table|moz-forward-container|qmbox|ntes_not_fresh_mail|isreplycontent"
    r"|spark_quote|front-blockquote)\b"
)
#: Elements after which all is quote: Outlook for web, desktop, mobile and Mac.
_ENDS = re.compile(
    r"\b(?:(?:x_)*divrplyfwdmsg|(?:x_)*appendonsend|mail-editor-reference-message-container|olk_src_body_section"
    r"|stopspelling|outlookmessageheader|ms-outlook-mobile-reference-message)\b"
)
#: Signatures, and what a safety filter puts above a text.
_SIGNATURES = re.compile(
    r"\b(?:gmail_signature(?:_prefix)?|(?:x_)*signature|ms-outlook-mobile-signature|moz-signature|yahoo-signature"
    r"|ymail_android_signature|protonmail_signature_block|tutanota_signature|composer_signature|k9mail-signature"
    r"|applemailsignature|ydp\w{0,20}signature)\b"
)
#: The line Outlook for desktop draws above "From: … Sent: …".
_OUTLOOK_LINE = re.compile(r"border-top:\s*solid\s+#?\w+\s+1\.0pt")
_TAG = re.compile(r"</?[A-Za-z]|<[!?]")
_RAW = re.compile(r"<(script|style|title|textarea)\b", re.IGNORECASE)
_HIDDEN = re.compile(r"display:\s*none|mso-hide:\s*all|visibility:\s*hidden")


def html_to_text(html: str) -> str:
    """Return the text; lines of a quote begin with ``> ``. Never raises; linear in the length.

    html.parser alone looks at the rest again at each tag without an end: minutes for some nonsense of this length. So
    the tags are found here, and it reads them one by one.
    """
    html = html[:MAX_CHARS]
    reader = _Reader()
    at = 0
    while at < len(html) and not reader.ended:
        start = html.find("<", at)
        if start < 0:
            break
        reader.handle_data(unescape(html[at:start]))
        at = _read_tag(reader, html, start)
    else:
        at = len(html)
    reader.handle_data(unescape(html[at:]))
    return reader.text()


def _read_tag(reader: _Reader, html: str, start: int) -> int:
    """Read what begins with ``<`` and return where to go on."""
    if html.startswith("<!--", start):
        end = html.find("-->", start + 4)
        return end + 3 if end >= 0 else len(html)
    if not _TAG.match(html, start):
        reader.handle_data("<")
        return start + 1
    end = html.find(">", start)
    if end < 0:
        return len(html)
    tag = html[start : end + 1]
    if len(tag) <= MAX_TAG_CHARS:
        try:
            reader.feed(tag)
        except (AssertionError, ValueError):
            # html.parser gives up on some declarations.
            reader.reset()
        # A quoted ">" leaves half a tag: what is known of it would be wrong, so it is none.
        reader.rawdata = ""
        raw = _RAW.match(tag)
        if raw:
            reader.clear_cdata_mode()
            close = re.compile(rf"</{raw[1]}", re.IGNORECASE).search(html, end)
            return close.start() if close else len(html)
    return end + 1


class _Reader(HTMLParser):
    """Collects lines; knows how deep it is in quotes and in what is skipped."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.ended = False
        self._lines: list[str] = []
        self._line: list[str] = []
        # Open elements that quote or are skipped, as (tag, quotes), and how many of that tag are open since.
        self._open: list[tuple[str, bool]] = []
        self._nested: list[int] = []
        self._quote_count = self._skip_count = 0

    def text(self) -> str:
        """Return all lines."""
        self._break()
        return "\n".join(self._lines)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look whether something to cut, mark or skip begins."""
        if self.ended:
            return
        values = {name: (value or "").lower()[:500] for name, value in attrs}
        names = f"{values.get('id', '')} {values.get('class', '')} {values.get('data-smartmail', '')}"
        style = values.get("style", "")
        if _ENDS.search(names) or tag == "hr" or (tag == "div" and _OUTLOOK_LINE.search(style)):
            self._end()
            return
        if tag in _BREAKS:
            self._break()
        if tag in _VOID:
            return
        if tag == "blockquote" or _QUOTES.search(names):
            self._enter(tag, quotes=True)
        elif tag in _IGNORED or _HIDDEN.search(style) or _SIGNATURES.search(names):
            self._enter(tag, quotes=False)
        elif self._open and self._open[-1][0] == tag:
            self._nested[-1] += 1

    def handle_endtag(self, tag: str) -> None:
        """Look whether a quote or a skipped element ends."""
        if self.ended:
            return
        if tag in _BREAKS or tag == "blockquote":
            self._break()
        if tag == "p":
            self._blank()
        if not self._open or self._open[-1][0] != tag:
            return
        self._nested[-1] -= 1
        if self._nested[-1] == 0:
            self._nested.pop()
            self._break()
            _tag, quotes = self._open.pop()
            if quotes:
                self._quote_count -= 1
                self._blank()
            else:
                self._skip_count -= 1

    def handle_data(self, data: str) -> None:
        """Add text."""
        if data and not self.ended and not self._skip_count:
            self._line.append(data)

    def _enter(self, tag: str, *, quotes: bool) -> None:
        self._break()
        self._open.append((tag, quotes))
        self._nested.append(1)
        self._quote_count += quotes
        self._skip_count += not quotes

    def _end(self) -> None:
        """All that follows is a quote: leave one mark of it."""
        self._break()
        self._lines.append("________________________________")
        self.ended = True

    def _break(self) -> None:
        """End the line if there is one; white space is one space."""
        if not self._line:
            return
        line, self._line = " ".join("".join(self._line).split()), []
        if line:
            self._lines.append("> " * min(self._quote_count, MAX_SHOWN_DEPTH) + line)
        else:
            self._blank()

    def _blank(self) -> None:
        if self._lines and self._lines[-1]:
            self._lines.append("")
