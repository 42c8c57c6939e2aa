"""Operations of a daemon that has nothing to show. Given to plugins by ``RecordingContext``."""
# ruff: noqa: ARG002 - the signatures are the contract's

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.domain.errors import Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from addispatch.sdk.operations import Actor, Doc


class EmptyOperations:
    """Implements ``Operations`` with empty documents. Subclass it and override what a test needs."""

    async def raise_alarm(self, actor: Actor, alarm: Doc) -> Doc:
        """Take nothing."""
        return {"id": "", "cases": [], "mirrored": False}

    async def status(self, actor: Actor) -> Doc:
        """Nothing to warn of."""
        return {"warnings": []}

    async def cases(self, actor: Actor, *, state: str | None = None, limit: int = 50, cursor: str | None = None) -> Doc:
        """No cases."""
        return {"cases": [], "next": None}

    async def case(self, actor: Actor, case_id: str) -> Doc:
        """No case has any id."""
        raise Refused("id", f"there is no case {case_id}")

    async def deliveries(
        self, actor: Actor, *, state: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Doc:
        """No deliveries."""
        return {"deliveries": [], "next": None}

    async def received(self, actor: Actor, *, limit: int = 50, cursor: str | None = None) -> Doc:
        """No messages."""
        return {"received": [], "next": None}

    async def events(
        self, actor: Actor, *, limit: int = 50, cursor: str | None = None, after: int | None = None
    ) -> Doc:
        """No events."""
        return {"events": [], "next": None}

    async def follow(self, actor: Actor, after: int | None = None) -> AsyncIterator[Doc]:
        """No events, ever: the iterator ends at once."""
        nothing: tuple[Doc, ...] = ()
        for event in nothing:
            yield event

    async def monitors(self, actor: Actor) -> Doc:
        """No monitors."""
        return {"monitors": []}

    async def monitor_test(self, actor: Actor, request: Doc) -> Doc:
        """There are no probes."""
        raise Refused("probe", "no plugin provides it")

    async def monitor_beat(self, actor: Actor, name: str) -> Doc:
        """There are no monitors."""
        raise Refused("name", "there is no such monitor")

    async def modems(self, actor: Actor) -> Doc:
        """No modems."""
        return {"modems": []}

    async def cluster(self, actor: Actor) -> Doc:
        """No cluster."""
        return {}

    async def cluster_promote(self, actor: Actor) -> Doc:
        """No cluster."""
        raise Refused("cluster", "there is no table [cluster]")

    async def cluster_start_empty(self, actor: Actor) -> Doc:
        """No cluster."""
        raise Refused("cluster", "there is no table [cluster]")

    async def cluster_difference(self, actor: Actor) -> Doc:
        """No cluster."""
        return {}

    async def plugins(self, actor: Actor) -> Doc:
        """No plugins."""
        return {"plugins": []}

    async def acknowledge(self, actor: Actor, request: Doc) -> Doc:
        """There is nothing to acknowledge."""
        return {"cases": [], "answer": ""}

    async def link(self, token: str) -> Doc:
        """No link is valid."""
        raise Refused("token", "this link is not valid, or not any more")

    async def link_answer(self, token: str, request: Doc) -> Doc:
        """No link is valid."""
        raise Refused("token", "this link is not valid, or not any more")

    async def roll_call(self, actor: Actor, code: str) -> Doc:
        """There is no recall."""
        raise Refused("code", f"there is no recall with the code {code}")

    async def pause(self, actor: Actor) -> Doc:
        """Nothing is sent anyway."""
        return {"paused": True, "changed": True}

    async def resume(self, actor: Actor, *, discard: bool = False) -> Doc:
        """Nothing waited."""
        return {"paused": False, "changed": True, "cancelled": 0}

    async def cancel_pending(self, actor: Actor, *, close_cases: bool = False) -> Doc:
        """Nothing waits."""
        return {"cancelled": 0, "closed": 0} if close_cases else {"cancelled": 0}

    async def restored(self, actor: Actor, *, limit: int = 50, cursor: str | None = None) -> Doc:
        """Nothing is held."""
        return {
            "restored_at": None, "backup_at": None, "case_count": 0, "delivery_count": 0, "cases": [], "next": None,
        }  # fmt: skip

    async def decide_restored(self, actor: Actor, action: str) -> Doc:
        """Nothing is held."""
        return {"action": action, "cases": 0, "deliveries": 0}

    async def backup(self, actor: Actor) -> AsyncIterator[bytes]:
        """There is nothing to back up."""
        raise Refused("backup", "there is nothing to back up")

    async def close(self, actor: Actor, request: Doc) -> Doc:
        """There are no cases."""
        raise Refused("codes", "there is no such case")

    async def unlock(self, actor: Actor, address: str) -> Doc:
        """Nobody is locked."""
        raise Refused("address", f"{address} is not locked")

    async def why(self, actor: Actor, alarm: Doc) -> Doc:
        """Nobody would be told."""
        return {"targets": []}

    async def directory_export(self, actor: Actor) -> Doc:
        """Return an empty directory."""
        return {}

    async def directory_import(self, actor: Actor, directory: Doc) -> Doc:
        """Import nothing."""
        return {}

    async def directory_entries(self, actor: Actor, table: str) -> Doc:
        """Every table is empty."""
        return {table: []}

    async def directory_put(self, actor: Actor, table: str, entry: Doc) -> Doc:
        """Keep nothing."""
        return {}

    async def directory_delete(self, actor: Actor, table: str, name: str) -> Doc:
        """Delete nothing."""
        return {}

    async def tokens(self, actor: Actor) -> Doc:
        """No tokens."""
        return {"tokens": []}

    async def token_add(self, actor: Actor, name: str, role: str) -> Doc:
        """Make a token that opens nothing."""
        return {"name": name, "role": role, "token": ""}

    async def token_remove(self, actor: Actor, name: str) -> Doc:
        """Remove nothing."""
        return {}

    async def link_key_rotate(self, actor: Actor) -> Doc:
        """There are no links."""
        return {"keys_count": 0}

    async def virtual_address(self, actor: Actor, address: str, *, is_here: bool) -> Doc:
        """It is where it was."""
        return {"address": address, "is_here": is_here, "changed": False}

    async def test_alert(self, actor: Actor) -> Doc:
        """There is nobody to tell."""
        return {"text": "", "told": [], "problem": "system_alert_to is empty"}

    async def doctor(self, actor: Actor) -> Doc:
        """There is nothing to find."""
        return {"node": "", "running": True, "ok": True, "findings": []}

    async def health(self) -> Doc:
        """Alive."""
        return {"status": "ok"}

    async def ready(self, needs: Sequence[str] = ()) -> Doc:
        """Ready."""
        return {"ready": True, "reason": "", "standby": False, "refuses": ""}
