"""The story of the demo, step by step; each step must happen for ``--exit`` to succeed. Called by ``play``."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from addispatch.sdk.operations import Actor, Role

if TYPE_CHECKING:
    from addispatch.demo.screen import Screen
    from addispatch.demo.stage import Stage

#: Nothing in the story takes longer than this.
PATIENCE_S = 30.0

_WHO = Actor("demo", Role.ADMIN, "demo")


async def tell(stage: Stage, screen: Screen) -> None:
    """Play it; raises ``TimeoutError`` or ``AssertionError`` at a step that does not happen."""
    screen.title("1  The PLC raises an alarm")
    topic, payload = "plant/Boilerhouse/boiler1/alarm", {"message": "over-temperature 98.4 °C", "priority": "high"}
    await stage.plant.publish(topic, payload)
    screen.done(f"published {screen.colour(topic, 'cyan')} {json.dumps(payload, ensure_ascii=False)}")

    screen.title("2  Everybody who must know is told")
    for phone in (stage.adam, stage.jane):
        screen.progress(f"the SMS to {phone.name} is on its way")
        message = await phone.expect("98.4", timeout_s=PATIENCE_S)
        screen.bubble(f"{phone.name}'s phone {phone.number}, from {message.sender}", message.text, colour="green")
    mail = await stage.mailbox.expect("98.4", timeout_s=PATIENCE_S)
    screen.bubble(f"Mail to {mail.recipients[0]}", f"Subject: {mail.subject}\n\n{mail.text.strip()}", colour="cyan")
    await _until_sent(stage)

    screen.title("3  Adam answers")
    screen.bubble("Adam writes", "On my way", colour="yellow", mine=True)
    await stage.adam.reply("On my way")
    screen.progress("the modem is asked for new messages")
    text, sender = await _received(stage)
    screen.done(f"addispatch received {screen.colour(repr(text), 'bold')} from {sender}")

    screen.title("What happened, as the event log has it")
    log = await stage.node.operations.events(_WHO, limit=30)
    for event in reversed(log["events"]):
        if event["case_id"] or event["kind"] == "MessageReceived":
            screen.say(f"  {screen.colour(event['at'][11:23], 'dim')} {event['text']}")


async def _until_sent(stage: Stage) -> None:
    """Wait until every delivery of the story's case is stored as sent."""
    async with asyncio.timeout(PATIENCE_S):
        follower = stage.node.feed.follow()
        try:
            while (await stage.node.operations.cases(_WHO, state="open"))["cases"]:
                await follower.next()
        finally:
            follower.close()


async def _received(stage: Stage) -> tuple[str, str]:
    """Wait for the reply in the ledger."""
    async with asyncio.timeout(PATIENCE_S):
        follower = stage.node.feed.follow()
        try:
            while not (messages := (await stage.node.operations.received(_WHO))["received"]):
                await follower.next()
        finally:
            follower.close()
    return messages[0]["text"], messages[0]["sender"]
