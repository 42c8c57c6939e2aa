"""Codes people acknowledge with: a letter and digits, like ``A123``. Given out by ``pipeline.enqueue``."""

from __future__ import annotations

from collections.abc import Callable

#: No I and O: they read as 1 and 0.
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
#: First letters by the node's rank, so that two nodes never issue the same code (CLUSTER, ENTRY).
FIRST_LETTERS = ("ABCDEFGHJKLM", "NPQRSTUVWXYZ")


def new_code(pick: Callable[[int], int], is_taken: Callable[[str], bool], *, rank: int = 0) -> str:
    """Return a random free code. ``pick(n)`` returns a random number below n.

    Starts with a letter and three digits and grows by a digit or letter the likelier the fuller a size is: an alarm
    never waits for a code.
    """
    first = FIRST_LETTERS[rank]
    for letters, digits in ((1, 3), (1, 4), (2, 4), (2, 5)):
        for _ in range(3):
            head = first[pick(len(first))] + "".join(LETTERS[pick(len(LETTERS))] for _ in range(letters - 1))
            code = f"{head}{pick(10**digits):0{digits}d}"
            if not is_taken(code):
                return code
    raise OverflowError("no free code")  # millions of codes in use
