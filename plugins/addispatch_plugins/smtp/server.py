"""One mail server: sends mails over its pool, and knows whether it can be used now. Used by ``channel``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from addispatch.sdk import DeliveryError, InDoubt, Permanent, Receipt, Sent, Temporary
from addispatch_plugins.smtp.compose import Composer
from addispatch_plugins.smtp.deadlines import Deadlines
from addispatch_plugins.smtp.errand import Dropped, Errand, Rejected
from addispatch_plugins.smtp.login import ServerTrouble, log_in, tls_context
from addispatch_plugins.smtp.pool import Pool
from addispatch_plugins.smtp.quota import DailyCap

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from addispatch.sdk import Context, Delivery
    from addispatch_plugins.smtp.config import ServerConfig
    from addispatch_plugins.smtp.conversation import Conversation, Keeper

#: Pause before a server in trouble is tried again, the first and the longest, in seconds.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
#: Replies that speak of our login, not of the mail (RFC 4954 6).
_LOGIN_CODES = frozenset({530, 534, 535, 538})


class Server:
    """A server is in ``trouble`` from the first connection that fails until a probe gets through again.

    While it is, nobody sends by it: no mail waits for a connection that will not come.
    """

    def __init__(
        self,
        name: str,
        config: ServerConfig,
        context: Context,
        on_change: Callable[[Server], None],
        reply_to: str = "",
        on_works: Callable[[], None] = lambda: None,
    ) -> None:
        """``on_change(server)`` is called when trouble begins or ends, ``on_works()`` when a probe found none.

        Answers go to ``reply_to`` if it is given.
        """
        self.name, self.config = name, config
        self.trouble = ""
        self.banner = ""
        self.is_known = False
        """Whether it was tried yet."""
        self.cap = DailyCap(name, config.daily_cap, context)
        self._composer = Composer(config.sender, config.display_name, context.node, context.clock, reply_to)
        self._on_change, self._on_works = on_change, on_works
        self._tls: ssl.SSLContext | None = None
        self._pool = Pool(config.connections, self._open)
        self._deadlines = Deadlines()
        self._pause_s, self._recovered_s = FIRST_PAUSE_S, context.clock.monotonic_s()
        self._clock = context.clock
        self._probe_wanted = asyncio.Event()
        # The first probe is the check of the configuration: its result is shown before the first mail.
        self._probe_wanted.set()

    def prepare(self) -> None:
        """Load certificates; raises ``ServerTrouble``."""
        self._tls = tls_context(self.config)

    def close(self) -> None:
        """Close idle connections; those in use follow their mails."""
        self._pool.close()

    async def watch(self) -> None:
        """Probe the server at the start and while it is in trouble. Runs until cancelled."""
        while True:
            await self._probe_wanted.wait()
            if self.trouble:
                await asyncio.sleep(self._pause_s)
                self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
            if await self._probe():
                self._probe_wanted.clear()

    async def send(self, delivery: Delivery) -> Receipt:
        """Send one mail; never takes longer than ``timeout_s``."""
        try:
            mail = self._composer.compose(delivery)
        except ValueError as error:
            return Permanent(str(error), by=self.name)
        deadline_at = asyncio.get_running_loop().time() + self.config.timeout_s
        errand = Errand(self._composer.sender, mail.recipient, mail.content, deadline_at)
        self.cap.take()
        self._deadlines.add(errand)
        try:
            await self._pool.deliver(errand)
        except DeliveryError as error:
            receipt = self._failed(errand, error)
        except TimeoutError:
            receipt = self._failed(errand, Dropped(f"no answer within {self.config.timeout_s:g} s"))
        else:
            receipt = Sent(mail.message_id, by=self.name)
        finally:
            self._deadlines.remove(errand)
        if not isinstance(receipt, (Sent, InDoubt)):
            self.cap.give_back()
        return receipt

    def _failed(self, errand: Errand, error: DeliveryError) -> Receipt:
        if isinstance(error, Rejected):
            return self._rejected(error)
        if isinstance(error, ServerTrouble):
            return self._in_trouble(str(error))
        temporary = self._in_trouble(f"{self.config.address}: {error}")
        return InDoubt(f"{error} after the mail was sent", by=self.name) if errand.content_sent else temporary

    def _rejected(self, error: Rejected) -> Receipt:
        code, reason = error.reply.code, str(error)
        if code == 421 or code in _LOGIN_CODES:
            return self._in_trouble(f"{self.config.address}: {reason}")
        # A server that refuses our sender refuses every mail: that is no fault of this one, another server may take it.
        if 500 <= code < 600 and error.command != "MAIL":
            return Permanent(reason, by=self.name)
        return Temporary(reason, by=self.name)

    def _in_trouble(self, reason: str) -> Temporary:
        began, self.trouble, self.is_known = not self.trouble, reason, True
        # What is idle may be dead as well, and must not answer for the server when it is probed.
        self._pool.close_idle()
        self._probe_wanted.set()
        if began:
            # A server that gets into trouble again and again is tried ever more rarely.
            if self._clock.monotonic_s() - self._recovered_s > LONGEST_PAUSE_S:
                self._pause_s = FIRST_PAUSE_S
            self._on_change(self)
        return Temporary(reason, by=self.name)

    async def _open(self, keeper: Keeper) -> Conversation:
        conversation, self.banner = await log_in(self.config, self._tls, keeper)
        return conversation

    async def _probe(self) -> bool:
        """Open a connection, as the next mail would, and leave it for that."""
        try:
            await self._pool.probe()
        except ServerTrouble as error:
            self._in_trouble(str(error))
            return False
        self.is_known = True
        if self.trouble:
            self.trouble, self._recovered_s = "", self._clock.monotonic_s()
            self._on_change(self)
        else:
            self._on_works()
        return True
