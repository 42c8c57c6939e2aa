"""Probe ``http``: whether a web server answers as it should, and how long its certificate holds.

Made by ``instance``.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from addispatch.sdk import Clock, PluginError, Reading
from addispatch_plugins.net.connect import ConnectFailed, explain
from addispatch_plugins.net.fetch import Answer, FetchFailed, days_left, fetch
from addispatch_plugins.net.matcher import Matcher, MatchFailed
from addispatch_plugins.net.names import NameFailed

if TYPE_CHECKING:
    from pathlib import Path

    from addispatch_plugins.net.keys import HttpKeys
    from addispatch_plugins.net.names import Names

#: How much of a body is shown by ``addispatch monitors test``.
SHOWN_BYTES = 200


class HttpProbe:
    """Implements ``sdk.Probe``."""

    name = "http"

    def __init__(self, names: Names, matcher: Matcher, clock: Clock, *, agent: str, ca_file: Path | None) -> None:
        self._names, self._matcher, self._clock = names, matcher, clock
        self._agent, self._ca_file = agent, ca_file
        self._contexts: dict[bool, asyncio.Future[ssl.SSLContext]] = {}

    def group(self, keys: HttpKeys) -> Hashable:
        """Each its own: nothing is shared between requests."""
        return keys

    def prepare(self, keys: Sequence[HttpKeys]) -> None:
        """Nothing is kept between readings but what all share."""

    async def read(self, keys: Sequence[HttpKeys], timeout_s: float) -> Sequence[Reading]:
        """Ask once: those of a group ask the same."""
        return [await self._fetched(keys[0], timeout_s)] * len(keys)

    async def explain(self, keys: HttpKeys, timeout_s: float) -> Sequence[tuple[str, str]]:
        """Ask once more and show what came (``sdk.Explainer``)."""
        answer = Answer()
        with contextlib.suppress(PluginError, OSError):  # TimeoutError is one
            async with asyncio.timeout(timeout_s):
                await self._ask(keys, answer, wants_body=keys.method != "HEAD")
        lines = [("redirect to", url) for url in answer.asked[1:]]
        if answer.status:
            lines.append(("status", str(answer.status)))
        if answer.ends_at:
            lines.append(("certificate ends", f"{answer.ends_at:%Y-%m-%d %H:%M} UTC"))
        if answer.body:
            lines.append(("body begins", repr(answer.body[:SHOWN_BYTES].decode("utf-8", "replace"))))
        return lines

    async def _ask(self, keys: HttpKeys, answer: Answer, *, wants_body: bool) -> None:
        await fetch(
            self._names,
            keys.url,
            answer,
            method=keys.method,
            agent=self._agent,
            tls=await self._context(verify=keys.verify),
            wants_body=wants_body,
            is_wanted=lambda status: status in keys.statuses,
        )

    async def _fetched(self, keys: HttpKeys, timeout_s: float) -> Reading:
        loop, answer = asyncio.get_running_loop(), Answer()
        began_s = loop.time()
        try:
            async with asyncio.timeout(timeout_s):
                await self._ask(keys, answer, wants_body=bool(keys.match or keys.match_regex))
                took_s = loop.time() - began_s
                problem = await self._judged(keys, answer)
        except TimeoutError:
            problem = f"{answer.so_far} within {timeout_s:g} s"
        except (NameFailed, ConnectFailed, FetchFailed, MatchFailed) as error:
            problem = str(error)
        except OSError as error:
            problem = explain(error)
        if problem:
            return Reading(problem=problem)
        return Reading(self._value(keys, answer, took_s), latency_s=took_s)

    async def _judged(self, keys: HttpKeys, answer: Answer) -> str:
        """What is wrong with an answer; empty if it is as it should be."""
        if not keys.is_good(answer.status):
            return f"answered {answer.status}"
        if keys.match and keys.match.encode() not in answer.body:
            return f"the text {keys.match[:60]!r} is not in the answer"
        if keys.match_regex and not await self._matcher.search(keys.match_regex, answer.body):
            return f"the answer does not match {keys.match_regex[:60]!r}"
        days = days_left(answer, self._clock.now())
        if keys.certificate_days is None or days is None:
            return "" if keys.certificate_days is None else "the certificate cannot be read"
        if days < 0:
            return "the certificate has expired"
        return f"the certificate ends in {days:.1f} days" if days < keys.certificate_days else ""

    def _value(self, keys: HttpKeys, answer: Answer, took_s: float) -> float | None:
        if keys.value == "latency_ms":
            return round(took_s * 1000, 3)
        if keys.value == "certificate_days":
            days = days_left(answer, self._clock.now())
            return None if days is None else round(days, 2)
        return float(answer.status) if keys.value == "status" else None

    async def _context(self, *, verify: bool) -> ssl.SSLContext:
        """The TLS settings, made once, off the loop: the list of authorities is long."""
        made = self._contexts.get(verify)
        if made is None or (made.done() and made.exception() is not None):
            made = self._contexts[verify] = asyncio.get_running_loop().run_in_executor(
                None, tls_context, self._ca_file, verify
            )
        return await asyncio.shield(made)


def tls_context(ca_file: Path | None, verify: bool) -> ssl.SSLContext:  # noqa: FBT001 - run_in_executor takes no names
    """Make TLS settings; raises ``OSError`` for a file that cannot be used."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
