"""Acknowledging by console, CLI, HTTP, MQTT and link: reads the request, finds the cases, acts (SPEC 5.3).

The functions are units of the ledger. Used by ``engine.operations``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from addispatch.domain.addressbook import Recipient
from addispatch.domain.case import CaseState
from addispatch.domain.case_state import contacted, policy_of, roll_call
from addispatch.domain.errors import Refused
from addispatch.domain.reply import MAX_CODES_COUNT, ReplyKind, parse_reply
from addispatch.domain.token import Grant, mark_of
from addispatch.engine.acknowledge import Action, Occasion, Said, Who
from addispatch.engine.replies import LATE_MS
from addispatch.store import lookup

if TYPE_CHECKING:
    from addispatch.pipeline.desk import Desk
    from addispatch.sdk.operations import Actor, Doc
    from addispatch.store.transaction import Entry, Transaction

KEYS = ("codes", "case", "by", "recipients", "comment", "action", "text")
#: What the text of a reply says by itself, so that none of it may stand beside it.
SAID_BY_TEXT = ("codes", "case", "comment", "action")
#: The one answer to a link that does not work, for whatever reason.
BAD_LINK = "this link is not valid, or not any more"


class Request(NamedTuple):
    """A checked request."""

    codes: tuple[str, ...]
    case: str
    by: str
    recipients: tuple[str, ...]
    comment: str
    action: Action


def read_request(doc: Doc) -> Request:
    """Check a request; raises ``Refused`` naming the field."""
    for key in doc:
        if key not in KEYS:
            raise Refused(str(key)[:60], f"is not known here; there are {', '.join(KEYS)}")
    action = doc.get("action") or Action.ACK.value
    if action not in tuple(Action):
        raise Refused("action", f"must be one of {', '.join(Action)}")
    codes, comment = _words(doc, "codes"), read_text(doc, "comment")
    if text := read_text(doc, "text"):
        for key in SAID_BY_TEXT:
            if doc.get(key) is not None:
                raise Refused("text", f"cannot go with {key}: it is what one would reply by SMS, and says that itself")
        reply = parse_reply(text)
        if not reply.codes:
            raise Refused("text", "must begin with a code, as a reply by SMS does: A123 on my way")
        codes, comment = reply.codes, reply.comment
        action = Action.DECLINE if reply.kind is ReplyKind.DECLINE else Action.ACK
    _limit(codes)
    request = Request(
        codes=tuple(dict.fromkeys(code.upper() for code in codes)),
        case=read_text(doc, "case"),
        by=read_text(doc, "by"),
        recipients=tuple("all" if word.casefold() == "all" else word for word in _words(doc, "recipients")),
        comment=comment,
        action=Action(action),
    )
    if request.codes and request.case:
        raise Refused("codes", "cannot go with case: name the codes, or one case by its id")
    if not request.codes and not request.case:
        raise Refused("codes", "is missing: name the codes, or one case by its id")
    if request.action is Action.COMMENT and not request.comment.strip():
        raise Refused("comment", "is missing")
    return request


def _limit(codes: tuple[str, ...]) -> None:
    if len(codes) > MAX_CODES_COUNT:
        raise Refused("codes", f"names more than {MAX_CODES_COUNT} codes")


def read_codes(doc: Doc) -> tuple[str, ...]:
    """The codes of a request; raises ``Refused``."""
    codes = _words(doc, "codes")
    _limit(codes)
    return tuple(dict.fromkeys(code.upper() for code in codes))


def read_text(doc: Doc, key: str) -> str:
    """A text of a request, empty if it is not there; raises ``Refused``."""
    value: Any = doc.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > 4000:
        raise Refused(key, "must be text of at most 4000 characters")
    return value


def _words(doc: Doc, key: str) -> tuple[str, ...]:
    value: Any = doc.get(key)
    if value is None:
        return ()
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) and 0 < len(word) <= 200 for word in words):
        raise Refused(key, "must be a word or a list of words")
    return tuple(words)


def answer(transaction: Transaction, desk: Desk, request: Request, actor: Actor, now_ms: int) -> Doc:
    """Act on the cases; raises ``Refused`` if one is not known: then nothing is done."""
    entries = _entries(transaction, request, now_ms)
    who = _who(desk, request, actor, entries)
    if request.by and not desk.directory.settings.anyone_may_ack and request.action is not Action.COMMENT:
        entries = [entry for entry in entries if who.ids[0] in contacted(entry.case)]
    return document(Occasion(transaction, desk, who, now_ms).act_on(entries, request.action, request.comment))


def document(said: list[Said]) -> Doc:
    """What the one who acted is told."""
    return {
        "cases": [{"id": one.entry.case.id, "code": one.entry.code, "result": one.result.value} for one in said],
        "answer": " ".join(dict.fromkeys(one.answer for one in said)),
    }


def _entries(transaction: Transaction, request: Request, now_ms: int) -> list[Entry]:
    if request.case:
        try:
            entry = lookup.by_id(transaction, request.case)
        except ValueError:
            entry = None
        if entry is None or entry.case.head is None:
            raise Refused("case", f"there is no case {request.case[:60]}")
        if not entry.case.head.needs_ack:
            raise Refused("case", "nobody need acknowledge this one")
        return [entry]
    entries: list[Entry] = []
    for code in request.codes:
        found = lookup.with_code(transaction, code, now_ms - LATE_MS)
        found = [entry for entry in found if entry.state[0] is not CaseState.CLOSED] or found[:1]
        if not found:
            raise Refused("codes", f"there is no case with the code {code[:20]}")
        if len({entry.case.head.alarm_id for entry in found if entry.case.head}) > 1:
            raise Refused("codes", f"{code} stands for several alarms: name the case by its id")
        entries += found
    return entries


def _who(desk: Desk, request: Request, actor: Actor, entries: list[Entry]) -> Who:
    """A recipient, if he is named and was contacted; else an operator on behalf of all, or of those he names."""
    if request.by and request.recipients:
        raise Refused("recipients", "goes with an operator's answer: name either by or recipients")
    if request.recipients and request.recipients != ("all",):
        found = [_person(desk, "recipients", name) for name in request.recipients]
        people = list({person.id: person for person in found}.values())
        if not desk.directory.settings.anyone_may_ack:
            for person in people:
                if not any(person.id in _may_answer(entry) for entry in entries):
                    raise Refused("recipients", f"{person.name} was not told of it")
        return Who(tuple(person.id for person in people), " / ".join(p.name for p in people[:3]), actor.via)
    if not request.by:
        names_all = request.recipients == ("all",) or request.action is Action.COMMENT
        if not names_all and any(policy_of(entry.case).is_recall for entry in entries):
            raise Refused("recipients", "is missing: in a recall everyone answers for himself; name them, or all")
        # Whoever can open the socket is this machine's user: "local" is no name for people.
        return Who((), "an operator" if actor.via == "unix" else actor.name, actor.via)
    person = _person(desk, "by", request.by)
    was_told = any(person.id in contacted(entry.case) for entry in entries)
    if not (was_told or request.action is Action.COMMENT or desk.directory.settings.anyone_may_ack):
        raise Refused("by", f"{person.name} was not told of it, so it cannot be acknowledged in his name")
    return Who((person.id,), person.name, actor.via)


def _may_answer(entry: Entry) -> set[str]:
    """Who can be named: in a recall every member, reached or not; else who was told."""
    members = set(roll_call(entry.case).answers) if policy_of(entry.case).is_recall else set()
    return members | contacted(entry.case)


def _person(desk: Desk, field: str, name: str) -> Recipient:
    found = desk.directory.find(name)
    if not isinstance(found, Recipient):
        raise Refused(field, f"there is no recipient {name[:60]!r}")
    return found


# -- links -----------------------------------------------------------------------------------------------------------


def link_view(transaction: Transaction, desk: Desk, grant: Grant) -> str:
    """Return the name of the recipient a link belongs to; raises ``Refused``."""
    return _linked(transaction, desk, grant)[2]


def link_answer(transaction: Transaction, desk: Desk, grant: Grant, doc: Doc, now_ms: int) -> Doc:
    """Act by a link, for every case of its alarm that contacted the recipient; raises ``Refused``."""
    entry, who, name = _linked(transaction, desk, grant)
    given = {key: value for key, value in doc.items() if key in ("action", "comment")}
    request = read_request({**given, "case": entry.case.id})
    occasion = Occasion(transaction, desk, Who((who,), name, "link"), now_ms)
    mine = [one for one in lookup.of_alarm(transaction, entry) if who in contacted(one.case)]
    return document(occasion.act_on(mine or [entry], request.action, request.comment))


def _linked(transaction: Transaction, desk: Desk, grant: Grant) -> tuple[Entry, str, str]:
    """The case of a link, and the recipient it was made for."""
    entry = lookup.by_id(transaction, grant.case_id)
    for row in lookup.told(transaction, entry) if entry else ():
        if entry and mark_of(row.key.recipient) == grant.recipient_mark:
            person = desk.person(row.key.recipient)
            return entry, row.key.recipient, person.name if person else row.recipient
    raise Refused("token", BAD_LINK)
