"""Acknowledges, declines and comments on cases, in the ledger's transaction; the one place that does (SPEC 5.3, 5.4).

Called by ``engine.replies`` for messages people sent, by ``engine.answering`` for links, console, CLI, HTTP and MQTT.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from addispatch.domain.case import Case, CaseState, Note
from addispatch.domain.case_state import Answer, asks, contacted, policy_of, roll_call
from addispatch.domain.delivery import Kind
from addispatch.domain.events import CaseAcknowledged, CaseCommented, CaseDeclined
from addispatch.engine.notices import ack_notice, already, comment_notice
from addispatch.pipeline import notice
from addispatch.pipeline.ask import footnote, question_of, without_footnote
from addispatch.pipeline.check import clean_text
from addispatch.pipeline.withdraw import withdraw
from addispatch.store import lookup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from addispatch.pipeline.desk import Desk
    from addispatch.store.transaction import Entry, Transaction

#: How long a case with a key stays acknowledged without returning to normal (SPEC, Objects).
KEPT_ACKNOWLEDGED_MS = 24 * 3_600_000
#: A late answer to a recall waits so long for others before the report goes out again.
REPORT_AGAIN_MS = 60_000
#: Longest comment that is kept, in characters.
MOST_COMMENT_CHARS = 500


class Action(StrEnum):
    """What somebody does about a case."""

    ACK = "ack"
    DECLINE = "decline"
    COMMENT = "comment"


class Result(StrEnum):
    """What it came to."""

    ACKNOWLEDGED = "acknowledged"
    DECLINED = "declined"
    COMMENTED = "commented"
    ALREADY = "already"
    REFUSED = "refused"


class Who(NamedTuple):
    """Who acts: recipients (several share a number) or, with none, an operator on behalf of all; and by what way."""

    ids: tuple[str, ...]
    name: str
    via: str

    @property
    def by(self) -> str:
        """How notes name him."""
        return self.ids[0] if self.ids else self.name


class Said(NamedTuple):
    """The result for one case, with the sentence for the one who acted."""

    entry: Entry
    result: Result
    answer: str


class Occasion:
    """One act, on one or more cases: those who know of several of them are told once."""

    def __init__(self, transaction: Transaction, desk: Desk, who: Who, now_ms: int) -> None:
        self._transaction, self._desk, self._who, self._now_ms = transaction, desk, who, now_ms
        self._told: set[tuple[str, str]] = set()

    def act(self, entry: Entry, action: Action, comment: str = "") -> Said:
        """Do it. Nobody's permission is asked here: the caller knows who may."""
        comment = " ".join(clean_text(comment).split())[:MOST_COMMENT_CHARS]
        if action is Action.ACK:
            return self._acknowledge(entry, comment)
        if action is Action.DECLINE:
            return self._decline(entry, comment)
        return self._comment(entry, comment)

    # -- acknowledging -----------------------------------------------------------------------------------------------

    def _acknowledge(self, entry: Entry, comment: str) -> Said:
        if policy_of(entry.case).is_recall:
            return self._acknowledge_recall(entry, comment)
        if entry.state[0] is not CaseState.OPEN:
            return self._late(entry, comment)
        note = self._note(self._who.by, self._who.name, comment)
        self._join(entry, Case(id=entry.case.id, acks=frozenset((note,))))
        self._event(entry, CaseAcknowledged, note)
        self._stop_asking(entry, note)
        if entry.case.head and entry.case.head.key:
            self._transaction.set_close(entry, self._now_ms + KEPT_ACKNOWLEDGED_MS)
        if policy_of(entry.case).notify_contacted:
            self._tell_others(entry, ack_notice(entry.code, entry.case, note), note.by)
        return Said(entry, Result.ACKNOWLEDGED, f"Thank you, {self._who.name}. {entry.code} is acknowledged.")

    def _acknowledge_recall(self, entry: Entry, comment: str) -> Said:
        """Everyone for himself; a late answer counts, too, and brings the report up to date."""
        answers = roll_call(entry.case)
        members = [who for who in self._recall_ids(entry) if who in answers.answers]
        if not members:
            return self._comment(entry, comment or "acknowledged")
        fresh = [who for who in members if answers.answers[who] is not Answer.ACKED]
        if not fresh:
            at = self._desk.clock_text(answers.notes[members[0]].at_ms)
            if comment:
                self._comment(entry, comment)
            return Said(entry, Result.ALREADY, f"You acknowledged {entry.code} at {at}.")
        names = self._names(entry)
        is_over = entry.state[0] is not CaseState.OPEN or entry.next_at_ms is None
        for who in fresh:
            note = self._note(who, names.get(who, who), comment)
            self._join(entry, Case(id=entry.case.id, acks=frozenset((note,))))
            self._event(entry, CaseAcknowledged, note)
            if not policy_of(entry.case).continue_unsent:
                withdraw(self._transaction, entry, f"acknowledged by {note.name}", self._now_ms, only=who)
        self._recall_moved(entry, is_over=is_over)
        return Said(entry, Result.ACKNOWLEDGED, f"Thank you, {self._who.name}. You are counted for {entry.code}.")

    def _recall_ids(self, entry: Entry) -> Sequence[str]:
        """For whom it counts: an operator without names speaks for all who are missing."""
        if self._who.ids:
            return self._who.ids
        return [who for who, given in roll_call(entry.case).answers.items() if given is not Answer.ACKED]

    def _recall_moved(self, entry: Entry, *, is_over: bool) -> None:
        """Report when nobody is pending any more; again, a little later, when somebody answers after the end."""
        if entry.state[0] is not CaseState.OPEN or is_over:
            wait_ms = REPORT_AGAIN_MS if is_over else 0
            if entry.next_at_ms is None:
                self._transaction.set_next(entry, self._transaction.waits_from_ms(self._now_ms) + wait_ms)

    def _late(self, entry: Entry, comment: str) -> Said:
        answer = already(entry, self._desk)
        if comment:
            self._comment(entry, comment)
            answer = f"{answer} Your words were passed on."
        return Said(entry, Result.ALREADY, answer)

    def _stop_asking(self, entry: Entry, note: Note) -> None:
        """Take back what waits, or let it go without footnote, marked (SPEC 5.5)."""
        if not policy_of(entry.case).continue_unsent:
            withdraw(self._transaction, entry, f"acknowledged by {note.name}", self._now_ms)
            return
        question = question_of(entry.case, entry.code, self._now_ms)
        mark = f"(acknowledged by {note.name} {self._desk.clock_text(note.at_ms)})"
        for row in lookup.told(self._transaction, entry):
            if row.kind is Kind.ASK and entry.case.deliveries[row.key].is_pending:
                foot = footnote(question, self._desk, row.key.channel, row.key.recipient)
                text = f"{without_footnote(row.text, foot)} {mark}"
                self._transaction.set_text(entry, row.key, text, Kind.PLAIN)

    # -- declining and commenting ------------------------------------------------------------------------------------

    def _decline(self, entry: Entry, comment: str) -> Said:
        if entry.state[0] is not CaseState.OPEN:
            return self._late(entry, comment)
        policy = policy_of(entry.case)
        for who in self._who.ids or (self._who.name,):
            note = self._note(who, self._names(entry).get(who, self._who.name), comment)
            self._join(entry, Case(id=entry.case.id, declines=frozenset((note,))))
            self._event(entry, CaseDeclined, note)
            withdraw(self._transaction, entry, f"declined by {note.name}", self._now_ms, only=who)
        if policy.is_recall:
            self._recall_moved(entry, is_over=False)
        elif entry.next_at_ms is not None and _all_declined(entry.case):
            self._transaction.set_next(entry, self._transaction.waits_from_ms(self._now_ms))
        return Said(entry, Result.DECLINED, f"Noted that you cannot come, {self._who.name} ({entry.code}).")

    def _comment(self, entry: Entry, comment: str) -> Said:
        if not comment:
            return Said(entry, Result.REFUSED, "A comment needs words.")
        note = self._note(self._who.by, self._who.name, comment)
        self._join(entry, Case(id=entry.case.id, comments=frozenset((note,))))
        self._transaction.event(
            self._now_ms, CaseCommented(entry.code or "", note.name, note.via, note.text), entry
        )  # fmt: skip
        policy = policy_of(entry.case)
        if policy.notify_contacted and not policy.is_recall:
            self._tell_others(entry, comment_notice(entry.code, entry.case, note), note.by)
        return Said(entry, Result.COMMENTED, f"Your words were passed on ({entry.code}).")

    # -- common ------------------------------------------------------------------------------------------------------

    def _note(self, by: str, name: str, comment: str) -> Note:
        return Note(self._now_ms, by, self._who.via, comment, name)

    def _join(self, entry: Entry, delta: Case) -> None:
        self._transaction.join(entry, delta, self._now_ms)

    def _event(self, entry: Entry, kind: type[CaseAcknowledged | CaseDeclined], note: Note) -> None:
        audience = entry.case.head.audience if entry.case.head else ""
        event = kind(entry.code or "", audience, note.name, note.via, note.text)
        self._transaction.event(self._now_ms, event, entry)

    def _names(self, entry: Entry) -> dict[str, str]:
        return {row.key.recipient: row.recipient for row in lookup.told(self._transaction, entry)}

    def _tell_others(self, entry: Entry, what: notice.Notice, but: str) -> None:
        to = notice.informed(entry.case, self._desk, self._names(entry), but=but)
        notice.send(self._transaction, entry, what, to, self._told, self._now_ms)


def _all_declined(case: Case) -> bool:
    """Whether everybody asked at this level declined, and nobody is still to be asked at it."""
    here = [(key, state) for key, state in asks(case) if key[:2] == case.position]
    declined = {note.by for note in case.declines}
    asked = {key.recipient for key, state in here if state.was_tried}
    return bool(asked) and asked <= declined and not any(state.is_pending for _, state in here)


def counts_for(entry: Entry, ids: set[str], address: str = "") -> set[str]:
    """Which of these recipients, or of those reached at an address, were contacted for the case."""
    at_address = {
        key.recipient for key, _ in asks(entry.case) if address and key.address.casefold() == address.casefold()
    }
    return contacted(entry.case) & (ids | at_address)
