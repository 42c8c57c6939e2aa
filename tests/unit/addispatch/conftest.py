"""A daemon's front door over invented data: the real HTTP server with ``StubOperations`` behind it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from addispatch.domain.errors import ConfigError, ConfigErrors, Refused, StoreError
from addispatch.sdk.operations import Actor, Role
from addispatch.sdk.testing.operations import EmptyOperations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

Doc = dict[str, Any]
CASE_ID = "0190b0f2-1111-5222-8333-444455556666"
TOKEN = "sesame-open-please"
#: The node's; commands run elsewhere.
TIMEZONE = "Asia/Singapore"

DELIVERY: Doc = {
    "id": "d1", "case_id": CASE_ID, "recipient": "Adam", "to": "+6591234567", "channel": "sms", "state": "sent",
    "attempts": 1, "reference": "17", "error": None, "modem": "sim1", "sent_at": "2026-11-23T05:55:02.100Z",
    "delivered_at": None,
}  # fmt: skip
CASE: Doc = {
    "id": CASE_ID, "code": "A123", "text": "Pump 3 is hot", "priority": "high", "key": "pump3", "source": "mqtt",
    "state": "open", "level": 0, "audience": "CriticalAlarms", "opened_at": "2026-11-23T05:55:01.000Z",
    "acknowledged_at": None, "acknowledged_by": None, "closed_at": None, "deliveries": [DELIVERY],
    "acknowledgements": [], "owner": "node-a",
}  # fmt: skip


def event(number: int, text: str = "something happened", severity: str = "info") -> Doc:
    return {
        "id": number,
        "at": f"2026-11-23T05:55:{number % 60:02d}.123Z",
        "severity": severity,
        "kind": "Said",
        "text": text,
    }


@dataclass
class StubOperations(EmptyOperations):
    """Answers with one of everything and remembers what it was asked."""

    calls: list[tuple[Any, ...]] = field(default_factory=list)
    alarms: list[Doc] = field(default_factory=list)
    actors: list[Actor] = field(default_factory=list)
    directory: Doc = field(
        default_factory=lambda: {"recipient": [{"name": "Adam", "sms": "91234567"}], "group": [], "monitor": []}
    )
    log: list[Doc] = field(default_factory=lambda: [event(n) for n in (1, 2, 3)])
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    failure: Exception | None = None
    delivery_states: list[str] = field(default_factory=lambda: ["sent"])
    is_ready: bool = True
    findings: list[Doc] = field(default_factory=list)
    has_alerted: bool = True
    alert_problem: str = ""
    is_started: bool = True
    monitors_doc: Doc = field(default_factory=lambda: {"monitors": []})

    def _asked(self, actor: Actor | None, *call: Any) -> None:
        self.calls.append(call)
        if actor is not None:
            self.actors.append(actor)
        if self.failure is not None:
            raise self.failure

    def add_event(self, text: str, severity: str = "info") -> None:
        self.log.append(event(len(self.log) + 1, text, severity))
        self.changed.set()

    async def raise_alarm(self, actor: Actor, alarm: Doc) -> Doc:
        self._asked(actor, "raise_alarm")
        if not alarm.get("text"):
            raise Refused("text", "is missing")
        if actor.role is Role.VIEWER:
            raise Refused("role", "a viewer may not raise alarms")
        self.alarms.append(alarm)
        return {"id": "a1", "cases": [{"id": CASE_ID, "code": "A123"}], "mirrored": False}

    async def status(self, actor: Actor) -> Doc:
        self._asked(actor, "status")
        return {
            "state": "Warning: sms is down: no modem", "node": "node-a", "cluster": "default", "version": "0.1.0",
            "started_at": "2026-11-23T05:00:00Z", "time": "2026-11-23T05:55:09.000Z", "timezone": TIMEZONE, "uptime_s": 11_520.5, "warnings": ["sms is down: no modem"],
            "plugins": (await self.plugins(actor))["plugins"],
            "channels": [{"name": "sms", "up": False, "window": 0, "in_flight": 0, "reason": "no modem"}],
            "modems": (await self.modems(actor))["modems"],
            "queue": {"queued": 2, "sending": 1, "in_doubt": 0}, "queue_by_class": {"alarm": 3},
            "queue_oldest_s": 75.2,
            "cases": {"open": 1, "acknowledged": 0, "unacknowledged": 1},
            "ledger": {"path": "/data/ledger.db", "size_bytes": 123456, "waiting": 0, "problem": ""},
        }  # fmt: skip

    async def cases(self, actor: Actor, *, state: str | None = None, limit: int = 50, cursor: str | None = None) -> Doc:
        self._asked(actor, "cases", state, limit, cursor)
        if state not in (None, "open", "acknowledged", "closed"):
            raise Refused("state", "must be open, acknowledged or closed")
        return {"cases": [CASE], "next": "more"}

    async def monitors(self, actor: Actor) -> Doc:
        self._asked(actor, "monitors")
        return self.monitors_doc

    async def monitor_test(self, actor: Actor, request: Doc) -> Doc:
        self._asked(actor, "monitor_test", request)
        if "name" in request:
            return {"probe": "ping", "value": None, "problem": "no answer", "latency_ms": 0.0, "details": []}
        details = [{"as": "float32 CDAB", "value": "21.5"}]
        return {"probe": "modbus", "value": 21.5, "problem": "", "latency_ms": 3.5, "details": details}

    async def monitor_beat(self, actor: Actor, name: str) -> Doc:
        self._asked(actor, "monitor_beat", name)
        if name == "gone":
            raise Refused("name", "there is no monitor 'gone'")
        return {"name": name}

    async def case(self, actor: Actor, case_id: str) -> Doc:
        self._asked(actor, "case", case_id)
        if case_id != CASE_ID:
            raise Refused("id", f"there is no case {case_id}")
        state = self.delivery_states.pop(0) if len(self.delivery_states) > 1 else self.delivery_states[0]
        return CASE | {"deliveries": [DELIVERY | {"state": state}]}

    async def deliveries(
        self, actor: Actor, *, state: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Doc:
        self._asked(actor, "deliveries", state, limit, cursor)
        return {"deliveries": [DELIVERY], "next": None}

    async def received(self, actor: Actor, *, limit: int = 50, cursor: str | None = None) -> Doc:
        self._asked(actor, "received", limit, cursor)
        message = {"id": 1, "channel": "sms", "sender": "+6591234567", "text": "A123 on my way", "modem": "sim1"}
        return {"received": [message | {"received_at": "2026-11-23T05:56:00Z"}], "next": None}

    async def events(
        self, actor: Actor, *, limit: int = 50, cursor: str | None = None, after: int | None = None
    ) -> Doc:
        self._asked(actor, "events", limit, cursor, after)
        if after is not None:
            return {"events": [e for e in self.log if e["id"] > after][:limit], "next": None}
        past = [e for e in self.log[::-1] if cursor is None or e["id"] < int(cursor)]
        return {"events": past[:limit], "next": str(past[limit - 1]["id"]) if len(past) > limit else None}

    async def follow(self, actor: Actor, after: int | None = None) -> AsyncIterator[Doc]:
        self._asked(actor, "follow", after)
        sent = len(self.log) if after is None else after
        while True:
            for one in self.log[sent:]:
                sent = one["id"]
                yield one
            self.changed.clear()
            await self.changed.wait()

    async def modems(self, actor: Actor) -> Doc:
        self._asked(actor, "modems")
        modem = {"name": "sim1", "state": "online", "port": "/dev/ttyUSB0", "operator": "Singtel"}
        return {"modems": [modem | {"technology": "HSPA 3.5G", "signal": 13, "imei": "350", "error": None}]}

    async def plugins(self, actor: Actor) -> Doc:
        self._asked(actor, "plugins")
        good = {
            "name": "mqtt",
            "status": "enabled",
            "version": "0.1.0",
            "summary": "MQTT",
            "reason": "",
            "status_line": "connected",
        }
        bad = {
            "name": "smtp",
            "status": "config_error",
            "version": "0.1.0",
            "summary": "mail",
            "reason": "host is missing",
            "status_line": "",
        }
        return {"plugins": [good, bad]}

    async def why(self, actor: Actor, alarm: Doc) -> Doc:
        self._asked(actor, "why", alarm)
        way = {
            "audience": "CriticalAlarms",
            "route": "plant",
            "recipient": "Adam",
            "channel": "sms",
            "to": "+6591234567",
        }
        sent = way | {"text": "Pump 3 is hot", "segments": 1, "when": "at once", "problem": None}
        return {
            "plan": ["A high alarm from mqtt: hot", "It goes to CriticalAlarms, by route plant: 1 message(s)."],
            "deliveries": [] if "nobody" in alarm["text"] else [sent, sent | {"problem": "Eve is disabled"}],
        }

    async def directory_export(self, actor: Actor) -> Doc:
        self._asked(actor, "directory_export")
        return self.directory

    async def directory_import(self, actor: Actor, directory: Doc) -> Doc:
        self._asked(actor, "directory_import", directory)
        if "recipent" in directory:
            one = ConfigError("recipent", "is no table here", 'did you mean "recipient"?')
            raise ConfigErrors([one, ConfigError("group[0].members", "'Jone' is nobody", 'did you mean "Jane"?')])
        return {table: {"added": len(entries), "changed": 0, "unchanged": 0} for table, entries in directory.items()}

    async def directory_entries(self, actor: Actor, table: str) -> Doc:
        self._asked(actor, "directory_entries", table)
        if table not in self.directory:
            raise Refused("table", f"there is no table {table}")
        return {table: self.directory[table]}

    async def directory_put(self, actor: Actor, table: str, entry: Doc) -> Doc:
        self._asked(actor, "directory_put", table, entry)
        if "name" not in entry:
            raise Refused("name", "is missing")
        self.directory[table].append(entry)
        return entry

    async def directory_delete(self, actor: Actor, table: str, name: str) -> Doc:
        self._asked(actor, "directory_delete", table, name)
        if name == "Used":
            raise Refused("group.members", "CriticalAlarms still names Used")
        if name not in [entry["name"] for entry in self.directory[table]]:
            raise Refused("name", f"there is no {table} {name}")
        return {"deleted": name}

    async def tokens(self, actor: Actor) -> Doc:
        self._asked(actor, "tokens")
        return {"tokens": [{"name": "grafana", "role": "viewer", "created_at": "2026-11-01T00:00:00Z"}]}

    async def token_add(self, actor: Actor, name: str, role: str) -> Doc:
        self._asked(actor, "token_add", name, role)
        return {"name": name, "role": role, "token": "adt_secret"}

    async def token_remove(self, actor: Actor, name: str) -> Doc:
        self._asked(actor, "token_remove", name)
        if name != "grafana":
            raise Refused("name", f"there is no token {name!r}")
        return {}

    async def link_key_rotate(self, actor: Actor) -> Doc:
        self._asked(actor, "link_key_rotate")
        if actor.role is not Role.ADMIN:
            raise Refused("role", "this needs the role admin")
        return {"keys_count": 2}

    async def virtual_address(self, actor: Actor, address: str, *, is_here: bool) -> Doc:
        self._asked(actor, "virtual_address", address, is_here)
        if ":" not in address and not address[0].isdigit():
            raise Refused("address", f"{address} is no address")
        return {"address": address, "is_here": is_here, "changed": True}

    async def acknowledge(self, actor: Actor, request: Doc) -> Doc:
        self._asked(actor, "acknowledge", request)
        result = "commented" if request.get("action") == "comment" else "acknowledged"
        codes = request.get("codes") or ["A123"]
        if "Z999" in codes:
            raise Refused("codes", "there is no case with the code Z999")
        cases = [{"id": CASE_ID, "code": code, "result": "refused" if code == "R000" else result} for code in codes]
        return {"cases": cases, "answer": f"Thank you, {request.get('by') or actor.name}."}

    async def roll_call(self, actor: Actor, code: str) -> Doc:
        self._asked(actor, "roll_call", code)
        if code != "A123":
            raise Refused("code", f"there is no recall with the code {code[:20]}")
        people = [
            {"recipient": "Adam", "answer": "acked", "at": "2026-11-23T05:56:00.000Z", "comment": "10 min"},
            {"recipient": "Jane", "answer": "pending", "at": None, "comment": ""},
        ]
        counts = {"acked": 1, "declined": 0, "pending": 1, "undeliverable": 0}
        return {"recalls": [{"code": code, "audience": "Fire brigade", "counts": counts, "people": people}]}

    async def pause(self, actor: Actor) -> Doc:
        self._asked(actor, "pause")
        return {"paused": True, "changed": self.calls.count(("pause",)) == 1}

    async def resume(self, actor: Actor, *, discard: bool = False) -> Doc:
        self._asked(actor, "resume", discard)
        return {"paused": False, "changed": ("pause",) in self.calls, "cancelled": 3 if discard else 0}

    async def cancel_pending(self, actor: Actor, *, close_cases: bool = False) -> Doc:
        self._asked(actor, "cancel_pending", *(["close_cases"] if close_cases else []))
        return {"cancelled": 3, "closed": 1} if close_cases else {"cancelled": 3}

    async def unlock(self, actor: Actor, address: str) -> Doc:
        self._asked(actor, "unlock", address)
        if address != "+6591234567":
            raise Refused("address", f"{address[:60]} is not locked")
        return {"address": address}

    async def test_alert(self, actor: Actor) -> Doc:
        self._asked(actor, "test_alert")
        way = {
            "recipient": "Adam",
            "channel": "sms",
            "to": "+6591234567",
            "problem": "",
            "waits": "sms is down: no modem",
        }
        mail = way | {"channel": "email", "to": "adam@example.com", "waits": ""}
        return {"text": "a test", "told": [way, mail] if self.has_alerted else [], "problem": self.alert_problem}

    async def doctor(self, actor: Actor) -> Doc:
        self._asked(actor, "doctor")
        ok = not any(finding["problem"] for finding in self.findings)
        return {"node": "node-a", "running": True, "ok": ok, "findings": self.findings}

    async def health(self) -> Doc:
        return {"status": "ok"} if self.failure is None else {"status": "ledger writer stands still"}

    async def ready(self, needs: Sequence[str] = ()) -> Doc:
        self.needs = tuple(needs)
        lacks = "no modem" if {"sms"} & {*needs} else ""
        reason = lacks if self.is_ready else "ledger is not writable"
        return {"ready": not reason, "reason": reason, "standby": False, "refuses": ""}


def authenticate(token: str) -> Actor | None:
    """Know two tokens: an admin's and a viewer's."""
    roles = {TOKEN: Role.ADMIN, "looking-only": Role.VIEWER}
    return Actor("script", roles[token], "token") if token in roles else None


@dataclass
class Running:
    """A served application and what is behind it."""

    operations: StubOperations
    unix_path: Path
    port: int
    server: Any
    store_error: StoreError = field(default_factory=lambda: StoreError("the disk is full"))


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    from addispatch.http.app import create_app
    from addispatch.http.server import HttpServer
    from addispatch.runtime.metrics import Metrics

    operations = StubOperations()
    unix_path = tmp_path / "addispatch.sock"
    app = create_app(
        operations, authenticate=authenticate, metrics=Metrics(), is_started=lambda: operations.is_started,
        timezone=TIMEZONE,
    )  # fmt: skip
    server = HttpServer(app, unix_path, ("127.0.0.1", 0), pytest.fail)
    await server.start()
    assert server.tcp_port is not None
    yield Running(operations, unix_path, server.tcp_port, server)
    await server.stop()
