"""What the demo shows: steps, phones, mails, the PLC. Plain ANSI colours, none without a terminal or with NO_COLOR."""

from __future__ import annotations

import os
import shutil
import sys

from addispatch.cli.text import cut, fold, width, wrap

_CODES = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "dim": "2", "bold": "1"}
#: Widest bubble, and where what somebody writes himself begins, in columns; a narrow terminal gets less of both.
_BUBBLE, _MINE = 50, 24


class Screen:
    """Prints to standard output; ``line`` overwrites itself only on a terminal."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._is_coloured = self._is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._is_open = False

    def colour(self, text: str, name: str) -> str:
        """Return the text coloured."""
        return f"\033[{_CODES[name]}m{text}\033[0m" if self._is_coloured else text

    def say(self, text: str = "") -> None:
        """Print a line."""
        self._clear()
        print(fold(text), flush=True)  # noqa: T201

    def title(self, text: str) -> None:
        """Print a heading."""
        self.say()
        self.say(self.colour(text, "bold"))

    def command(self, *parts: str) -> None:
        """Show a command to be copied; one that is too long goes on behind a backslash, as a shell reads it."""
        lines, columns = [f"  {parts[0]}"], _columns()
        for part in parts[1:]:
            if len(lines[-1]) + len(part) + len("  \\") <= columns:
                lines[-1] += f" {part}"
            else:
                lines[-1] += " \\"
                lines.append(f"    {part}")
        self._clear()
        for line in lines:
            print(self.colour(line, "cyan"), flush=True)  # noqa: T201

    def progress(self, text: str) -> None:
        """Show what is going on; the next line takes its place on a terminal."""
        if self._is_terminal:
            sys.stdout.write(f"\r\033[K{self.colour('…', 'yellow')} {cut(text, _columns() - 3)}")
            sys.stdout.flush()
            self._is_open = True
        else:
            self.say(f"… {text}")

    def done(self, text: str) -> None:
        """Show a step that succeeded."""
        self.say(f"{self.colour('✔', 'green')} {text}")

    def failed(self, text: str) -> None:
        """Show a step that did not."""
        self.say(f"{self.colour('✘', 'red')} {text}")

    def bubble(self, who: str, text: str, *, colour: str, mine: bool = False) -> None:
        """Draw a message as a phone or mail program shows it; ``mine`` on the right, for what a person writes."""
        inside = min(_BUBBLE, _columns() - 8) - 4
        indent = " " * (min(_MINE, _columns() - inside - 4) if mine else 4)
        side = self.colour("│", colour)
        self.say(f"{indent}{self.colour(who, 'bold')}")
        self.say(indent + self.colour("╭" + "─" * (inside + 2) + "╮", colour))
        for line in [part for paragraph in text.splitlines() for part in wrap(paragraph, inside)]:
            self.say(f"{indent}{side} {line}{' ' * (inside - width(line))} {side}")
        self.say(indent + self.colour("╰" + "─" * (inside + 2) + "╯", colour))

    def _clear(self) -> None:
        if self._is_open:
            sys.stdout.write("\r\033[K")
            self._is_open = False


def _columns() -> int:
    return max(shutil.get_terminal_size().columns, 20)
