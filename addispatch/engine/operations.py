"""The one set of operations (law 9), as ``addispatch.sdk.operations`` describes it. Made by the app."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from addispatch.domain.addressbook import Recipient
from addispatch.domain.errors import ConfigError, Refused
from addispatch.domain.events import Said
from addispatch.domain.lockout import Lockout
from addispatch.domain.token import Grant, read_token
from addispatch.engine import answering, closing, names, restored
from addispatch.engine import pause as pausing
from addispatch.engine.backup import Backups
from addispatch.engine.doctor import examine
from addispatch.engine.documents import read_alarm, read_time
from addispatch.engine.forecast import forecast
from addispatch.engine.monitor_test import read_once
from addispatch.engine.readiness import readiness
from addispatch.engine.replies import LOCK
from addispatch.engine.report import roll_call_doc
from addispatch.engine.status import status_doc
from addispatch.engine.test_alert import test_alert
from addispatch.engine.virtual_address import AddressesHere
from addispatch.engine.why import why_doc, why_lines
from addispatch.runtime.numbers import normalize_number
from addispatch.sdk.operations import Actor, Doc, Role
from addispatch.store import held, queries
from addispatch.store.directory_models import MODELS

if TYPE_CHECKING:
    import sqlalchemy as sa

    from addispatch.engine.cluster import Cluster
    from addispatch.engine.node import Node
    from addispatch.pipeline.desk import Desk
    from addispatch.store.transaction import Transaction

T = TypeVar("T")

_RANK = {Role.VIEWER: 0, Role.OPERATOR: 1, Role.ADMIN: 2}
_CASE_STATES = ("open", "acknowledged", "closed")
_DELIVERY_STATES = (
    "queued", "held", "sending", "in_doubt", "sent", "delivered", "undelivered", "failed", "expired", "filtered",
    "cancelled",
)  # fmt: skip
#: What alarms over HTTP are called by if they do not say where they come from.
_SOURCES = {"unix": "api", "token": "api"}
#: Longest page, whoever asks.
MAX_LIMIT = 500


class NodeOperations:
    """Operations of one node; each checks the role first."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._examining = asyncio.Lock()
        self._backups = Backups(node)
        self._addresses_here = AddressesHere()

    async def raise_alarm(self, actor: Actor, alarm: Doc) -> Doc:
        """Take an alarm."""
        _need(actor, Role.OPERATOR)
        asked = read_alarm({k: v for k, v in alarm.items() if k != "at"}, _SOURCES.get(actor.via, actor.via))
        accepted = await self._node.accept(asked)
        return {
            "id": accepted.alarm_id,
            "cases": [case._asdict() for case in accepted.cases],
            "mirrored": accepted.mirrored,
            "duplicate": accepted.duplicate,
            "warnings": [] if accepted.duplicate else self._node.pipeline.warnings(asked),
        }

    async def status(self, actor: Actor) -> Doc:
        """The whole state."""
        _need(actor, Role.VIEWER)
        await restored.look(self._node)  # what the other node sends for is held no more, since a moment
        return status_doc(self._node, await self._read(queries.counts))

    async def cases(self, actor: Actor, *, state: str | None = None, limit: int = 50, cursor: str | None = None) -> Doc:
        """A page of cases."""
        _need(actor, Role.VIEWER)
        _one_of("state", state, _CASE_STATES)
        before, most = _cursor(cursor), _limit(limit)
        page = await self._read(lambda connection: queries.cases(connection, state, most, before))
        return {**page, "cases": [self._with_owner(case) for case in page["cases"]]}

    async def case(self, actor: Actor, case_id: str) -> Doc:
        """One case."""
        _need(actor, Role.VIEWER)
        found = await self._read(lambda connection: queries.case(connection, case_id))
        if found is None:
            raise Refused("id", f"there is no case {case_id[:60]}")
        return self._with_owner(found)

    def _with_owner(self, case: Doc) -> Doc:
        """The owner is named as people know it."""
        return {**case, "owner": names.shown(self._node.ledger.marks, case["owner"])}

    async def deliveries(
        self, actor: Actor, *, state: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Doc:
        """A page of deliveries."""
        _need(actor, Role.VIEWER)
        _one_of("state", state, _DELIVERY_STATES)
        before, most = _cursor(cursor), _limit(limit)
        return await self._read(lambda connection: queries.deliveries(connection, state, most, before))

    async def received(self, actor: Actor, *, limit: int = 50, cursor: str | None = None) -> Doc:
        """A page of messages that came in."""
        _need(actor, Role.VIEWER)
        before, most = _cursor(cursor), _limit(limit)
        return await self._read(lambda connection: queries.received(connection, most, before))

    async def events(
        self, actor: Actor, *, limit: int = 50, cursor: str | None = None, after: int | None = None
    ) -> Doc:
        """A page of events."""
        _need(actor, Role.VIEWER)
        before, most = _cursor(cursor), _limit(limit)
        return await self._read(lambda connection: queries.events(connection, most, before, after))

    async def follow(self, actor: Actor, after: int | None = None) -> AsyncIterator[Doc]:
        """Events as they are committed; first those behind ``after``, without a gap between old and new."""
        _need(actor, Role.VIEWER)
        live = self._node.feed.follow()
        last = after if after is not None else -1
        try:
            more = after is not None
            while more:
                page = await self.events(actor, limit=MAX_LIMIT, after=last)
                for event in page["events"]:
                    last = event["id"]
                    yield event
                more = page["next"] is not None
            while (told := await live.next()) is not None:
                if told["id"] > last:
                    yield told
        finally:
            live.close()

    async def modems(self, actor: Actor) -> Doc:
        """All modems."""
        _need(actor, Role.VIEWER)
        return {"modems": self._node.host.modems()}

    async def monitors(self, actor: Actor) -> Doc:
        """All monitors."""
        _need(actor, Role.VIEWER)
        return {"monitors": self._node.monitoring.documents()}

    async def monitor_test(self, actor: Actor, request: Doc) -> Doc:
        """Read once."""
        _need(actor, Role.OPERATOR)
        return await read_once(self._node, request)

    async def monitor_beat(self, actor: Actor, name: str) -> Doc:
        """Something reports."""
        _need(actor, Role.OPERATOR)
        return {"name": self._node.monitoring.beat(name)}

    async def plugins(self, actor: Actor) -> Doc:
        """All plugins."""
        _need(actor, Role.VIEWER)
        return {"plugins": self._node.host.report()}

    async def acknowledge(self, actor: Actor, request: Doc) -> Doc:
        """Acknowledge, decline or comment."""
        _need(actor, Role.OPERATOR)
        asked = answering.read_request(request)
        return await self._unit(
            lambda transaction, now_ms: answering.answer(transaction, self._desk, asked, actor, now_ms)
        )

    async def link(self, token: str) -> Doc:
        """What a link shows."""
        grant = self._grant(token)
        name = await self._unit(lambda transaction, _now_ms: answering.link_view(transaction, self._desk, grant))
        case = await self._read(lambda connection: queries.case(connection, grant.case_id))
        if case is None:
            raise Refused("token", answering.BAD_LINK)
        return {"recipient": name, "case": case}

    async def link_answer(self, token: str, request: Doc) -> Doc:
        """Act by a link."""
        grant = self._grant(token)
        return await self._unit(
            lambda transaction, now_ms: answering.link_answer(transaction, self._desk, grant, request, now_ms)
        )

    def _grant(self, token: str) -> Grant:
        """What a link's token grants. Strangers' tokens cost the ledger nothing, and all of them the same."""
        grant = read_token(self._desk.directory.link_keys, token, self._node.clock.now_ms() / 1000)
        if grant is None:
            raise Refused("token", answering.BAD_LINK)
        return grant

    async def roll_call(self, actor: Actor, code: str) -> Doc:
        """Who has answered."""
        _need(actor, Role.VIEWER)
        return await self._unit(lambda transaction, now_ms: roll_call_doc(transaction, code.upper(), now_ms))

    async def pause(self, actor: Actor) -> Doc:
        """Stop sending."""
        _need(actor, Role.OPERATOR)
        changed = await self._unit(
            lambda transaction, now_ms: pausing.pause(transaction, self._desk, actor.name, now_ms)
        )
        self._node.dispatcher.give_back()
        return {"paused": True, "changed": changed}

    async def resume(self, actor: Actor, *, discard: bool = False) -> Doc:
        """Send again."""
        _need(actor, Role.OPERATOR)
        count: int | None = (await self.cancel_pending(actor))["cancelled"] if discard else None
        changed = await self._unit(
            lambda tx, now_ms: pausing.resume(tx, self._desk, actor.name, now_ms, cancelled_count=count)
        )
        self._node.dispatcher.poke_all()
        return {"paused": False, "changed": changed, "cancelled": count or 0}

    async def cancel_pending(self, actor: Actor, *, close_cases: bool = False) -> Doc:
        """Cancel everything not sent yet."""
        _need(actor, Role.OPERATOR)
        count = await self._in_chunks(
            lambda transaction, before, now_ms: pausing.cancel_unsent(transaction, actor.name, before, now_ms)
        )
        self._audit(actor, f"cancelled {count} message(s) that were not sent yet")
        if not close_cases:
            return {"cancelled": count}
        closed = await self._in_chunks(
            lambda transaction, before, now_ms: closing.close_all(transaction, self._desk, actor.name, before, now_ms)
        )
        self._audit(actor, f"closed {closed} case(s)")
        return {"cancelled": count, "closed": closed}

    async def close(self, actor: Actor, request: Doc) -> Doc:
        """Close cases."""
        _need(actor, Role.OPERATOR)
        asked, by = closing.read_request(request), "an operator" if actor.via == "unix" else actor.name
        return await self._unit(
            lambda transaction, now_ms: closing.close_named(transaction, self._desk, asked, by, now_ms)
        )

    async def _in_chunks(self, work: Callable[[Transaction, int, int], tuple[int, int | None]]) -> int:
        """Do something to many rows, the newest first, in units that hold up nobody; returns to how many."""
        count, cursor = 0, pausing.NEWEST
        while True:
            start = cursor
            done, found = await self._unit(lambda transaction, now_ms: work(transaction, start, now_ms))  # noqa: B023
            count += done
            if found is None:
                return count
            cursor = found

    async def restored(self, actor: Actor, *, limit: int = 50, cursor: str | None = None) -> Doc:
        """What is held after a restore."""
        _need(actor, Role.VIEWER)
        after, most = _cursor(cursor) or 0, _limit(limit)
        return await self._read(lambda connection: held.document(connection, most, after))

    async def decide_restored(self, actor: Actor, action: str) -> Doc:
        """Send or drop it."""
        _need(actor, Role.OPERATOR)
        _one_of("action", action, tuple(restored.Action))
        act, by = (restored.send if action == restored.Action.SEND else restored.drop), actor.name
        case_count, delivery_count = 0, 0
        after: int | None = 0
        while after is not None:
            start = after
            done = await self._unit(lambda transaction, now_ms: act(transaction, by, start, now_ms))  # noqa: B023
            case_count, delivery_count, after = case_count + done.cases, delivery_count + done.deliveries, done.after
        if case_count:
            self._node.say(restored.told(restored.Action(action), case_count, delivery_count, f"{by} ({actor.via})"))
        await restored.look(self._node)
        return {"action": action, "cases": case_count, "deliveries": delivery_count}

    async def backup(self, actor: Actor) -> AsyncIterator[bytes]:
        """A backup, on this machine alone: it holds what no token may read."""
        _need(actor, Role.ADMIN)
        if actor.via != "unix":
            raise Refused("role", "a backup is made by 'addispatch backup' on the node's own machine")
        self._audit(actor, "makes a backup")
        return await self._backups.make()

    async def unlock(self, actor: Actor, address: str) -> Doc:
        """Listen to somebody's codes again."""
        _need(actor, Role.OPERATOR)
        now_ms, marks = self._node.clock.now_ms(), self._node.ledger.marks
        names = [f"{LOCK}{one.casefold()}" for one in self._addresses(address)]
        locked = [name for name in names if Lockout.parse(marks.get(name, b"")).is_locked(now_ms)]
        if not locked:
            raise Refused("address", f"{address[:60]} is not locked")
        await self._node.settle(dict.fromkeys(locked, Lockout().value))
        self._audit(actor, f"unlocked {address}")
        return {"address": address}

    def _addresses(self, text: str) -> list[str]:
        """What somebody may mean: an address as it is, a number as people write it, a recipient's name."""
        found = self._desk.directory.find(text)
        if isinstance(found, Recipient):
            return [one for one in (found.sms, found.phone, *found.email) if one]
        with contextlib.suppress(ConfigError):
            return [text, normalize_number(text, self._node.default_region)]
        return [text]

    async def why(self, actor: Actor, alarm: Doc) -> Doc:
        """Dry run: nothing is stored or sent."""
        _need(actor, Role.VIEWER)
        asked = self._node.pipeline.checked(read_alarm(alarm, _SOURCES.get(actor.via, actor.via)))
        plan, drafts = self._node.pipeline.plan(asked)
        deliveries = [why_doc(target, draft) for target, made in drafts for draft in made]
        at = read_time(alarm, "at") or self._node.clock.now()
        timeline = forecast(asked, plan.targets, self._desk, at)
        return {
            "plan": why_lines(asked, plan, drafts),
            "deliveries": deliveries,
            "timeline": [step.document() for step in timeline],
            "timezone": self._node.config.node.timezone,
        }

    async def directory_export(self, actor: Actor) -> Doc:
        """The whole directory."""
        _need(actor, Role.VIEWER)
        return await self._node.directory.export()

    async def directory_import(self, actor: Actor, directory: Doc) -> Doc:
        """Add or change entries."""
        _need(actor, Role.ADMIN)
        report = await self._node.directory.apply(directory)
        tables = {name: dataclasses.asdict(count) for name, count in report.tables.items()}
        self._audit(actor, f"imported the directory: {', '.join(tables) or 'nothing'}")
        return tables

    async def directory_entries(self, actor: Actor, table: str) -> Doc:
        """One table."""
        _need(actor, Role.VIEWER)
        _one_of("table", table, tuple(MODELS))
        return {table: await self._node.directory.entries(table)}

    async def directory_put(self, actor: Actor, table: str, entry: Doc) -> Doc:
        """Add or replace one entry."""
        _need(actor, Role.ADMIN)
        stored = await self._node.directory.put(table, entry)
        self._audit(actor, f"changed {table} {stored.get('name', '')}".rstrip())
        return stored

    async def directory_delete(self, actor: Actor, table: str, name: str) -> Doc:
        """Remove one entry."""
        _need(actor, Role.ADMIN)
        await self._node.directory.delete(table, name)
        self._audit(actor, f"removed {table} {name}")
        return {}

    async def tokens(self, actor: Actor) -> Doc:
        """The API tokens without their secrets."""
        _need(actor, Role.ADMIN)
        return {"tokens": self._node.tokens.names()}

    async def token_add(self, actor: Actor, name: str, role: str) -> Doc:
        """Make an API token."""
        _need(actor, Role.ADMIN)
        token = await asyncio.to_thread(self._node.tokens.add, name, role)
        self._audit(actor, f"made the API token {name} ({role})")
        return {"name": name, "role": role, "token": token}

    async def token_remove(self, actor: Actor, name: str) -> Doc:
        """Remove an API token."""
        _need(actor, Role.ADMIN)
        await asyncio.to_thread(self._node.tokens.remove, name)
        self._audit(actor, f"removed the API token {name}")
        return {}

    async def link_key_rotate(self, actor: Actor) -> Doc:
        """Sign links with a new key."""
        _need(actor, Role.ADMIN)
        keys_count = await self._node.directory.rotate_link_keys()
        self._audit(actor, "made a new key for acknowledge links; the one before it stays valid")
        return {"keys_count": keys_count}

    async def virtual_address(self, actor: Actor, address: str, *, is_here: bool) -> Doc:
        """Note where a virtual address is."""
        _need(actor, Role.OPERATOR)
        changed = self._addresses_here.note(address, is_here=is_here)
        if changed:
            what = "came to" if is_here else "left"
            self._node.say(Said(f"The virtual address {address} {what} this node", kind="VirtualAddressMoved"))
        return {"address": address, "is_here": is_here, "changed": changed}

    async def test_alert(self, actor: Actor) -> Doc:
        """Tell the system-alert recipients that this is a test."""
        _need(actor, Role.OPERATOR)
        return await test_alert(self._node, f"{actor.name} ({actor.via})")

    async def doctor(self, actor: Actor) -> Doc:
        """Examine everything, one examination at a time; an operator's, for it logs in at servers outside."""
        _need(actor, Role.OPERATOR)
        async with self._examining:
            return await examine(self._node)

    async def cluster(self, actor: Actor) -> Doc:
        """The place in a cluster."""
        _need(actor, Role.VIEWER)
        twin = self._node.twin
        return twin.peer.document() if twin is not None else {}

    async def cluster_promote(self, actor: Actor) -> Doc:
        """This node is the master from now on."""
        _need(actor, Role.ADMIN)
        twin = self._twin()
        await twin.replication.promote()
        self._audit(actor, "made this node the master of its pair")
        return twin.peer.document()

    async def cluster_start_empty(self, actor: Actor) -> Doc:
        """An empty directory counts."""
        _need(actor, Role.ADMIN)
        twin = self._twin()
        await twin.replication.start_empty()
        self._audit(actor, "let this node start with an empty directory")
        return twin.peer.document()

    async def cluster_difference(self, actor: Actor) -> Doc:
        """What was replaced last."""
        _need(actor, Role.VIEWER)
        offered = await self._node.directory.offered()
        return {"file": str(offered.path), "lines": offered.differences} if offered is not None else {}

    def _twin(self) -> Cluster:
        if self._node.twin is None:
            raise Refused("cluster", "there is no table [cluster] in the configuration")
        return self._node.twin

    async def health(self) -> Doc:
        """Alive: the loop answers, and the writer commits."""
        async with asyncio.timeout(5):
            await self._node.ledger.submit(lambda _transaction: None)
        return {"status": "ok"}

    async def ready(self, needs: Sequence[str] = ()) -> Doc:
        """Ready to take alarms and to do with them what is asked for."""
        return readiness(self._node, needs)

    @property
    def _desk(self) -> Desk:
        return self._node.pipeline.desk

    async def _unit(self, work: Callable[[Transaction, int], T]) -> T:
        clock = self._node.clock
        return await self._node.ledger.submit(lambda transaction: work(transaction, clock.now_ms()))

    async def _read(self, query: Callable[[sa.Connection], T]) -> T:
        return await self._node.ledger.read(query)

    def _audit(self, actor: Actor, what: str) -> None:
        self._node.say(Said(f"{actor.name} ({actor.via}) {what}", kind="Audit"))


def _need(actor: Actor, role: Role) -> None:
    if _RANK[actor.role] < _RANK[role]:
        raise Refused("role", f"this needs the role {role.value}, {actor.name} has {actor.role.value}")


def _one_of(field: str, value: str | None, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        raise Refused(field, f"must be one of {', '.join(known)}")


def _cursor(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 18:
        raise Refused("cursor", "is not one this server gave")
    return int(text)


def _limit(limit: int) -> int:
    if not 1 <= limit <= MAX_LIMIT:
        raise Refused("limit", f"must be 1 to {MAX_LIMIT}")
    return limit
