"""What people write back: stored, understood, answered, in one transaction (SPEC 5.3). Called by ``engine.inbound``.

Whose code counts: somebody who was contacted for the case. Everything else is stored, told as an event and answered
with the codes that are open for him; it never acknowledges.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from addispatch.domain.case import CaseState
from addispatch.domain.case_state import contacted, policy_of
from addispatch.domain.events import AnswersStopped, ReplyRefused, SenderLocked
from addispatch.domain.lockout import Lockout
from addispatch.domain.reply import Reply, ReplyKind, parse_reply
from addispatch.domain.token import mark_of, read_token
from addispatch.engine import orphans
from addispatch.engine.acknowledge import MOST_COMMENT_CHARS, Action, Occasion, Said, Who, counts_for, open_for
from addispatch.engine.notices import already
from addispatch.pipeline import notice
from addispatch.pipeline.alert import alert
from addispatch.pipeline.check import clean_text
from addispatch.store import lookup

if TYPE_CHECKING:
    from addispatch.domain.message import Incoming
    from addispatch.pipeline.desk import Desk
    from addispatch.store.transaction import Entry, Transaction

#: How long after its end a code still gets an answer, and is not given to another case.
LATE_MS = 7 * 86_400_000
#: Marks of numbers that sent wrong codes.
LOCK = "lock:"
#: Most answers to one sender in an hour: two machines that answer each other must come to an end.
MOST_ANSWERS, ANSWERS_MS = 30, 3_600_000
ANSWERED = "answered:"
#: The same answer goes to the same sender once in so long.
SAME_AGAIN_MS = 600_000

#: Words of a note that a machine sends while somebody is away, if nothing else gives it away.
AWAY = re.compile(
    r"(?i)out of (?:the )?office|on (?:annual )?leave|on vacation|auto(?:matic)?[- ]?reply|abwesen|au bureau"
)

_ACTIONS = {
    ReplyKind.ACK: Action.ACK,
    ReplyKind.BARE_ACK: Action.ACK,
    ReplyKind.ALL: Action.ACK,
    ReplyKind.DECLINE: Action.DECLINE,
    ReplyKind.BARE_DECLINE: Action.DECLINE,
}


class Sender(NamedTuple):
    """Who wrote, by which channel, from where; ``ids`` are the recipients who have that address now."""

    channel: str
    address: str
    ids: frozenset[str]

    @property
    def via(self) -> str:
        """How notes name the way."""
        return self.channel


class Replies:
    """Understands one message."""

    def __init__(
        self, transaction: Transaction, desk: Desk, message: Incoming, now_ms: int, *, is_late: bool = False
    ) -> None:
        """``is_late``: the other node passed it on, or it waited for its case."""
        self._is_late = is_late
        self._transaction, self._desk, self._message, self._now_ms = transaction, desk, message, now_ms
        ids = frozenset(person.id for person in desk.directory.people_at(message.sender))
        self._sender = Sender(message.channel, message.sender, ids)

    def take(self) -> None:
        """Act as the message asks, and answer it."""
        message = self._message
        if message.automatic:
            self._refuse(f"no person wrote it ({message.automatic})")
            return
        if message.tokens and (found := self._by_token()):
            self._answer(found, _sentences(found))
            return
        reply = parse_reply(message.text)
        if reply.codes:
            self._codes(reply)
        elif reply.kind is ReplyKind.OTHER:
            self._other()
        else:
            self._bare(reply)

    # -- by token ------------------------------------------------------------------------------------------------------

    def _by_token(self) -> list[Said]:
        """A mail that answers one of ours: that says which case, unless the text names others.

        The token stands for the code, so any words of its writer are his comment; no words, or a question, are none.
        """
        desk, message = self._desk, self._message
        reply = parse_reply(message.text)
        if reply.kind is ReplyKind.ALL:
            return []
        for token in message.tokens:
            grant = read_token(desk.directory.link_keys, token, self._now_ms / 1000)
            entry = lookup.by_id(self._transaction, grant.case_id) if grant else None
            if grant is None or entry is None:
                continue
            who = next((one for one in contacted(entry.case) if mark_of(one) == grant.recipient_mark), None)
            if who is None or not desk.takes_mail_for(policy_of(entry.case)):
                continue
            if reply.codes and reply.codes != (entry.code,):
                return []
            if reply.kind is ReplyKind.OTHER and (why := self._says_nothing(entry)):
                self._refuse(why)
                return []
            action = _ACTIONS.get(reply.kind, Action.ACK)
            words = reply.comment if reply.kind is not ReplyKind.OTHER else message.text
            mine = [one for one in lookup.of_alarm(self._transaction, entry) if who in contacted(one.case)]
            return self._occasion((who,)).act_on(mine, action, words[:MOST_COMMENT_CHARS])
        return []

    def _says_nothing(self, entry: Entry) -> str:
        """Why free words are no acknowledgement: none are his own, they ask, or a machine may have sent them."""
        sent = {line.strip() for row in lookup.told(self._transaction, entry) for line in row.text.splitlines()}
        lines = [line.strip() for line in self._message.text.splitlines()]
        own = [line for line in lines if line and line not in sent]
        if not own:
            return "it has no words of its writer's own"
        if "?" in own[0] or "\uff1f" in own[0]:
            return "it asks something"
        if AWAY.search(" ".join(own)):
            return "it reads like an out-of-office note"
        return ""

    # -- by code -------------------------------------------------------------------------------------------------------

    def _codes(self, reply: Reply) -> None:
        lock_name = f"{LOCK}{self._sender.address.casefold()}"
        lock = Lockout.parse(lookup.mark(self._transaction, lock_name))
        if lock.is_locked(self._now_ms):
            self._refuse(f"its codes are ignored ({lock.why})")
            return
        said: list[Said] = []
        lines: list[str] = []
        wrong: list[str] = []
        for code in reply.codes:
            mine = [entry for entry in self._with_code(code) if self._counts(entry)]
            is_open = [entry for entry in mine if entry.state[0] is not CaseState.CLOSED] or mine[:1]
            if len({entry.case.head.alarm_id for entry in is_open if entry.case.head}) > 1:
                texts = "; ".join(f"{entry.code} {notice.about(entry.case)}" for entry in is_open)
                lines.append(f"Code {code} stands for several alarms, none is acknowledged: {texts}")
            elif is_open:
                said += self._act(is_open, _ACTIONS[reply.kind], reply.comment)
            elif self._is_late or not orphans.is_the_others(self._transaction, code) or self._with_code(code):
                wrong.append(code)
            else:
                orphans.keep(self._transaction, self._message, code, self._now_ms)
        if wrong:
            if not self._sender.ids:
                self._refuse(f"nobody there was told of {', '.join(wrong)}")
            # "A123 P101 tripped" is no guessing.
            until = self._count_wrong(lock_name, lock) if len(wrong) == len(reply.codes) else ""
            lines.append(f"No code of yours: {', '.join(wrong)}.")
            lines.append(self._locked_text(until) if until else self._open_text())
        self._answer(said, " ".join([_sentences(said), *lines]).strip())

    def _with_code(self, code: str) -> list[Entry]:
        return lookup.with_code(self._transaction, code, self._now_ms - LATE_MS)

    def _counts(self, entry: Entry) -> bool:
        """Whether the sender may acknowledge: he was contacted, or anybody in the address book may."""
        if not self._may_by_mail(entry):
            return False
        ids = set(self._sender.ids)
        if counts_for(entry, ids, self._sender.address):
            return True
        return bool(ids) and self._desk.directory.settings.anyone_may_ack

    def _may_by_mail(self, entry: Entry) -> bool:
        return self._sender.channel != "email" or self._desk.takes_mail_for(policy_of(entry.case))

    def _count_wrong(self, name: str, lock: Lockout) -> str:
        """Count a wrong code; if it locks the sender now, return until when."""
        lock, is_locked_now = lock.failed(self._now_ms)
        self._transaction.marks[name] = lock.value
        if not is_locked_now:
            return ""
        until_ms = lock.until_ms(self._now_ms)
        until = f"until {self._desk.clock_text(until_ms)}" if until_ms else "until an operator unlocks it"
        self._transaction.event(self._now_ms, SenderLocked(self._sender.address, until))
        text = f"Too many wrong codes from {self._sender.address}: its codes are ignored {until}."
        alert(self._transaction, self._desk, text, self._now_ms)
        return until

    def _locked_text(self, until: str) -> str:
        """What somebody is told once, when nobody listens to his codes any more: until when, and what still works."""
        policies = [policy_of(entry.case) for entry in self._open()]
        works = ["the link in a message"] if any(self._desk.wants_link(policy) for policy in policies) else []
        has_mail = any(person.email for ident in self._sender.ids if (person := self._desk.person(ident)))
        if has_mail and any(self._desk.takes_mail_for(policy) for policy in policies):
            works.append("an answer to a mail of ours")
        works.append("the console")
        how = f"{', '.join(works[:-1])} and {works[-1]} still work" if works[1:] else f"{works[0]} still works"
        return f"Too many: codes from {self._sender.address} are ignored {until}. {how[0].upper()}{how[1:]}."

    # -- without a code --------------------------------------------------------------------------------------------

    def _open(self) -> list[Entry]:
        found = open_for(self._transaction, self._desk, set(self._sender.ids), self._sender.address)
        return [entry for entry in found if self._may_by_mail(entry)]

    def _bare(self, reply: Reply) -> None:
        """Words without a code count for the only alarm that is open for the sender; ALL for each of them."""
        if Lockout.parse(lookup.mark(self._transaction, f"{LOCK}{self._sender.address.casefold()}")).is_locked(
            self._now_ms
        ):
            self._refuse("its replies are ignored after too many wrong codes")
            return
        found = self._open()
        alarms = {entry.case.head.alarm_id for entry in found if entry.case.head}
        if not found or (len(alarms) > 1 and reply.kind is not ReplyKind.ALL):
            self._refuse("several alarms are open and it names no code" if found else "nothing is open for it")
            self._answer([], self._open_text())
            return
        said = self._act(found, _ACTIONS[reply.kind], reply.comment)
        self._answer(said, _sentences(said))

    def _other(self) -> None:
        self._refuse("it begins with no code")
        if self._open():
            self._answer([], self._open_text())

    def _open_text(self) -> str:
        """The codes the sender can choose from."""
        found = self._open()
        if not found:
            return "Nothing is open for you."
        listed = "; ".join(f"{entry.code} {notice.about(entry.case)[:30]}" for entry in found[:5])
        more = f"; and {len(found) - 5} more" if len(found) > 5 else ""
        return f"Reply with a code: {listed}{more}"

    # -- acting and answering --------------------------------------------------------------------------------------

    def _act(self, entries: list[Entry], action: Action, comment: str) -> list[Said]:
        """Act on cases as whoever of those at this address was told of each."""
        groups: dict[tuple[str, ...], list[Entry]] = {}
        for entry in entries:
            ids = counts_for(entry, set(self._sender.ids), self._sender.address) or set(self._sender.ids)
            groups.setdefault(tuple(sorted(ids)), []).append(entry)
        return [one for ids, mine in groups.items() for one in self._occasion(ids).act_on(mine, action, comment)]

    def _occasion(self, ids: tuple[str, ...]) -> Occasion:
        names = [person.name for ident in ids if (person := self._desk.person(ident))]
        name = " / ".join(names[:3]) or self._sender.address
        return Occasion(self._transaction, self._desk, Who(ids, name, self._sender.via), self._now_ms)

    def _refuse(self, why: str) -> None:
        self._transaction.event(self._now_ms, ReplyRefused(self._sender.channel, self._sender.address, why))

    def _answer(self, said: list[Said], text: str) -> None:
        """Answer the sender, once for the same news, if he is somebody we know and the policy answers."""
        if said and not all(policy_of(one.entry.case).answer_acks for one in said):
            return
        entries = [one.entry for one in said] or self._open()[:1] or self._last_of_sender()
        if not text or not entries or not self._may_answer():
            return
        ids = set(self._sender.ids)
        ident = min(counts_for(entries[0], ids, self._sender.address) or ids or {self._sender.address})
        name = person.name if (person := self._desk.person(ident)) else self._sender.address
        to = [notice.Address(ident, name, self._sender.channel, self._sender.address)]
        # The same news is told once; what he asks again and again, once in a while.
        news = " ".join(f"{one.result} {already(one.entry, self._desk)}" for one in said) or text
        if not said:
            news += f" {self._now_ms // SAME_AGAIN_MS}"
        what = notice.Notice(text, f"answer {self._sender.address} {news}", self._subject())
        if notice.send(self._transaction, entries[0], what, to, set(), self._now_ms):
            self._count_answer()

    def _subject(self) -> str:
        return f"Re: {' '.join(clean_text(self._message.subject).split())}"[:78]

    def _last_of_sender(self) -> list[Entry]:
        return lookup.last_asked(self._transaction, self._sender.address)

    def _may_answer(self) -> bool:
        """Whether the sender gets another answer; the first one he does not get is an event."""
        if self._sender.channel not in self._desk.provided:
            return False
        since_ms, count = self._answered()
        if count == MOST_ANSWERS:
            until = self._desk.clock_text(since_ms + ANSWERS_MS)
            event = AnswersStopped(self._sender.channel, self._sender.address, count, until)
            self._transaction.event(self._now_ms, event)
            self._count_answer()
        return count < MOST_ANSWERS

    def _answered(self) -> tuple[int, int]:
        """Since when the answers to the sender are counted, and how many there were."""
        value = lookup.mark(self._transaction, f"{ANSWERED}{self._sender.address}")
        since_ms, count = (int(part) for part in value.split()) if value else (0, 0)
        return (since_ms, count) if self._now_ms - since_ms < ANSWERS_MS else (self._now_ms, 0)

    def _count_answer(self) -> None:
        since_ms, count = self._answered()
        self._transaction.marks[f"{ANSWERED}{self._sender.address}"] = f"{since_ms} {count + 1}".encode()


def _sentences(said: list[Said]) -> str:
    return " ".join(dict.fromkeys(one.answer for one in said))
