"""Web addresses in configurations: one check for all plugins that have some."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit


def web_address(text: str, *, instead: str = "") -> SplitResult:
    """Return the parts of an ``http`` or ``https`` address; raises ``ValueError`` with what is wrong.

    ``instead`` says what to do where somebody writes user and password into it.
    """
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("must be one line of ASCII characters without blanks")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("is no web address: write https://host/path") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError("must begin with https:// or http:// and name a host")
    if "@" in parts.netloc:
        raise ValueError("user and password in the address are not supported" + (f": {instead}" if instead else ""))
    return parts
