"""What a node remembers of each entry for the mirror: its digest, the other node's, and when it last spoke of it.

Only entries that are open or not known to be on both nodes are here, so memory follows the work, not the history.
Pure; used by ``node``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.cluster.waits import Questions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from addispatch.cluster.events import Change
    from addispatch.domain.case import Owner

_LONG_AGO_S = float("-inf")
#: What was asked of the store, and is not there after so long, is asked of it again.
LOST_S = 10.0
#: An entry is not sent whole again within this time, in the end, while the other node does not confirm it.
RARELY_S = 4.0
#: So many questions about an entry follow each other without delay: messages get lost. Then the other node is slow.
SOON_COUNT = 4


class Row:
    """One entry.

    ``spoke_s``: when we last sent or asked about it, ``asked_count``: how often in vain, ``asked``: in which state;
    ``was_clean``: the other node, as it is now, has had it as we did; ``is_common``: it has spoken of it, now or before
    it started anew; ``given_s``: when it last went over by us;
    ``watched_s``: since when we see a message of it under way; ``read_s``: since when it is read from the store to be
    sent whole.
    """

    __slots__ = (
        "asked", "asked_count", "claimed_s", "digest", "given_s", "is_common", "is_open", "needs", "owner", "read_s",
        "spoke_s", "theirs", "told", "told_count", "told_s", "under_way", "was_clean", "watched_s",
    )  # fmt: skip

    def __init__(self, change: Change) -> None:
        self.theirs: int | None = None
        self.spoke_s = self.given_s = self.claimed_s = self.read_s = self.told_s = _LONG_AGO_S
        self.told: int | None = None
        self.asked: int | None = None
        self.told_count = self.asked_count = 0
        self.was_clean = self.is_common = False
        self.watched_s: float | None = None
        self.update(change)

    def update(self, change: Change) -> None:
        """Take in the entry as it is now."""
        self.digest, self.owner, self.is_open = change.digest, change.owner, change.is_open
        self.needs, self.under_way = change.needs, change.under_way

    digest: int
    owner: Owner
    is_open: bool
    needs: frozenset[str]
    under_way: bool

    @property
    def is_clean(self) -> bool:
        """Whether the other node, as it is now, has exactly this."""
        return self.theirs == self.digest

    @property
    def answer_counts(self) -> bool:
        """Whether an answer is about its state as it is now, or the other node lacks more than what came since."""
        return self.asked == self.digest or not self.was_clean

    def wait_if_new(self, now_s: float) -> None:
        """What came from the other node is not spoken of at once: more of it may be on the way."""
        if not self.is_clean and self.spoke_s == _LONG_AGO_S:
            self.spoke_s = now_s

    def may_tell(self, now_s: float, resend_s: float) -> bool:
        """Whether it may be read and sent whole.

        Not while that is under way, and ever less often while the other node does not confirm it: a node that is busy
        with what it got would only get more of the same.
        """
        if now_s - self.read_s < LOST_S:
            return False
        if self.told != self.digest:
            return True
        return now_s - self.told_s >= min(resend_s * float(2 ** max(self.told_count - 2, 0)), RARELY_S)

    def tell(self, now_s: float) -> None:
        """It was read and is sent whole."""
        self.told_count = min(self.told_count + 1, 16) if self.told == self.digest else 1
        self.told, self.told_s, self.read_s = self.digest, now_s, _LONG_AGO_S

    def forget_told(self) -> None:
        """What was sent may not have come, or came to somebody else."""
        self.told, self.spoke_s, self.asked_count = None, _LONG_AGO_S, 0


class Entries:
    """All of them; keeps the ones that are not clean and the foreign ones apart, for those are looked at often."""

    def __init__(self, store: str) -> None:
        self._store = store
        self._rows: dict[str, Row] = {}
        #: Not clean, in the order in which they became so.
        self.unclean: dict[str, Row] = {}
        #: What there was when the nodes met, or came before each could send, and the other one has not confirmed since.
        #: New ones do not count: under load there are always some.
        self.owed: set[str] = set()
        #: Open, and sent for by another store.
        self.foreign: dict[str, Row] = {}
        #: Open, sent for by this store, with a message under way.
        self._sending: dict[str, Row] = {}
        #: What the other node asks about them.
        self.questions = Questions()

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._rows)

    def get(self, ident: str) -> Row | None:
        """One of them, or None."""
        return self._rows.get(ident)

    def mine(self) -> Iterator[tuple[str, Row]]:
        """The open ones this node sends for."""
        return ((ident, row) for ident, row in self._rows.items() if row.is_open and ident not in self.foreign)

    def put(self, change: Change) -> Row:
        """Take in an entry as it is now."""
        row = self._rows.get(change.id)
        if row is None:
            row = self._rows[change.id] = Row(change)
        else:
            row.update(change)
        if row.is_open and row.owner.store != self._store:
            self.foreign[change.id] = row
        else:
            self.foreign.pop(change.id, None)
        if row.is_open and row.under_way and change.id not in self.foreign:
            self._sending[change.id] = row
        else:
            self._sending.pop(change.id, None)
            row.watched_s = None
        self._sort(change.id, row)
        return row

    def in_doubt(self, now_s: float, after_s: float) -> list[str]:
        """Those of ours that have a message under way for so long: it may be in nobody's hands."""
        due = []
        for ident, row in self._sending.items():
            if row.watched_s is None:
                row.watched_s = now_s
            elif now_s - row.watched_s >= after_s:
                row.watched_s = now_s
                due.append(ident)
        return due

    def ask(self, now_s: float, every_s: float, most: int, is_wanted: Callable[[Row], bool]) -> list[tuple[str, int]]:
        """Return id and digest of those to ask about now; each ever more rarely, after a few times in vain."""
        due: list[tuple[str, int]] = []
        for ident, row in self.unclean.items():
            wait_s = min(every_s * float(2 ** max(row.asked_count - SOON_COUNT, 0)), RARELY_S)
            if now_s - row.spoke_s >= wait_s and is_wanted(row):
                row.spoke_s, row.asked, row.asked_count = now_s, row.digest, min(row.asked_count + 1, 16)
                due.append((ident, row.digest))
                if len(due) >= most:
                    break
        return due

    def theirs(self, ident: str, row: Row, digest: int) -> bool:
        """The other node has told its digest; True if the entry is on both now and need not be remembered."""
        row.theirs, row.is_common = digest, True
        return self._sort(ident, row)

    def _sort(self, ident: str, row: Row) -> bool:
        if not row.is_clean:
            self.unclean[ident] = row
            return False
        self.unclean.pop(ident, None)
        self.owed.discard(ident)
        row.asked_count, row.was_clean = 0, True
        if row.is_open:
            return False
        del self._rows[ident]
        return True

    def forget_theirs(self) -> None:
        """The other node, or we, started anew: nothing is known to be there."""
        self.questions.forget()
        self.owed = set(self._rows)
        for ident, row in self._rows.items():
            row.theirs, row.was_clean = None, False
            row.forget_told()
            self.unclean[ident] = row
