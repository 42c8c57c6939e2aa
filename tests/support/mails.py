"""The corpus of mails in tests/mails with what is expected of each. Used by the tests of the mailbox plugin."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "mails"
EXPECTED: dict[str, dict[str, Any]] = tomllib.loads((FOLDER / "expected.toml").read_text())
#: The fake tokens in the corpus: of the mail answered, and of an older one.
TOKEN, OLDER_TOKEN = "Tok3n-One_" * 5 + "abcdef", "tOk3N_Two-" * 5 + "uvwxyz"


def raw_mail(name: str) -> bytes:
    """Return a mail of the corpus as it goes over the wire, with CRLF."""
    return (FOLDER / f"{name}.eml").read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
