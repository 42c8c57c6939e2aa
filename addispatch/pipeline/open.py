"""Opens the cases of one alarm: they share a code, and nobody is told twice at one address. Used by ``enqueue``."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import orjson

from addispatch.domain.case import Case, Clear, Fact, Head, Owner, Position
from addispatch.domain.codes import new_code
from addispatch.domain.escalation import wait_s
from addispatch.domain.events import AlarmAccepted, AlarmReachesNobody, AudienceUnreachable, DeliveryFailed, Said
from addispatch.domain.ids import case_id
from addispatch.domain.result import CaseRef
from addispatch.pipeline.alert import alert
from addispatch.pipeline.ask import reachable
from addispatch.pipeline.draft import Draft, new_deliveries
from addispatch.store import lookup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from addispatch.domain.addressbook import Audience
    from addispatch.domain.alarm import Alarm
    from addispatch.pipeline.desk import Desk
    from addispatch.pipeline.route import Target
    from addispatch.store.rows import NewDelivery
    from addispatch.store.transaction import Entry, Transaction

#: A code is not given out again for so long after its case closed.
CODE_REST_MS = 7 * 86_400_000
_NO_OWNER = Owner()


class Opening:
    """Opens cases. ``others``: whether the alarm reaches anybody, in whichever of its audiences."""

    def __init__(
        self,
        transaction: Transaction,
        alarm: Alarm,
        ident: str,
        desk: Desk,
        now_ms: int,
        *,
        others: bool,
        owner: Owner = _NO_OWNER,
    ) -> None:
        self._others, self._desk, self._owner = others, desk, owner
        self._transaction, self._alarm, self._ident, self._now_ms = transaction, alarm, ident, now_ms
        self.told: set[tuple[str, str]] = set()
        self._code: str | None = None

    def open(self, target: Target, drafts: Sequence[Draft], *, exempt: str = "") -> CaseRef:
        """Open the case of one audience; ``exempt`` is the word because of which nobody need acknowledge it."""
        head = self._head(target, drafts, exempt)
        code = self._shared_code() if head.needs_ack else None
        empty = Case(id=case_id(self._ident, target.audience.id), head=head)
        rows = new_deliveries(
            self._alarm, drafts, self.told, self._now_ms, desk=self._desk, case=empty, code=code
        )  # fmt: skip
        codes = frozenset((code,)) if code else frozenset()
        deliveries = {row.key: row.state for row in rows}
        case = Case(id=empty.id, head=head, owner=self._owner, codes=codes, deliveries=deliveries)
        entry = self._transaction.open_case(
            case, code, rows, self._now_ms, self._next_at_ms(target.audience, head, rows)
        )
        self._tell(entry, target.audience, rows)
        return CaseRef(case.id, code)

    def open_closed(self, target: Target, cleared: Clear) -> CaseRef:
        """Open a case that is over already: the news of its end came before the news of its beginning (SPEC 5.8)."""
        head = self._head(target, (), "")
        case = Case(
            id=case_id(self._ident, target.audience.id), head=head, owner=self._owner, clears=frozenset((cleared,))
        )
        self._transaction.open_case(case, None, (), self._now_ms)
        return CaseRef(case.id)

    def _head(self, target: Target, drafts: Sequence[Draft], exempt: str) -> Head:
        alarm, audience = self._alarm, target.audience
        policy = None if exempt else audience.policy
        needs_ack = alarm.ack_required or policy is not None
        templated = bool(target.template) and needs_ack and bool(drafts)
        body = drafts[0].whole if templated and drafts[0].whole != alarm.text else ""
        return Head(
            alarm_id=self._ident,
            audience_id=audience.id,
            audience=audience.name,
            source=alarm.source,
            text=alarm.text,
            opened_at_ms=self._now_ms,
            key=alarm.key or None,
            topic=alarm.topic,
            priority=alarm.priority,
            policy=orjson.dumps(policy).decode() if policy else "",
            ack_required=alarm.ack_required,
            close_on_clear=policy.close_on_clear if policy else True,
            close_after_s=policy.close_after_h * 3600 if policy else 72 * 3600,
            body=body,
            subject=next((draft.subject for draft in drafts if draft.subject), "") if templated else "",
            exempt=exempt,
        )

    def _next_at_ms(self, audience: Audience, head: Head, rows: Sequence[NewDelivery]) -> int | None:
        """When the first level is due: from the longest wait for a hand-over, which then sets it anew."""
        policy = audience.policy
        if not head.policy or policy is None:
            return None
        now_ms = self._transaction.waits_from_ms(self._now_ms)
        if not reachable(rows):
            return now_ms
        return now_ms + int((policy.max_send_wait_s + wait_s(policy, Position())) * 1000)

    def _shared_code(self) -> str:
        if self._code is None:
            since_ms = self._now_ms - CODE_REST_MS
            transaction = self._transaction
            self._code = new_code(
                secrets.randbelow,
                lambda code: lookup.code_is_taken(transaction, code, since_ms),
                rank=transaction.rank,
            )
        return self._code

    def _tell(self, entry: Entry, audience: Audience, rows: Sequence[NewDelivery]) -> None:
        alarm, note = self._alarm, self._transaction.event
        queued_count = 0
        is_told = False
        for row in rows:
            fact = row.state.fact
            if fact is Fact.NONE:
                queued_count += 1
            elif fact is Fact.FAILED:
                note(self._now_ms, DeliveryFailed(row.key.channel, row.recipient, row.error or ""), entry)
            is_told = is_told or fact in (Fact.NONE, Fact.FILTERED)
        note(self._now_ms, AlarmAccepted(alarm.source, alarm.text, audience.name, queued_count), entry)
        if alarm.ack_required and audience.policy is None and entry.code is not None:
            text = f"{entry.code} for {audience.name} must be acknowledged but has no policy: it does not escalate"
            note(self._now_ms, Said(text, kind="NoPolicy"), entry)
        if is_told:
            return
        why = f"{audience.name} has nobody with a usable address."
        unreachable = AudienceUnreachable(alarm.source, audience.name)
        severe = AlarmReachesNobody(alarm.source, alarm.text, why)
        note(self._now_ms, unreachable if self._others else severe, entry)
        if entry.case.head and entry.case.head.policy:
            alert(self._transaction, self._desk, f"{why} The alarm: {alarm.text}", self._now_ms)
