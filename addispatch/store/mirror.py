"""Joins what the other node sent into the ledger, and reads whole entries for it (CLUSTER, ENTRY and JOIN).

Called by ``engine.cluster`` in the ledger's transaction. The records are made by ``store.notes``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from addispatch.domain.alarm import BY_RANK
from addispatch.domain.case import Case, CaseState, DeliveryKey, DeliveryState, Fact, Head, Phase, Position
from addispatch.domain.events import WARNING, Said
from addispatch.store import held, schema
from addispatch.store.notes import aged, digest_of, encode, head_doc
from addispatch.store.rows import DeliveryChange, NewDelivery, extra_doc, options_json, pack_id, with_extra

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from addispatch.store.notes import Doc
    from addispatch.store.transaction import Entry, Transaction

_c = schema.cases.c


class Joined(NamedTuple):
    """What became of one record: the entry (None: it is not here), its state before (None: it is new here).

    ``arrival`` is the fingerprint of the publish that opened it, ``age_ms`` how long ago; ``is_given``: this node sends
    for it from now on.
    """

    id: str
    theirs: int
    entry: Entry | None
    before: CaseState | None
    arrival: str | None = None
    age_ms: int = 0
    is_given: bool = False

    @property
    def is_new(self) -> bool:
        """Whether the case was not here before."""
        return self.entry is not None and self.before is None


def join_records(transaction: Transaction, docs: Sequence[Doc], now_ms: int) -> list[Joined]:
    """Join records in order; those that cannot be read raise ``ValueError``, ``LookupError`` or ``TypeError``."""
    notes = transaction.notes
    assert notes is not None
    if not all(isinstance(doc, dict) for doc in docs):
        raise TypeError("a record is no table")
    docs = [doc for doc in docs if "id" in doc]
    seqs = _known(transaction, [str(doc["id"]) for doc in docs])
    notes.is_merging = True
    try:
        return [_join(transaction, doc, seqs, now_ms) for doc in docs]
    finally:
        notes.is_merging = False


def _known(transaction: Transaction, idents: list[str]) -> dict[str, int]:
    transaction.flush()
    packed = {pack_id(ident): ident for ident in idents}
    rows = transaction.connection.execute(sa.select(_c.id, _c.seq).where(_c.id.in_(list(packed))))
    return {packed[bytes(ident)]: seq for ident, seq in rows}


def _join(transaction: Transaction, doc: Doc, seqs: dict[str, int], now_ms: int) -> Joined:
    ident, theirs = str(doc["id"]), int(doc["g"])
    seq = seqs.get(ident)
    if seq is None:
        if "h" not in doc:
            return Joined(ident, theirs, None, None)
        entry = _open(transaction, doc, now_ms)
        seqs[ident] = entry.seq
        return Joined(ident, theirs, entry, None, doc.get("f"), int(doc.get("age", 0)))
    entry = transaction.entry(seq)
    before, was_mine = entry.state[0], entry.mine
    _join_known(transaction, entry, doc, now_ms)
    return Joined(ident, theirs, entry, before, is_given=entry.mine and not was_mine)


def _base_ms(transaction: Transaction, now_ms: int) -> int:
    return transaction.waits_from_ms(now_ms)


def _open(transaction: Transaction, doc: Doc, now_ms: int) -> Entry:
    head = _head(doc)
    case = with_extra(Case(str(doc["id"]), head), doc.get("x", {}))
    rows = [_new(transaction, one, now_ms) for one in doc["d"] if "c" in one]
    case = case._replace(deliveries={row.key: row.state for row in rows})
    next_ms = doc.get("n")
    next_at_ms = None if next_ms is None else _base_ms(transaction, now_ms) + int(next_ms)
    entry = transaction.open_case(case, doc.get("code"), rows, now_ms, next_at_ms)
    if doc.get("close") is not None and head.needs_ack:
        transaction.set_close(entry, _base_ms(transaction, now_ms) + int(doc["close"]))
    for code in case.codes - {entry.code}:
        transaction.add_alias(entry, code)
    for one in doc["d"]:
        _write_fresh(transaction, entry, one, now_ms)
    if "a" in doc and transaction.known_alarm(head.alarm_id) is None:
        transaction.remember_alarm(head.alarm_id, now_ms, str(doc["a"]))
    transaction.channels.update(row.key.channel for row in rows if entry.mine and row.due_at_ms is not None)
    return entry


def _head(doc: Doc) -> Head:
    fields = dict(doc["h"])
    return Head(**{**fields, "priority": BY_RANK[fields["priority"]]})


def _key(one: Doc) -> DeliveryKey:
    cycle, level, recipient, channel, address = one["k"]
    return DeliveryKey(int(cycle), int(level), str(recipient), str(channel), str(address))


def _state(one: Doc) -> DeliveryState:
    fact, attempt, phase = one["s"]
    return DeliveryState(Fact(fact), int(attempt), Phase(phase))


def _new(transaction: Transaction, one: Doc, now_ms: int) -> NewDelivery:
    recipient, text, subject, queue_class, rung, kind = one["c"]
    base_ms = _base_ms(transaction, now_ms)
    due, expires = one.get("due"), one.get("exp")
    return NewDelivery(
        key=_key(one),
        recipient=recipient,
        text=text,
        queue_class=int(queue_class),
        due_at_ms=None if due is None else base_ms + int(due),
        subject=subject,
        rung=int(rung),
        state=_state(one),
        expires_at_ms=None if expires is None else base_ms + int(expires),
        error=one["i"][0],
        kind=int(kind),
    )


def _write_fresh(transaction: Transaction, entry: Entry, one: Doc, now_ms: int) -> None:
    """Write what a row that is new here does not have yet: what became of the message before it was heard of."""
    if "c" in one and ("r" in one or any(value is not None for value in one["i"][1:])):
        _write(transaction, entry, one, now_ms)


def _write(transaction: Transaction, entry: Entry, one: Doc, now_ms: int) -> None:
    """Write what a record says of a delivery into its row."""
    error, carrier, reference, sent, delivered = one.get("i") or (None,) * 5
    due = one.get("due")
    change = DeliveryChange(
        state=entry.case.deliveries[_key(one)],
        due_at_ms=None if due is None else _base_ms(transaction, now_ms) + int(due),
        error=error,
        carrier=carrier,
        reference=reference,
        sent_at_ms=None if sent is None else now_ms - int(sent),
        delivered_at_ms=None if delivered is None else now_ms - int(delivered),
        repeat=bool(one.get("r")),
    )
    transaction.change(entry, _key(one), change, now_ms)


def _join_known(transaction: Transaction, entry: Entry, doc: Doc, now_ms: int) -> None:
    case = entry.case
    delta = Case(case.id)
    if "h" in doc:
        delta = delta._replace(head=_head(doc))
    if "x" in doc:
        delta = with_extra(delta, doc["x"])
    # What the owner said counts, also with the word that this node is the owner now.
    theirs_is_newer = delta.position > case.position or not entry.mine
    for code in delta.codes - case.codes:
        if entry.code is not None and code != entry.code:
            transaction.add_alias(entry, code)
    fresh = [_new(transaction, one, now_ms) for one in doc["d"] if "c" in one and _key(one) not in case.deliveries]
    known = [one for one in doc["d"] if _key(one) in case.deliveries]
    head_before = case.head
    transaction.join(entry, delta, now_ms)
    if entry.case.head != head_before:
        _change_head(transaction, entry)
    if fresh:
        transaction.add_deliveries(entry, fresh, now_ms)
        keys = {new.key for new in fresh}
        for one in doc["d"]:
            if _key(one) in keys:
                _write_fresh(transaction, entry, one, now_ms)
        transaction.join(entry, Case(case.id), now_ms)  # they may have been the last ones that were waited for
    for one in known:
        _join_delivery(transaction, entry, one, now_ms)
    if "n" in doc and Position(*doc["p"]) == entry.case.position:  # else it is late: that step was taken
        _join_next(transaction, entry, doc["n"], now_ms, is_newer=theirs_is_newer)


def _join_delivery(transaction: Transaction, entry: Entry, one: Doc, now_ms: int) -> None:
    key, state = _key(one), _state(one)
    mine = entry.case.deliveries[key]
    joined = mine.join(state)
    if "t" in one and mine.is_pending:
        text, kind = one["t"]
        transaction.set_text(entry, key, text, kind)
    elif "w" in one and mine.is_pending and not entry.mine:  # what was lost on the way is in a whole record
        transaction.set_text(entry, key, one["c"][1], one["c"][5])
    is_held_again = mine.is_pending and one.get("due") is None
    if joined == mine and (state != mine or entry.mine or "due" not in one or is_held_again):
        return  # older news
    if ("i" in one or "due" in one) and (joined == state or state > mine):  # what is known of the greater fact counts
        transaction.change(entry, key, DeliveryChange(joined), now_ms) if joined != mine else None
        _write(transaction, entry, one, now_ms)
    elif state.phase is Phase.SENDING and joined.fact is Fact.NONE:
        transaction.mark_sending(entry, key, joined)
    else:
        transaction.change(entry, key, DeliveryChange(joined), now_ms)


def _join_next(transaction: Transaction, entry: Entry, left_ms: int | None, now_ms: int, *, is_newer: bool) -> None:
    """Take over when the next step is due: from the owner as it is, from others only what is earlier here."""
    at_ms = None if left_ms is None else _base_ms(transaction, now_ms) + int(left_ms)
    if at_ms is not None and entry.state[0] is not CaseState.OPEN:
        return  # older news: nobody need be asked any more
    if is_newer:
        transaction.set_next(entry, at_ms)
    elif at_ms is not None and entry.next_at_ms is not None:
        transaction.set_next(entry, min(at_ms, entry.next_at_ms))


def _change_head(transaction: Transaction, entry: Entry) -> None:
    """Two nodes opened the same case, each in its own words: one of them stays (``Head.rank``)."""
    head = entry.case.head
    assert head is not None
    entry.rest = None
    transaction.flush()
    values: dict[str, Any] = {
        "alarm_id": pack_id(head.alarm_id),
        "audience_id": head.audience_id,
        "audience": head.audience,
        "source": head.source,
        "topic": head.topic,
        "key": head.key,
        "priority": head.priority.rank,
        "text": head.text,
        "opened_at_ms": head.opened_at_ms,
        "options": options_json(head),
    }
    transaction.connection.execute(sa.update(schema.cases).where(_c.seq == entry.seq).values(**values))


# -- whole entries ----------------------------------------------------------------------------------------------------


def whole(transaction: Transaction, entry: Entry, now_ms: int) -> bytes:
    """The record of a whole entry."""
    case, base_ms = entry.case, _base_ms(transaction, now_ms)
    rows = transaction.rows_of(entry)
    closes = transaction.connection.execute(sa.select(_c.close_at_ms).where(_c.seq == entry.seq)).scalar()
    assert case.head is not None
    doc: Doc = {
        "id": case.id,
        "g": str(digest_of(entry)),
        "h": head_doc(case.head),
        "age": now_ms - case.head.opened_at_ms,
        "close": None if closes is None else closes - base_ms,
        "x": extra_doc(case),
        "code": entry.code,
        "p": case.position,
        "n": None if entry.next_at_ms is None else entry.next_at_ms - base_ms,
        "d": [_row_doc(row, case, now_ms, base_ms) for row in rows],
    }
    refs = transaction.known_alarm(case.head.alarm_id)
    if refs is not None:
        doc["a"] = refs
    if transaction.notes is not None:
        arrival = transaction.notes.twin.pairing.heard(case.head.alarm_id, now_ms)
        if arrival is not None:  # the other node may hear the same publish late
            doc["f"] = arrival
    return encode(doc)


def _row_doc(row: tuple[Any, ...], case: Case, now_ms: int, base_ms: int) -> Doc:
    key = DeliveryKey(*row[:5])
    recipient, text, subject, queue_class, rung, kind, due, expires, queued, error, carrier, reference = row[5:17]
    sent, delivered, repeat = row[17:]
    doc: Doc = {
        "k": key,
        "c": (recipient, text, subject, queue_class, rung, kind),
        "i": (error, carrier, reference, sent, delivered),
        "due": due,
        "exp": expires,
        "at": queued,
        "w": 1,
    }
    if repeat:
        doc["r"] = 1
    return aged(doc, case.deliveries[key], now_ms, base_ms)


def open_ends(transaction: Transaction, after_seq: int, most: int) -> list[Entry]:
    """Return entries the other node must be asked about at a start: open ones, and those it may lack; by row number."""
    transaction.flush()
    query = (
        sa.select(_c.seq)
        .where(sa.or_(_c.state != "closed", _c.unmirrored == 1), _c.seq > after_seq)
        .order_by(_c.seq)
        .limit(most)
    )
    if held.is_anything(transaction):
        query = query.where(_c.seq.not_in(held.held_seqs(transaction)))
    return [transaction.entry(seq) for seq in transaction.connection.execute(query).scalars().all()]


def rank_of(transaction: Transaction, role: str) -> int:
    """This node's rank: 0 for the first master, 1 for the first slave; it stays, whatever the roles become."""
    meta, connection = schema.meta, transaction.connection
    found = connection.execute(sa.select(meta.c.value).where(meta.c.name == "rank")).scalar()
    if found is None:
        found = "0" if role == "master" else "1"
        connection.execute(sa.insert(meta).values(name="rank", value=found))
    return int(found)


