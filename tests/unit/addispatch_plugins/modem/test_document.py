"""What doctor says of modems that run and of ones that do not; the document itself is in test_actor.py."""

import pytest
import pytest_asyncio

from addispatch.sdk import Examiner
from addispatch_plugins.modem.document import advice_for

pytestmark = [pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(make_rig):
    rig = await make_rig(
        start=False, good={}, locked={"pin": "1234"}, known={"pin": "1234"}, empty={}, gone={},
        config={"known": {"pin": "1234"}},
    )  # fmt: skip
    rig.modems["empty"].sim.present = False
    rig.modems["gone"].unplug()
    yield rig
    await rig.plugin.stop()
    await rig.context.stop()


async def findings(rig):
    return {finding.subject.removeprefix("modem "): finding for finding in await rig.plugin.examine()}


async def test_before_the_start_the_modems_are_asked(rig):
    assert isinstance(rig.plugin, Examiner)
    found = await findings(rig)
    assert list(found) == ["good", "locked", "known", "empty", "gone"]
    port = rig.document("good")["port"]
    assert found["good"].detail == f"addispatch SIM900, IMEI {rig.modems['good'].imei}, SIM ready, {port}"
    assert (found["good"].problem, found["known"].problem) == ("", "")
    assert (found["locked"].problem, found["locked"].advice) == ("the SIM card wants its PIN", "correct pin, or set it")
    assert (found["empty"].problem, found["empty"].advice) == ("no SIM card in the modem", "insert the SIM")
    assert found["gone"].problem == "there is no such port"
    assert "--scan" in found["gone"].advice
    assert not rig.context.events
    assert rig.modems["known"].sim.tries == 3
    assert not rig.modems["known"].sim.unlocked


async def test_of_those_that_run_it_is_known(rig):
    await rig.plugin.start()
    await rig.wait_online("good")
    await rig.context.wait_for_event("Modem locked is broken", timeout_s=15)
    found = await findings(rig)
    assert found["good"].problem == ""
    assert found["good"].detail.startswith("Singtel (HSPA 3.5G), signal 20(Good), SIM ready, /")
    assert found["locked"].problem.startswith("broken: the SIM card wants a PIN and none is configured; set pin (/")
    assert found["locked"].advice == "correct pin, or set it"


@pytest.mark.parametrize(
    ("problem", "advice"),
    [
        ("another program has the port (/dev/x)", "stop the other program"),
        ("the port cannot be used: Permission denied", "dialout"),
        ("the SIM card is blocked and wants its PUK", "in a phone"),
        ("not registered in a mobile network", "antenna"),
        ("no credit, or the operator has barred the SIM", "top the SIM up"),
        ("something new", "docs/modem.md"),
    ],
)
async def test_advice(problem, advice):
    assert advice in advice_for(problem)
