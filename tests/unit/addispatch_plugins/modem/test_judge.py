import pytest

from addispatch.sdk.testing import RecordingContext
from addispatch_plugins.modem.config import ModemConfig
from addispatch_plugins.modem.credit import Credit
from addispatch_plugins.modem.faults import Fault
from addispatch_plugins.modem.judge import LONELY_S, Judge
from addispatch_plugins.modem.ladder import SICK_AFTER, Ladder
from addispatch_plugins.modem.link import SickError


@pytest.fixture
async def judge(tmp_path):
    async with RecordingContext(tmp_path) as context:
        yield Judge(Credit(context, ModemConfig(name="sim1", port="/dev/x")), Ladder(may_rebind=False))


def fail(judge, cms, *, fault=Fault.NETWORK, looks_well=True):
    return judge.failed(f"refused (CMS {cms})", fault, cms, 0.0, looks_well=looks_well)


def test_a_modem_that_looks_well_and_sends_nothing_is_sick(judge):
    for _ in range(SICK_AFTER - 1):
        fail(judge, 500)
    with pytest.raises(SickError, match="did not send the last texts"):
        fail(judge, 500)
    assert judge.last_code == "CMS 500"


@pytest.mark.parametrize("how", [{"cms": 38}, {"cms": 500, "looks_well": False}, {"cms": 1, "fault": Fault.MESSAGE}])
def test_what_is_not_the_modems_fault(judge, how):
    for _ in range(3 * SICK_AFTER):
        fail(judge, **how)


def test_without_credit(judge):
    assert [fail(judge, 8) for _ in range(3)] == [False, False, True]


def test_one_text_that_went_clears_it(judge):
    for _ in range(3):
        for _ in range(SICK_AFTER - 1):
            fail(judge, 500)
        judge.sent()


@pytest.mark.parametrize(
    ("reason", "code"),
    [("the modem stopped answering (ERR_TIMEOUT)", "ERR_TIMEOUT"), ("no SIM (CME ERROR: 10)", "CME ERROR: 10")],
)
def test_the_code_of_the_last_error(judge, reason, code):
    judge.note(reason)
    judge.note("the port is gone")
    assert judge.last_code == code


def test_long_without_a_network(judge):
    searching = "searching for a mobile network"
    judge.network(searching, 0.0)
    judge.network("", LONELY_S)
    judge.network(searching, LONELY_S + 1)
    judge.network(searching, 2 * LONELY_S)
    with pytest.raises(SickError, match="searching for a mobile network for 15 minutes"):
        judge.network(searching, 2 * LONELY_S + 1)
    judge.network(searching, 3 * LONELY_S)
    judge.network(searching, 4 * LONELY_S - 1)
    with pytest.raises(SickError):
        judge.network(searching, 4 * LONELY_S)
