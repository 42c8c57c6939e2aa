"""Codes people acknowledge with: a letter and digits, like ``A123``. Given out by ``pipeline.enqueue``."""

from __future__ import annotations

from collections.abc import Callable

#: No I and O: they read as 1 and 0.
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
#: First letters by the node's rank, so that two nodes never issue the same code (CLUSTER, ENTRY).
FIRST_LETTERS = ("ABCDEFGHJKLM", "NPQRSTUVWXYZ")


def new_code(
    pick: Callable[[int], int], is_taken: Callable[[str], bool], *, rank: int = 0, in_use_count: int = 0
) -> str:
    """Return a random free code. ``pick(n)`` returns a random number below n.

    Starts with a letter and three digits; grows by a digit or letter when half of a size is in use, or no free one is
    found in a few tries: an alarm never waits for a code.
    """
    for letters, digits in ((1, 3), (1, 4), (2, 4), (2, 5)):
        first = FIRST_LETTERS[rank]
        size = len(first) * len(LETTERS) ** (letters - 1) * 10**digits
        if in_use_count * 2 >= size:
            continue
        for _ in range(8):
            head = first[pick(len(first))] + "".join(LETTERS[pick(len(LETTERS))] for _ in range(letters - 1))
            code = f"{head}{pick(10**digits):0{digits}d}"
            if not is_taken(code):
                return code
    raise OverflowError("no free code")  # over 6 million codes in use