def own_all(transaction: Transaction, now_ms: int) -> int:
    """Without a cluster: send for what another node sent for when there was one. Returns how many open cases."""
    transaction.flush()
    connection = transaction.connection
    foreign = list(connection.execute(sa.select(_c.seq).where(_c.mine == 0, _c.state != "closed")).scalars())
    for at in range(0, len(foreign), 500):
        some = foreign[at : at + 500]
        connection.execute(sa.update(schema.cases).where(_c.seq.in_(some)).values(mine=1))
        connection.execute(sa.update(schema.deliveries).where(schema.deliveries.c.case_seq.in_(some)).values(mine=1))
    transaction.forget()
    if foreign:
        text = f"{len(foreign)} open case(s) of the other node are this one's now: there is no table [cluster] any more"
        transaction.event(now_ms, Said(text, WARNING, "ClusterLeft"))
    return len(foreign)


def note_mirrored(transaction: Transaction, idents: Iterable[str]) -> None:
    """The other node has everything of these closed cases."""
    transaction.flush()
    packed = [pack_id(ident) for ident in idents]
    transaction.connection.execute(sa.update(schema.cases).where(_c.id.in_(packed)).values(unmirrored=0))


def by_ids(transaction: Transaction, idents: Iterable[str]) -> dict[str, Entry]:
    """Return those of the cases that are here."""
    return {ident: transaction.entry(seq) for ident, seq in _known(transaction, list(idents)).items()}
