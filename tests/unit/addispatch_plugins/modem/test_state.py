import pytest

from addispatch.sdk.testing import FakeClock, RecordingContext
from addispatch_plugins.modem.state import Standing, State


@pytest.fixture
async def context(tmp_path):
    async with RecordingContext(tmp_path, clock=FakeClock()) as context:
        yield context


async def test_what_lasts_is_told_once_and_is_a_condition(context):
    changes = []
    standing = Standing(context, "sim1", lambda: changes.append(standing.state))
    standing.become(State.PROBING, "looking", "looking")
    assert not context.events
    assert not context.conditions
    for _ in range(2):
        standing.become(State.BROKEN, "no SIM", "no SIM (/dev/x)", needs_hands=True)
    assert [event.text for event in context.events] == ["Modem sim1 is broken: no SIM (/dev/x)"]
    assert context.conditions == {"modem sim1": "modem sim1 is broken: no SIM (/dev/x)"}
    standing.become(State.ONLINE, "", "Singtel")
    assert context.conditions == {"modem sim1": ""}
    assert changes == [State.PROBING, State.BROKEN, State.BROKEN, State.ONLINE]


@pytest.mark.parametrize(("needs_hands", "grace_s"), [(True, 0), (False, 60)])
async def test_what_needs_hands_is_told_at_once(context, monkeypatch, needs_hands, grace_s):
    graces = []
    monkeypatch.setattr(context, "condition", lambda _name, _problem, grace_s: graces.append(grace_s))
    Standing(context, "sim1", lambda: None).become(State.BROKEN, "x", "x", needs_hands=needs_hands)
    assert graces == [grace_s]


async def test_what_has_a_condition_of_its_own_is_only_an_event(context):
    Standing(context, "sim1", lambda: None).become(State.DEGRADED, "no credit", "no credit", alert="")
    assert context.conditions == {"modem sim1": ""}
    assert [event.text for event in context.events] == ["Modem sim1 is degraded: no credit"]


async def test_a_modem_that_is_not_trusted_yet_is_still_told(context):
    Standing(context, "sim1", lambda: None).become(State.ONLINE, "", "Singtel", alert="modem sim1 fails again")
    assert context.conditions == {"modem sim1": "modem sim1 fails again"}


async def test_what_lasts_is_known_during_the_next_try(context):
    standing = Standing(context, "sim1", lambda: None)
    standing.become(State.PROBING, "looking", "looking")
    assert standing.lasting == (State.PROBING, "looking")
    standing.become(State.BROKEN, "no SIM", "no SIM")
    standing.become(State.PROBING, "looking", "looking")
    assert standing.lasting == (State.BROKEN, "no SIM")
    standing.become(State.ONLINE, "", "Singtel")
    assert standing.lasting == (State.ONLINE, "")


async def test_since_when(context):
    standing = Standing(context, "sim1", lambda: None)
    context.clock.forward(seconds=5)
    standing.become(State.BROKEN, "one", "one")
    at = context.clock.now()
    context.clock.forward(seconds=5)
    standing.become(State.BROKEN, "another", "another")
    assert standing.since == at


async def test_stopped_is_no_trouble(context):
    standing = Standing(context, "sim1", lambda: None)
    standing.become(State.ONLINE, "", "Singtel")
    standing.stopped()
    assert (standing.state, standing.reason) == (State.BROKEN, "stopped")
    assert context.conditions == {"modem sim1": ""}
