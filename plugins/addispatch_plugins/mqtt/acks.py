"""Acknowledgements by MQTT: ``…/ack`` with a document or the text of a reply. Fed by the intake.

They are acted on one after another by a task of their own, and confirmed to the broker only then (law 1).
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from addispatch.sdk import Refused, StoreError
from addispatch.sdk.operations import Actor, Role
from addispatch_plugins.mqtt.payload import MAX_PAYLOAD_BYTES, read

if TYPE_CHECKING:
    from addispatch.sdk import Context
    from addispatch.sdk.mqtt import Message
    from addispatch_plugins.mqtt.complaints import Complaints
    from addispatch_plugins.mqtt.door import Door

#: Most acknowledgements that wait; the link reads no faster than they are worked off, so this is a last bound.
MAX_WAITING = 1000
#: Pause before one that the ledger could not store is tried again, in seconds.
AGAIN_S = 1.0

_ACTOR = Actor("mqtt", Role.OPERATOR, "mqtt")
#: How much of a payload stands for it where it names no code.
_ABOUT_BYTES = 40
_KEYS = ("code", "codes", "case", "by", "recipients", "comment", "action")


class Acks:
    """The queue, and the task that works it off."""

    def __init__(self, context: Context, complaints: Complaints) -> None:
        self._context, self._complaints = context, complaints
        self._waiting: deque[tuple[Door, Message]] = deque()
        self._wake = asyncio.Event()

    def take(self, door: Door, message: Message) -> None:
        """Take one message. A retained one is old news, whoever sent it."""
        if message.retain or self._context.is_trial:
            door.link.acknowledge(message)
        elif len(self._waiting) < MAX_WAITING:
            self._waiting.append((door, message))
            self._wake.set()
        # Else it stays unconfirmed: the broker brings it again.

    async def run(self) -> None:
        """Work them off, for ever."""
        while True:
            while self._waiting:
                door, message = self._waiting[0]
                if not await self._act(message):
                    await asyncio.sleep(AGAIN_S)
                    continue
                self._waiting.popleft()
                door.link.acknowledge(message)
            self._wake.clear()
            await self._wake.wait()

    async def _act(self, message: Message) -> bool:
        """Do what it says; False if it must be tried again."""
        about = message.payload[:_ABOUT_BYTES].decode(errors="replace")
        try:
            asked = request(message.payload)
            about = _about(asked) or about
            answer = await self._context.operations.acknowledge(_ACTOR, asked)
        except Refused as error:
            self._complaints.add("ack_refused", message.topic, str(error), _printable(about))
        except StoreError as error:
            self._context.log.warning("an acknowledgement by MQTT waits: %s", error)
            return False
        except Exception as error:  # a supervision border: one must not hold up those behind it
            self._context.log.exception("an acknowledgement by MQTT failed")
            reason = f"not acknowledged, an error of ours: {error}"
            self._complaints.add("ack_failed", message.topic, reason, _printable(about))
        else:
            self._context.log.debug("acknowledged by MQTT: %s", answer)
        return True


def request(raw: bytes) -> dict[str, Any]:
    """Return what ``Operations.acknowledge`` takes; raises ``Refused``."""
    if len(raw) > MAX_PAYLOAD_BYTES:
        raise Refused("payload", f"has {len(raw)} bytes, at most {MAX_PAYLOAD_BYTES} are taken")
    payload = read(raw, "auto")
    if payload.problem:
        raise Refused("payload", payload.problem)
    if not isinstance(payload.value, dict):
        return {"text": payload.text}
    unknown = next((key for key in payload.value if key not in _KEYS), None)
    if unknown is not None:
        raise Refused(str(unknown)[:60], f"is not known here; there are {', '.join(_KEYS)}")
    if payload.value.get("code") is not None and payload.value.get("codes") is not None:
        raise Refused("code", "cannot go with codes: name them in one of the two")
    wanted = {key: value for key, value in payload.value.items() if key != "code" and value is not None}
    if isinstance(code := payload.value.get("code"), str):
        wanted["codes"] = [part.strip() for part in code.split(",") if part.strip()]
    elif code is not None:
        raise Refused("code", "must be text")
    return wanted


def _about(asked: dict[str, Any]) -> str:
    """What tells one acknowledgement from another, for people."""
    codes = asked.get("codes")
    words = ", ".join(map(str, codes)) if isinstance(codes, list) else codes or asked.get("case") or asked.get("text")
    return str(words or "")[:200]


def _printable(text: str) -> str:
    """Return the text on one line, without signs that steer terminals."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
