"""The story of the demo, step by step; each step must happen for ``--exit`` to succeed. Called by ``play``."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

from addispatch.sdk.operations import Actor, Role

if TYPE_CHECKING:
    from addispatch.demo.screen import Screen
    from addispatch.demo.stage import Stage
    from addispatch.simulator import Phone

#: Nothing in the story takes longer than this.
PATIENCE_S = 30.0

_WHO = Actor("demo", Role.ADMIN, "demo")


async def tell(stage: Stage, screen: Screen) -> None:
    """Play it; raises ``TimeoutError`` or ``AssertionError`` at a step that does not happen."""
    screen.title("1  The PLC raises an alarm")
    topic, payload = "plant/Boilerhouse/boiler1/alarm", {"message": "over-temperature 98.4 °C", "priority": "high"}
    await stage.plant.publish(topic, payload)
    screen.done(f"published {screen.colour(topic, 'cyan')} {json.dumps(payload, ensure_ascii=False)}")

    screen.title("2  Adam, who is on duty, is told")
    await _sms(stage.adam, screen)
    mail = await stage.mailbox.expect("98.4", timeout_s=PATIENCE_S)
    screen.bubble(f"Mail to {mail.recipients[0]}", f"Subject: {mail.subject}\n\n{mail.text.strip()}", colour="cyan")

    screen.title("3  Adam does not answer, so it escalates to Jane")
    screen.progress("nobody has acknowledged yet (six seconds here, minutes in a plant)")
    code = await _sms(stage.jane, screen)

    screen.title("4  Jane acknowledges")
    answer = f"{code} on my way"
    screen.bubble("Jane writes", answer, colour="yellow", mine=True)
    await stage.jane.reply(answer)
    screen.progress("the modem is asked for new messages")
    case = await _acknowledged(stage)
    screen.done(f"{code} is acknowledged by {screen.colour(case['acknowledged_by'], 'bold')}: the escalation stops")

    screen.title("5  Everybody who knows of it is told")
    for phone, words in ((stage.jane, "Thank you, Jane"), (stage.adam, "Acknowledged by Jane")):
        screen.progress(f"the SMS to {phone.name} is on its way")
        message = await phone.expect(words, timeout_s=PATIENCE_S)
        screen.bubble(f"{phone.name}'s phone", message.text, colour="green")

    screen.title("What happened, as the event log has it")
    log = await stage.node.operations.events(_WHO, limit=40)
    for event in reversed(log["events"]):
        if event["case_id"] or event["kind"] == "MessageReceived":
            screen.say(f"  {screen.colour(event['at'][11:23], 'dim')} {event['text']}")


async def _sms(phone: Phone, screen: Screen) -> str:
    """Wait for the alarm on a phone; returns the code to answer with."""
    screen.progress(f"the SMS to {phone.name} is on its way")
    message = await phone.expect("98.4", timeout_s=PATIENCE_S)
    screen.bubble(f"{phone.name}'s phone {phone.number}, from {message.sender}", message.text, colour="green")
    found = re.search(r"Reply ([A-Z]{1,2}[0-9]{3,5})", message.text)
    assert found is not None, f"the text names no code: {message.text}"
    return found[1]


async def _acknowledged(stage: Stage) -> dict[str, Any]:
    """Wait until the story's case is acknowledged."""
    async with asyncio.timeout(PATIENCE_S):
        follower = stage.node.feed.follow()
        try:
            while True:
                (case,) = (await stage.node.operations.cases(_WHO, limit=1))["cases"]
                if case["acknowledged_by"]:
                    return dict(case)
                await follower.next()
        finally:
            follower.close()
