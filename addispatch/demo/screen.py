"""What the demo shows: steps, phones, mails, the PLC. Plain ANSI colours, none without a terminal or with NO_COLOR."""

from __future__ import annotations

import os
import sys
import textwrap

_CODES = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "dim": "2", "bold": "1"}
_WIDTH = 46


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
        self._close()
        print(text, flush=True)  # noqa: T201

    def title(self, text: str) -> None:
        """Print a heading."""
        self.say()
        self.say(self.colour(text, "bold"))

    def progress(self, text: str) -> None:
        """Show what is going on; the next line takes its place on a terminal."""
        if self._is_terminal:
            sys.stdout.write(f"\r\033[K{self.colour('…', 'yellow')} {text}")
            sys.stdout.flush()
            self._is_open = True
        else:
            self.say(f"… {text}")

    def done(self, text: str) -> None:
        """Show a step that succeeded."""
        self._replace(f"{self.colour('✔', 'green')} {text}")

    def failed(self, text: str) -> None:
        """Show a step that did not."""
        self._replace(f"{self.colour('✘', 'red')} {text}")

    def bubble(self, who: str, text: str, *, colour: str, mine: bool = False) -> None:
        """Draw a message as a phone or mail program shows it; ``mine`` on the right, for what a person writes."""
        indent = " " * (24 if mine else 4)
        lines = [piece for line in text.splitlines() for piece in textwrap.wrap(line, _WIDTH - 4) or [""]]
        self.say(f"{indent}{self.colour(who, 'bold')}")
        self.say(indent + self.colour("╭" + "─" * (_WIDTH - 2) + "╮", colour))
        for line in lines:
            side = self.colour("│", colour)
            self.say(f"{indent}{side} {line:<{_WIDTH - 4}} {side}")
        self.say(indent + self.colour("╰" + "─" * (_WIDTH - 2) + "╯", colour))

    def _replace(self, text: str) -> None:
        if self._is_open:
            sys.stdout.write("\r\033[K")
            self._is_open = False
        self.say(text)

    def _close(self) -> None:
        if self._is_open:
            sys.stdout.write("\n")
            self._is_open = False
