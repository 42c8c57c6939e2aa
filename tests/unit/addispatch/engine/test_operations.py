"""The one way in: roles, pages, following without a gap, audit."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from pipelines import ADMIN, BrokenDisk, until

from addispatch.domain.errors import ConfigError, ConfigErrors, Refused, StoreError
from addispatch.domain.events import Said
from addispatch.engine.operations import NodeOperations
from addispatch.sdk.operations import Actor, Operations, Role

VIEWER, OPERATOR = Actor("vic", Role.VIEWER, "token"), Actor("olga", Role.OPERATOR, "token")

#: Each operation with good arguments, and the least role that may call it.
CALLS = {
    "raise_alarm": (OPERATOR, ({"text": "hot"},)),
    "status": (VIEWER, ()),
    "cases": (VIEWER, ()),
    "deliveries": (VIEWER, ()),
    "received": (VIEWER, ()),
    "events": (VIEWER, ()),
    "modems": (VIEWER, ()),
    "monitors": (VIEWER, ()),
    "plugins": (VIEWER, ()),
    "why": (VIEWER, ({"text": "hot"},)),
    "directory_export": (VIEWER, ()),
    "directory_entries": (VIEWER, ("recipient",)),
    "directory_import": (ADMIN, ({"recipient": [{"name": "Bo", "email": ["bo@example.com"]}]},)),
    "directory_put": (ADMIN, ("recipient", {"name": "Cy", "email": ["cy@example.com"]})),
    "directory_delete": (ADMIN, ("recipient", "Cy")),
    "tokens": (ADMIN, ()),
    "token_add": (ADMIN, ("grafana", "viewer")),
    "token_remove": (ADMIN, ("grafana",)),
    "link_key_rotate": (ADMIN, ()),
    "pause": (OPERATOR, ()),
    "resume": (OPERATOR, ()),
    "cancel_pending": (OPERATOR, ()),
    "test_alert": (OPERATOR, ()),
    "doctor": (OPERATOR, ()),
    "cluster": (VIEWER, ()),
    "cluster_difference": (VIEWER, ()),
    "restored": (VIEWER, ()),
}
#: Those that need something to be there first, or ask for no role; each has its own tests.
OTHERS = {
    "case",
    "follow",
    "health",
    "ready",
    "acknowledge",
    "close",
    "monitor_beat",
    "monitor_test",
    "roll_call",
    "unlock",
    "virtual_address",
    "link",
    "link_answer",
    "cluster_promote",
    "cluster_start_empty",
    "backup",
    "decide_restored",
}


def test_every_operation_is_there_and_in_the_list():
    names = {name for name, _ in inspect.getmembers(Operations, inspect.isfunction) if not name.startswith("_")}
    assert names == CALLS.keys() | OTHERS
    assert all(hasattr(NodeOperations, name) for name in names)


async def test_each_needs_its_role(running):
    lower = {Role.ADMIN: OPERATOR, Role.OPERATOR: VIEWER}
    for name, (actor, arguments) in CALLS.items():
        if actor.role in lower:
            weak = lower[actor.role]
            with pytest.raises(
                Refused, match=f"role: this needs the role {actor.role.value}, {weak.name} has {weak.role.value}"
            ):
                await getattr(running.operations, name)(weak, *arguments)
        await getattr(running.operations, name)(actor, *arguments)


async def test_raise_and_look(running):
    ops = running.operations
    answer = await ops.raise_alarm(
        OPERATOR, {"text": "hot", "id": "1", "priority": "high", "ack_required": True, "at": None}
    )
    assert answer.keys() == {"id", "cases", "mirrored", "duplicate", "warnings"}
    (ref,) = answer["cases"]
    case = await ops.case(VIEWER, ref["id"])
    assert (case["code"], case["source"], case["text"], case["audience"]) == (ref["code"], "api", "hot", "Ops")
    assert (await ops.raise_alarm(OPERATOR, {"text": "hot", "id": "1"}))["duplicate"]
    with pytest.raises(Refused, match="id: there is no case"):
        await ops.case(VIEWER, "nonsense")
    with pytest.raises(Refused, match="text: is empty"):
        await ops.raise_alarm(OPERATOR, {})


async def all_sent(node):
    return not any((await node.operations.status(VIEWER))["queue"].values())


async def test_pages(running):
    ops = running.operations
    for number in range(5):
        await ops.raise_alarm(OPERATOR, {"text": f"{number}"})
    await until(lambda: all_sent(running))
    for call, key in ((ops.cases, "cases"), (ops.deliveries, "deliveries"), (ops.events, "events")):
        everything = (await call(VIEWER, limit=500))[key]
        pages, cursor = [], None
        while True:
            page = await call(VIEWER, limit=2, cursor=cursor)
            pages += page[key]
            cursor = page["next"]
            if cursor is None:
                break
        assert pages == everything
    assert (await ops.deliveries(VIEWER, state="sent"))["deliveries"]
    assert not (await ops.deliveries(VIEWER, state="queued"))["deliveries"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"limit": 0}, "limit: must be 1 to 500"),
        ({"limit": 501}, "limit: must be 1 to 500"),
        ({"cursor": "x"}, "cursor: is not one this server gave"),
        ({"cursor": "-1"}, "cursor"),
        ({"cursor": "9" * 19}, "cursor"),
    ],
)
async def test_bad_pages_are_refused(running, arguments, words):
    for call in ("cases", "deliveries", "received", "events"):
        with pytest.raises(Refused, match=words):
            await getattr(running.operations, call)(VIEWER, **arguments)


async def test_bad_words_are_refused(running):
    with pytest.raises(Refused, match="state: must be one of open, acknowledged, closed"):
        await running.operations.cases(VIEWER, state="sideways")
    with pytest.raises(Refused, match="state: must be one of queued, held"):
        await running.operations.deliveries(VIEWER, state="sideways")
    with pytest.raises(Refused, match="table: must be one of"):
        await running.operations.directory_entries(VIEWER, "sideways")


async def test_following_has_no_gap_between_old_and_new(running):
    async def say(number):
        running.say(Said(f"n{number}"))
        await running.ledger.submit(lambda _tx: None)

    for number in range(600):  # more than a page
        running.say(Said(f"n{number}"))
    await say(600)
    seen = []
    stream = running.operations.follow(VIEWER, after=0)
    async for event in stream:
        seen.append(event["text"])
        if event["text"] == "n300":
            await say(601)
        if event["text"] == "n601":
            await say(602)
        if event["text"] == "n602":
            break
    await stream.aclose()
    assert [text for text in seen if text.startswith("n")] == [f"n{n}" for n in range(603)]
    assert not running.feed._handlers


async def test_following_from_now(running):
    await running.ledger.submit(lambda _tx: None)
    stream = running.operations.follow(VIEWER)
    waiting = asyncio.gather(anext(stream))
    await asyncio.sleep(0)
    running.say(Said("new"))
    assert (await asyncio.wait_for(waiting, 5))[0]["text"] == "new"
    await stream.aclose()


async def test_what_changes_something_is_audited(running):
    ops = running.operations
    await ops.directory_import(ADMIN, {"recipient": [{"name": "Bo", "email": ["bo@example.com"]}]})
    await ops.directory_put(ADMIN, "recipient", {"name": "Cy", "email": ["cy@example.com"]})
    await ops.directory_delete(ADMIN, "recipient", "Cy")
    secret = (await ops.token_add(ADMIN, "grafana", "viewer"))["token"]
    await ops.token_remove(ADMIN, "grafana")
    assert await ops.link_key_rotate(ADMIN) == {"keys_count": 2}
    await running.ledger.submit(lambda _tx: None)
    lines = [e["text"] for e in (await ops.events(VIEWER, limit=500))["events"][::-1] if e["kind"] == "Audit"]
    assert lines == [
        "test (test) imported the directory: recipient", "test (test) changed recipient Cy", "test (test) removed recipient Cy",
        "test (test) made the API token grafana (viewer)", "test (test) removed the API token grafana",
        "test (test) made a new key for acknowledge links; the one before it stays valid",
    ]  # fmt: skip
    assert not any(secret in line for line in lines)


async def test_a_directory_with_mistakes_changes_nothing(running):
    before = await running.operations.directory_export(VIEWER)
    with pytest.raises((ConfigError, ConfigErrors, Refused)):
        await running.operations.directory_import(
            ADMIN, {"recipient": [{"name": "Bo", "sms": "12"}], "group": [{"name": "G"}]}
        )
    assert await running.operations.directory_export(VIEWER) == before


async def test_a_new_recipient_is_reached_at_once(running):
    await running.operations.directory_put(ADMIN, "recipient", {"name": "Cy", "channels": ["log"]})
    answer = await running.operations.raise_alarm(OPERATOR, {"text": "hot", "to": "Cy"})
    assert len(answer["cases"]) == 1


async def test_a_virtual_address_that_moves_is_an_event(running):
    ops = running.operations
    with pytest.raises(Refused, match="role"):
        await ops.virtual_address(VIEWER, "10.0.0.100", is_here=True)
    assert (await ops.virtual_address(OPERATOR, "10.0.0.100", is_here=False))["changed"] is False
    answer = await ops.virtual_address(OPERATOR, "10.0.0.100", is_here=True)
    assert answer == {"address": "10.0.0.100", "is_here": True, "changed": True}
    await ops.virtual_address(OPERATOR, "10.0.0.100", is_here=True)
    await ops.virtual_address(OPERATOR, "10.0.0.100", is_here=False)
    await running.ledger.submit(lambda _tx: None)
    told = [e["text"] for e in (await ops.events(VIEWER))["events"][::-1] if e["kind"] == "VirtualAddressMoved"]
    assert told == ["The virtual address 10.0.0.100 came to this node", "The virtual address 10.0.0.100 left this node"]


async def test_health_is_a_commit(running):
    assert await running.operations.health() == {"status": "ok"}
    assert await running.operations.ready() == {"ready": True, "reason": "", "standby": False, "refuses": ""}
    with BrokenDisk(running.ledger):
        with pytest.raises(StoreError):
            await running.operations.health()
        assert (await running.operations.ready())["ready"] is False


async def test_while_alarms_are_refused_it_is_well_but_not_ready(running):
    running.ledger.intake_problem = "only 3 MiB are free"
    assert await running.operations.health() == {"status": "ok"}
    assert await running.operations.ready() == {
        "ready": False,
        "reason": "only 3 MiB are free",
        "standby": False,
        "refuses": "",
    }
    with pytest.raises(StoreError, match="only 3 MiB are free"):
        await running.operations.raise_alarm(ADMIN, {"text": "hot"})
    assert (await running.operations.pause(ADMIN))["paused"]


async def test_an_unknown_table_is_answered_with_each_table_once(running):
    with pytest.raises(Refused, match="table: must be one of") as refused:
        await running.operations.directory_entries(ADMIN, "nope")
    names = str(refused.value).rpartition("one of ")[2].split(", ")
    assert sorted(names) == sorted(set(names))
    assert "settings" in names
