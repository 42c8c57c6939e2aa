"""Acknowledges, declines and comments on cases, in the ledger's transaction; the one place that does (SPEC 5.3, 5.4).

Called by ``engine.replies`` for messages people sent, by ``engine.answering`` for links, console, CLI, HTTP and MQTT.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from addispatch.domain.case import Case, CaseState, Note
from addispatch.domain.case_state import Answer, asks, contacted, everybody_declined, policy_of, roll_call
from addispatch.domain.delivery import Kind
from addispatch.domain.events import CaseAcknowledged, CaseCommented, CaseDeclined
from addispatch.engine.handover import goes_on
from addispatch.engine.notices import ack_notice, already, comment_notice
from addispatch.pipeline import notice
from addispatch.pipeline.check import clean_text
from addispatch.pipeline.withdraw import withdraw
from addispatch.store import lookup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from addispatch.pipeline.desk import Desk
    from addispatch.store.transaction import Entry, Transaction

#: Acknowledgements this close to each other came at once: neither could know of the other.
AT_ONCE_MS = 30_000
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
        self._told: dict[str, set[tuple[str, str]]] = {}  # by alarm: its cases share what they tell

    def act_on(self, entries: Sequence[Entry], action: Action, comment: str = "") -> list[Said]:
        """Do it to cases; an acknowledgement may count for everything else its giver was told (SPEC 5.5)."""
        said = [self.act(entry, action, comment) for entry in entries]
        if action is Action.ACK and any(policy_of(entry.case).ack_any_acks_all for entry in entries):
            done = {entry.seq for entry in entries}
            others = [
                entry for entry in open_for(self._transaction, self._desk, set(self._who.ids)) if entry.seq not in done
            ]
            said += [self.act(entry, action, comment) for entry in others]
        return said

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
            return self._at_once(entry, comment) or self._late(entry, comment)
        note = self._note(entry, self._who.by, self._who.name, comment)
        self._join(entry, Case(id=entry.case.id, acks=frozenset((note,))))
        self._event(entry, CaseAcknowledged, note)
        self._stop_asking(entry, note)
        if policy_of(entry.case).notify_contacted:
            self._tell_others(entry, ack_notice(entry.code, entry.case, note), note.by)
        thanks = f"Thank you, {self._who.name}. " if self._who.ids or self._who.via != "unix" else ""
        return Said(entry, Result.ACKNOWLEDGED, f"{thanks}{entry.code} is acknowledged.")

    def _at_once(self, entry: Entry, comment: str) -> Said | None:
        """Two who acknowledge at once are both thanked; the older one is shown first. None if it was too long ago."""
        acks = sorted(entry.case.acks)
        is_known = any(note.by == self._who.by for note in acks)
        if not acks or is_known or entry.case.clears or self._now_ms - acks[0].at_ms > AT_ONCE_MS:
            return None
        if notice.has_been_told(entry.case, ack_notice(entry.code, entry.case, acks[0]), self._who.ids):
            return None
        note = self._note(entry, self._who.by, self._who.name, comment)
        self._join(entry, Case(id=entry.case.id, acks=frozenset((note,))))
        self._event(entry, CaseAcknowledged, note)
        if comment and policy_of(entry.case).notify_contacted:
            self._tell_others(entry, ack_notice(entry.code, entry.case, note), note.by)
        answer = f"Thank you, {self._who.name}. {acks[0].name} has acknowledged {entry.code}, too."
        return Said(entry, Result.ACKNOWLEDGED, answer)

    def _acknowledge_recall(self, entry: Entry, comment: str) -> Said:
        """Everyone for himself; a late answer counts, too, and brings the report up to date."""
        answers = roll_call(entry.case)
        if not answers.answers:
            return self._take_up(entry, comment)
        members = [who for who in self._recall_ids(entry) if who in answers.answers]
        if not members and not self._who.ids:
            return Said(entry, Result.ALREADY, f"Everybody has acknowledged {entry.code}.")
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
            note = self._note(entry, who, names.get(who, who), comment)
            self._join(entry, Case(id=entry.case.id, acks=frozenset((note,))))
            self._event(entry, CaseAcknowledged, note)
            reminders = policy_of(entry.case).continue_unsent
            why = f"acknowledged by {note.name}"
            withdraw(self._transaction, entry, why, self._now_ms, only=who, reminders=reminders)
        self._recall_moved(entry, is_over=is_over)
        return Said(entry, Result.ACKNOWLEDGED, f"Thank you, {self._who.name}. You are counted for {entry.code}.")

    def _take_up(self, entry: Entry, comment: str) -> Said:
        """Acknowledge a recall of an empty group: there is nobody for whom it could count, so it ends."""
        if entry.state[0] is not CaseState.OPEN:
            return self._late(entry, comment)
        note = self._note(entry, self._who.by, self._who.name, comment)
        self._join(entry, Case(id=entry.case.id, acks=frozenset((note,))))
        self._event(entry, CaseAcknowledged, note)
        return Said(entry, Result.ACKNOWLEDGED, f"{entry.code} is acknowledged; there was nobody to ask.")

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
        for row in lookup.told(self._transaction, entry):
            if row.kind is Kind.ASK and entry.case.deliveries[row.key].is_pending:
                goes_on(self._transaction, self._desk, entry, row.key, row.text, self._now_ms)

    # -- declining and commenting ------------------------------------------------------------------------------------

    def _decline(self, entry: Entry, comment: str) -> Said:
        policy = policy_of(entry.case)
        if entry.state[0] is not CaseState.OPEN and not policy.is_recall:
            return self._late(entry, comment)
        is_over = entry.state[0] is not CaseState.OPEN or entry.next_at_ms is None
        # An operator without names declines for everybody who was told.
        for who in self._who.ids or sorted(contacted(entry.case)) or (self._who.name,):
            note = self._note(entry, who, self._names(entry).get(who, self._who.name), comment)
            self._join(entry, Case(id=entry.case.id, declines=frozenset((note,))))
            self._event(entry, CaseDeclined, note)
            withdraw(self._transaction, entry, f"declined by {note.name}", self._now_ms, only=who)
        if policy.is_recall:
            self._recall_moved(entry, is_over=is_over)
        elif entry.next_at_ms is not None and everybody_declined(entry.case):
            self._transaction.set_next(entry, self._transaction.waits_from_ms(self._now_ms))
        return Said(entry, Result.DECLINED, f"Noted that you cannot come, {self._who.name} ({entry.code}).")

    def _comment(self, entry: Entry, comment: str) -> Said:
        if not comment:
            return Said(entry, Result.REFUSED, "A comment needs words.")
        note = self._note(entry, self._who.by, self._who.name, comment)
        self._join(entry, Case(id=entry.case.id, comments=frozenset((note,))))
        self._transaction.event(
            self._now_ms, CaseCommented(entry.code or "", note.name, note.via, note.text), entry
        )  # fmt: skip
        policy = policy_of(entry.case)
        if policy.notify_contacted and not policy.is_recall:
            self._tell_others(entry, comment_notice(entry.code, entry.case, note), note.by)
        return Said(entry, Result.COMMENTED, f"Your words were passed on ({entry.code}).")

    # -- common ------------------------------------------------------------------------------------------------------

    def _note(self, entry: Entry, by: str, name: str, comment: str) -> Note:
        """A note that is later than those before it, whatever the clock says: their order counts."""
        before = max((note.at_ms for note in (*entry.case.acks, *entry.case.declines)), default=0)
        return Note(max(self._now_ms, before + 1), by, self._who.via, comment, name)

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
        alarm_id = entry.case.head.alarm_id if entry.case.head else ""
        told = self._told.setdefault(alarm_id, set())
        notice.send(self._transaction, entry, what, to, told, self._now_ms)


def counts_for(entry: Entry, ids: set[str], address: str = "") -> set[str]:
    """Which of these recipients, or of those reached at an address, were contacted for the case."""
    at_address = {
        key.recipient for key, _ in asks(entry.case) if address and key.address.casefold() == address.casefold()
    }
    return contacted(entry.case) & (ids | at_address)


def open_for(transaction: Transaction, desk: Desk, ids: set[str], address: str = "") -> list[Entry]:
    """The cases that asked somebody and still wait for him: a recall he has answered does not; the oldest first."""
    addresses = {address} - {""}
    for ident in ids:
        person = desk.person(ident)
        if person is not None:
            addresses |= {person.sms, person.phone, *person.email} - {""}
    return [entry for entry in lookup.asked_at(transaction, addresses) if _waits_for(entry, ids, address)]


def _waits_for(entry: Entry, ids: set[str], address: str) -> bool:
    mine = counts_for(entry, ids, address)
    if not policy_of(entry.case).is_recall:
        return bool(mine)
    answers = roll_call(entry.case).answers
    return any(answers.get(who) not in (Answer.ACKED, Answer.DECLINED) for who in mine)
