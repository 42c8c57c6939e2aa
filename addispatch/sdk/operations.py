"""Law 9: the one way in for HTTP, CLI, console, MQTT commands and SMS commands.

Implemented by ``addispatch.engine.operations``. Documents are plain JSON values with the keys of docs/api.md;
lists come as ``{"cases": […], "next": cursor}``, where ``next`` is null at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


class Role(StrEnum):
    """What an actor may do: admin everything, operator send and act, viewer look."""

    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: shown in the audit events."""

    name: str
    role: Role
    via: str


Doc = dict[str, Any]


class Operations(Protocol):
    """Every method raises ``Refused`` (bad input or role; names the field) or ``StoreError``."""

    async def raise_alarm(self, actor: Actor, alarm: Doc) -> Doc:
        """Take an alarm document (CONTRACT, MQTT payload keys); answer ``{id, cases: [{id, code}], mirrored}``."""

    async def status(self, actor: Actor) -> Doc:
        """The state of node, ledger, plugins, channels, queue and modems, with a list of warnings."""

    async def cases(self, actor: Actor, *, state: str | None = None, limit: int = 50, cursor: str | None = None) -> Doc:
        """Cases, newest first; ``state`` is open, acknowledged or closed."""

    async def case(self, actor: Actor, case_id: str) -> Doc:
        """Return one case with its deliveries; ``Refused("id", …)`` when there is none."""

    async def deliveries(
        self, actor: Actor, *, state: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Doc:
        """Deliveries, newest first."""

    async def received(self, actor: Actor, *, limit: int = 50, cursor: str | None = None) -> Doc:
        """Messages that came in, newest first."""

    async def events(
        self, actor: Actor, *, limit: int = 50, cursor: str | None = None, after: int | None = None
    ) -> Doc:
        """Events, newest first; with ``after`` those newer than that id, oldest first."""

    def follow(self, actor: Actor, after: int | None = None) -> AsyncIterator[Doc]:
        """Events as they are committed, starting behind the id ``after`` (or from now)."""

    async def modems(self, actor: Actor) -> Doc:
        """The modems of all plugins: ``{"modems": […]}``."""

    async def monitors(self, actor: Actor) -> Doc:
        """How the monitors stand: ``{"monitors": [{name, probe, state, value, units, limit, error, …}]}``."""

    async def monitor_test(self, actor: Actor, request: Doc) -> Doc:
        """Read once what a monitor (``name``) watches, or what a ``probe`` with its keys would see.

        Answers ``{"probe", "value", "problem", "latency_ms", "details": [{"as", "value"}]}``.
        """

    async def monitor_beat(self, actor: Actor, name: str) -> Doc:
        """Tell a monitor that is reported to (probe ``heartbeat``) that its source lives; answers ``{"name"}``."""

    async def plugins(self, actor: Actor) -> Doc:
        """The plugins with their status: ``{"plugins": […]}``."""

    async def acknowledge(self, actor: Actor, request: Doc) -> Doc:
        """Acknowledge, decline or comment.

        ``request`` names the cases by ``codes`` (a list) or ``case`` (an id); ``action`` is ack (default), decline or
        comment; ``by`` a recipient as whom it counts, else the actor on behalf of all; ``recipients`` (names, or
        "all") for whom it counts in a recall; ``comment`` free text. Or ``text`` is what somebody would reply by SMS
        and ``by`` who he is. Answers ``{"cases": [{"id", "code", "result"}], "answer": text for the one who asked}``;
        ``result`` is acknowledged, declined, commented, already or refused.
        """

    async def link(self, token: str) -> Doc:
        """Return what an acknowledge link shows: ``{"recipient": name, "case": {...}}``, with the keys of a case.

        ``Refused("token", …)`` for one that is expired, altered or none: the same answer after the same work. Changes
        nothing. The token is the credential: there is no actor.
        """

    async def link_answer(self, token: str, request: Doc) -> Doc:
        """Act by a link: ``{"action": "ack" | "decline" | "comment", "comment": text}``; answers as ``acknowledge``."""

    async def roll_call(self, actor: Actor, code: str) -> Doc:
        """Who has answered the recalls of a code.

        ``{"recalls": [{"id", "code", "audience", "counts", "people": [{"recipient", "answer", "at", "comment"}]}]}``;
        ``answer`` is acked, declined, pending or undeliverable.
        """

    async def pause(self, actor: Actor) -> Doc:
        """Emergency pause: nothing leaves until ``resume``; alarms and acknowledgements count.

        Answers ``{"paused", "changed"}``.
        """

    async def resume(self, actor: Actor, *, discard: bool = False) -> Doc:
        """End the pause; what waited goes out, or with ``discard`` is cancelled.

        Answers ``{"paused", "changed", "cancelled"}``.
        """

    async def cancel_pending(self, actor: Actor, *, close_cases: bool = False) -> Doc:
        """Cancel every delivery that is not sent and not under way: ``{"cancelled": count}``.

        Cases of which somebody knows go on escalating, unless ``close_cases``: then the answer has ``closed``, too.
        """

    async def close(self, actor: Actor, request: Doc) -> Doc:
        """Close cases, named by ``codes`` or one ``case`` id, perhaps with a ``comment``; who knows of them is told.

        Answers ``{"cases": [{"id", "code", "result"}]}``; ``result`` is closed or already.
        """

    async def restored(self, actor: Actor, *, limit: int = 50, cursor: str | None = None) -> Doc:
        """What is held since a backup was restored, the oldest first.

        ``{"restored_at", "backup_at", "case_count", "delivery_count", "cases": [with the keys of a case], "next"}``.
        """

    async def decide_restored(self, actor: Actor, action: str) -> Doc:
        """Let what is held after a restore go out (``send``, marked as repeats), or cancel it (``drop``).

        Answers ``{"action", "cases", "deliveries"}``.
        """

    async def backup(self, actor: Actor) -> AsyncIterator[bytes]:
        """Make a backup and return the file in pieces; for the unix socket alone. Takes as long as it takes."""

    async def unlock(self, actor: Actor, address: str) -> Doc:
        """Listen again to the codes of a number or mail address that sent too many wrong ones."""

    async def why(self, actor: Actor, alarm: Doc) -> Doc:
        """Dry run: who would be told what, by which channel, and why. Nothing is stored or sent."""

    async def directory_export(self, actor: Actor) -> Doc:
        """Return the whole directory in the shape of ``directory.toml``."""

    async def directory_import(self, actor: Actor, directory: Doc) -> Doc:
        """Add or change the entries named; idempotent; answers counts per table."""

    async def directory_entries(self, actor: Actor, table: str) -> Doc:
        """Return one table of the directory, for example ``recipient``: ``{"recipient": […]}``."""

    async def directory_put(self, actor: Actor, table: str, entry: Doc) -> Doc:
        """Add or replace one entry, found by its name."""

    async def directory_delete(self, actor: Actor, table: str, name: str) -> Doc:
        """Remove one entry; refused while another one refers to it."""

    async def tokens(self, actor: Actor) -> Doc:
        """The API tokens, without their secrets: ``{"tokens": [{name, role, created_at}]}``."""

    async def token_add(self, actor: Actor, name: str, role: str) -> Doc:
        """Make an API token and return it as ``{"name", "role", "token"}``: the only time it is shown."""

    async def token_remove(self, actor: Actor, name: str) -> Doc:
        """Remove an API token; it stops working at once."""

    async def link_key_rotate(self, actor: Actor) -> Doc:
        """Sign acknowledge links with a new key: ``{"keys_count": n}``. Links signed by the key before stay valid."""

    async def virtual_address(self, actor: Actor, address: str, *, is_here: bool) -> Doc:
        """Note that a virtual address has come to this machine or left it: ``{"address", "is_here", "changed"}``.

        Told by keepalived; what changed is an event.
        """

    async def test_alert(self, actor: Actor) -> Doc:
        """Send a test to the system-alert recipients by every channel each of them has.

        ``{"text", "told": [{"recipient", "channel", "to", "problem", "waits"}], "problem"}``: ``problem`` says why
        nothing goes out, there and by each way; ``waits`` why a text that is queued does not leave yet.
        """

    async def doctor(self, actor: Actor) -> Doc:
        """Examine everything: ``{"node", "running", "ok", "findings": [{"subject", "detail", "problem", "advice"}]}``.

        Takes up to 25 s, one at a time. A finding is good if its ``problem`` is empty.
        """

    async def cluster(self, actor: Actor) -> Doc:
        """The place in a cluster: role, mode, state, the other node, paths, entries; ``{}`` without one."""

    async def cluster_promote(self, actor: Actor) -> Doc:
        """Make this node the master (admin); returns the cluster's document."""

    async def cluster_start_empty(self, actor: Actor) -> Doc:
        """Let an empty directory count as one (admin); returns the cluster's document."""

    async def cluster_difference(self, actor: Actor) -> Doc:
        """``{"file", "lines"}``: the directory that was replaced last, and how it differs; ``{}`` if there is none."""

    async def health(self) -> Doc:
        """Liveness: ``{"status": "ok"}`` while loop and writer move."""

    async def ready(self, needs: Sequence[str] = ()) -> Doc:
        """Readiness: ``{"ready": bool, "reason": str, "standby": bool, "refuses": str}``.

        ``needs`` are names of channels one of which is not enough: each must be up. ``standby`` is true when the node
        is well and not ready only because its peer is the one that works. ``refuses`` says why alarms are refused all
        the same, as a pair that is ``strict`` does while one of it is away.
        """
