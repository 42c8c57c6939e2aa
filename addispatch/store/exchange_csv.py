"""Recipients and groups as CSV, for spreadsheets: safe against formulas, idempotent, errors with line numbers.

Used by the command line (``addispatch directory import|export``). Cells with several values separate them by ``|``.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from addispatch.config.explain import did_you_mean
from addispatch.domain.errors import ConfigError, ConfigErrors
from addispatch.store.directory_fields import folded, spelled
from addispatch.store.exchange import Document, decoded

#: The columns of a file by table, in the order written.
COLUMNS = {
    "recipient": (
        "name", "sms", "phone", "email", "chat", "language", "department", "enabled", "policy", "channels", "mode",
        "step_after_s",
    ),
    "group": ("name", "members", "policy"),
}  # fmt: skip
_LISTS = {"email", "chat", "channels", "members"}
_SEPARATOR = "|"

#: A spreadsheet takes a cell that begins so as a formula; a leading apostrophe makes it text (OWASP, CSV injection).
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r]")
_SWITCHES = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class CsvDocument:
    """What a CSV file says, as a document with one table, and the line each entry began in."""

    table: str
    document: Document
    lines: tuple[int, ...]

    def place(self, path: str) -> str:
        """Say where in the file a path such as ``recipient[3].sms`` is: ``line 5: sms``."""
        match = re.fullmatch(rf"{self.table}\[(\d+)\]\.?(.*)", path)
        return f"line {self.lines[int(match[1])]}: {match[2] or 'entry'}" if match else path


def from_csv(data: bytes, current: Document, file: str = "directory.csv") -> CsvDocument:
    """Read recipients or groups (those have a column ``members``); raises ``ConfigErrors`` with line numbers.

    UTF-8, with or without byte order mark; ``,``, ``;`` or TAB between cells. ``current`` is the directory as exported:
    columns the file does not have keep their values, an empty cell empties them.
    """
    text = decoded(data, file)
    delimiter = max(_DELIMITERS, key=text.partition("\n")[0].count)
    rows = _rows(text, delimiter, file)
    header = [cell.strip().lower() for cell in next(rows, (1, []))[1]]
    table = "group" if "members" in header else "recipient"
    errors = list(_header_errors(header, table))
    known = {folded(entry["name"]): entry for entry in current.get(table, ())}
    entries: list[dict[str, Any]] = []
    lines: list[int] = []
    for line, cells in () if errors else rows:
        if len(cells) > len(header):
            errors.append(ConfigError(f"line {line}", f"{len(cells)} cells, but the header has {len(header)}"))
            continue
        given = dict(zip(header, cells + [""] * (len(header) - len(cells)), strict=True))
        name = spelled(_plain(given["name"]))
        entry = {key: value for key, value in known.get(folded(name), {}).items() if key not in given}
        errors += _read_cells(entry, given, line)
        entries.append({**entry, "name": name})
        lines.append(line)
    if errors:
        raise ConfigErrors(errors)
    return CsvDocument(table, {table: entries}, tuple(lines))


def to_csv(document: Document, table: str) -> str:
    """Write one table, ``recipient`` or ``group``, with a header line; numbers get an apostrophe as formulas do."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS[table])
    for entry in document.get(table, ()):
        writer.writerow([_cell(entry.get(column, "")) for column in COLUMNS[table]])
    return out.getvalue()


def _rows(text: str, delimiter: str, file: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not blank with the line it begins in."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise ConfigErrors([ConfigError(file, f"line {line}: is no valid CSV: {error}")]) from None


def _header_errors(header: list[str], table: str) -> Iterator[ConfigError]:
    columns = COLUMNS[table]
    for index, name in enumerate(header):
        if name not in columns:
            yield ConfigError("line 1", f"unknown column {name!r}", did_you_mean(name, columns))
        elif name in header[:index]:
            yield ConfigError("line 1", f"column {name!r} is there twice")
    if "name" not in header:
        yield ConfigError("line 1", "has no column 'name'", "the first line must name the columns")


def _read_cells(entry: dict[str, Any], given: dict[str, str], line: int) -> Iterator[ConfigError]:
    """Put what the cells say into the entry; an empty cell means the default, so it says nothing."""
    for column, raw in given.items():
        cell = _plain(raw).strip()
        if not cell:
            continue
        if column in _LISTS:
            entry[column] = [part for item in cell.split(_SEPARATOR) if (part := item.strip())]
        elif column == "enabled":
            entry[column] = _SWITCHES.get(cell.lower())
            if entry[column] is None:
                yield ConfigError(f"line {line}: enabled", f"{cell!r} is neither yes nor no")
        else:
            entry[column] = cell


def _plain(cell: str) -> str:
    return cell[1:] if _ESCAPED.match(cell) else cell


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, list):
        text = _SEPARATOR.join(value)
    elif isinstance(value, float):
        text = f"{value:.15g}"
    else:
        text = str(value)
    return f"'{text}" if _FORMULA.match(text) else text
