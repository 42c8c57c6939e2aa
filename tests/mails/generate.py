"""Writes the corpus of mails (*.eml) and what is expected of each (expected.toml): python tests/mails/generate.py.

All are written by hand after the habits of the programs they name; none is anybody's mail. The files are checked in, so
that a change here shows. Tokens are fakes of the right length.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from corpus.kit import MAILS

HERE = Path(__file__).parent

for family in sorted((HERE / "corpus").glob("[a-z]*.py")):
    importlib.import_module(f"corpus.{family.stem}")


def table() -> str:
    lines = ["# What is expected of each mail here. Written by generate.py; texts were thought out, not computed.\n"]
    for name, (_raw, expected) in sorted(MAILS.items()):
        lines.append(f"[{name}]")
        for key, value in expected.items():
            text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            lines.append(f"{key} = {value}" if isinstance(value, int) else f'{key} = "{text}"')
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    for old in HERE.glob("*.eml"):
        old.unlink()
    for name, (raw, _expected) in MAILS.items():
        (HERE / f"{name}.eml").write_bytes(raw)
    (HERE / "expected.toml").write_text(table())
