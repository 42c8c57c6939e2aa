"""Polls the mailbox: look, hand over, wait for the ledger, delete. Run under supervision by ``instance``.

Law 1: a mail is deleted only when the core has stored it. One that was stored and could not be deleted is deleted by a
later look; after a restart it is handed over once more, with the same reference.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from addispatch.sdk import Incoming, Severity
from addispatch_plugins.mailbox.border import Border
from addispatch_plugins.mailbox.collect import Look, collect, reference
from addispatch_plugins.mailbox.outage import Outage
from addispatch_plugins.mailbox.session import MailboxTrouble, Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from addispatch.sdk import Context
    from addispatch_plugins.mailbox.config import MailboxConfig
    from addispatch_plugins.mailbox.letter import Letter

CHANNEL = "email"
#: For a whole look, and for deleting and leaving, in seconds; a server that answers by drops meets no other limit.
LOOK_DEADLINE_S, REMOVE_DEADLINE_S = 180.0, 60.0
#: How long a look waits for the ledger, in seconds; what is not durable by then is deleted by a later one.
COMMIT_WAIT_S = 10.0
#: After how long a mail that could not be fetched is tried again, in seconds, and how many such mails are remembered.
BAD_AGAIN_S, MAX_BAD = 3600.0, 1000


class Poller:
    """One mailbox. ``open_session()`` makes a session that is not open yet."""

    def __init__(
        self,
        config: MailboxConfig,
        context: Context,
        open_session: Callable[[], Session],
        on_login_refused: Callable[[], None] = lambda: None,
    ) -> None:
        """``on_login_refused()`` is told so that credentials that are kept can be renewed."""
        self._config, self._context = config, context
        self._open_session, self._on_login_refused = open_session, on_login_refused
        self._border = Border()
        self._handed: dict[str, asyncio.Future[None]] = {}
        self._stored: set[str] = set()
        # Mails that the server did not give out or during which it fell silent, and until when they are left alone.
        self._bad: dict[str, float] = {}
        self._stopping = asyncio.Event()
        #: Held while a session is open: many POP3 servers let only one in.
        self.busy = asyncio.Lock()
        self.outage = Outage(config, context)
        self.taken_count = 0
        self.looked_at = ""

    async def run(self) -> None:
        """Poll until ``stop`` is called."""
        while not self._stopping.is_set():
            async with self.busy:
                # Two nodes that poll one mailbox would get in each other's way.
                pause_s = await self._poll() if self._context.on_duty else self._config.poll_s
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stopping.wait()

    def stop(self) -> None:
        """Begin no other look."""
        self._stopping.set()

    async def _poll(self) -> float:
        """Look once; return the pause before the next look, in seconds."""
        look, session = Look(), self._open_session()
        try:
            removed_count = await self._look(look, session)
        except MailboxTrouble as trouble:
            session.abort()
            if look.current:
                self._remember_bad(look.current, str(trouble))
            if trouble.is_login:
                self._on_login_refused()
            return self.outage.failed(trouble)
        self.outage.worked()
        self.looked_at = self._context.clock.now().strftime("%H:%M:%S UTC")
        return 0.0 if look.is_more and removed_count else self._config.poll_s

    async def _look(self, look: Look, session: Session) -> int:
        now_s = self._context.clock.monotonic_s()
        known = {*self._handed, *self._stored, *(name for name, again_s in self._bad.items() if again_s > now_s)}
        await self._border.call(lambda: collect(session, look, known), deadline_s=LOOK_DEADLINE_S, abort=session.abort)
        there = set(look.names)
        for name, why in look.refused.items():
            self._remember_bad(name, why)
        self._bad = {name: at for name, at in self._bad.items() if name in there and name not in look.letters}
        # Gone by our hand or another's: nothing to wait for any more.
        self._stored &= there
        self._handed = {name: future for name, future in self._handed.items() if name in there}
        if not self._stopping.is_set():
            for name, letter in look.letters.items():
                self._handed[name] = self._context.received(self._incoming(name, letter))
        await self._wait_for_the_ledger()
        if self._context.is_trial or not self._stored:
            await self._border.call(session.close, deadline_s=REMOVE_DEADLINE_S, abort=session.abort)
            return 0
        durable = [name for name in look.names if name in self._stored]
        await self._border.call(lambda: session.remove(durable), deadline_s=REMOVE_DEADLINE_S, abort=session.abort)
        self._stored.clear()
        return len(durable)

    async def _wait_for_the_ledger(self) -> None:
        waiting = [future for future in self._handed.values() if not future.done()]
        if waiting and not self._context.is_trial:
            await asyncio.wait(waiting, timeout=COMMIT_WAIT_S)
        for name, future in list(self._handed.items()):
            if not future.done():
                continue
            del self._handed[name]
            if problem := future.exception():
                # Not known any more: the next look fetches it again.
                self._context.log.warning("a mail stays in the mailbox: %s", problem)
            else:
                self._stored.add(name)
                self.taken_count += 1

    def _incoming(self, name: str, letter: Letter) -> Incoming:
        return Incoming(
            channel=CHANNEL,
            sender=letter.sender,
            subject=letter.subject,
            text=letter.text,
            tokens=letter.tokens,
            automatic=letter.automatic,
            received_at=self._context.clock.now(),
            reference=reference(f"{self._config.host}\0{self._config.user}", name, letter),
            by=self._config.mailbox,
        )

    def _remember_bad(self, name: str, why: str) -> None:
        """Leave a mail alone for a while; say so once of each."""
        again_s = self._context.clock.monotonic_s() + BAD_AGAIN_S
        if name in self._bad:
            self._bad[name] = again_s
        elif len(self._bad) < MAX_BAD:
            self._bad[name] = again_s
            text = f"A mail in {self._config.mailbox} cannot be fetched and stays there: {why}"
            self._context.event(text, severity=Severity.WARNING, kind="mailbox_mail", mail=name[:80])
