"""A test of the way system alerts take, by every channel their recipients have. Called by ``engine.operations``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.domain.events import INFO, WARNING, Said
from addispatch.pipeline.alert import alerted, tell
from addispatch.pipeline.reach import ways
from addispatch.pipeline.route import Target

if TYPE_CHECKING:
    from addispatch.domain.addressbook import Audience
    from addispatch.engine.node import Node
    from addispatch.pipeline.desk import Desk
    from addispatch.sdk.operations import Doc
    from addispatch.store.transaction import Transaction

NOBODY = "system_alert_to in the directory's [settings] is empty: nobody would hear of trouble"
UNREACHABLE = "nobody in system_alert_to has a number or address that can be used"


async def test_alert(node: Node, by: str) -> Doc:
    """Queue the test and say who is told by what; ``problem`` says why it reaches nobody.

    Unlike a system alert it leaves out no channel that is down: what waits there shows that it works again.
    """
    text = f"addispatch {node.name}: test alert by {by}"

    def unit(transaction: Transaction) -> list[Doc]:
        desk, now_ms = node.pipeline.desk, node.clock.now_ms()
        audiences = alerted(desk)
        told = _ways(audiences, desk)
        tell(transaction, desk, audiences, text, now_ms, subject=text[:78])
        good = [f"{way['recipient']} by {way['channel']}" for way in told if not way["problem"]]
        line, severity = f"Test alert by {by}: {', '.join(good) or 'it reaches nobody'}", INFO if good else WARNING
        transaction.event(now_ms, Said(line, severity, "TestAlert"))
        return told

    told = await node.ledger.submit(unit)
    for way in told:
        way["waits"] = "" if way["problem"] else _waits(node, way["channel"])
    problem = "" if any(not way["problem"] for way in told) else UNREACHABLE if alerted(node.pipeline.desk) else NOBODY
    return {"text": text, "told": told, "problem": problem}


def _ways(audiences: list[Audience], desk: Desk) -> list[Doc]:
    """Each channel and address once, as ``tell`` takes them."""
    found: dict[tuple[str, str], Doc] = {}
    for audience in audiences:
        for way in ways(Target(audience), desk.provided, refuses=desk.refuses):
            doc = {"recipient": way.recipient.name, "channel": way.channel, "to": way.address, "problem": way.problem}
            found.setdefault((way.channel, way.address), doc)
    return list(found.values())


def _waits(node: Node, channel: str) -> str:
    if node.ledger.is_paused:
        return "emergency pause: it leaves after 'addispatch resume'"
    running = node.host.channels().get(channel)
    if running is None:
        return f"the plugin with the channel {channel} does not run"
    return "" if running.health.up else f"{channel} is down: {running.health.reason}"
