"""Credit from refusals and from a balance; the balance comes through real gammu in test_healer.py."""

import pytest

from addispatch.sdk.testing import RecordingContext
from addispatch_plugins.modem.config import ModemConfig
from addispatch_plugins.modem.credit import BALANCE_S, SPARE_S, SUSPECT_BALANCE_S, Credit
from addispatch_plugins.modem.link import RefusedError


class Operator:
    def __init__(self, answer):
        self.answer = answer

    async def ussd(self, code):
        assert code == "*100#"
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
async def context(tmp_path):
    async with RecordingContext(tmp_path) as context:
        yield context


@pytest.fixture
def make(context):
    return lambda **keys: Credit(context, ModemConfig(name="sim1", port="/dev/x", **keys))


def test_three_refusals_in_a_row_spare_the_sim_and_one_text_tries_again(make):
    credit = make()
    assert [credit.refused(cms, 100.0) for cms in (8, 38, 8, None, 8)] == [False, False, False, False, True]
    assert "no credit, or the operator has barred the SIM" in credit.problem(100.0)
    again_s = 100.0 + SPARE_S[0]
    assert credit.problem(again_s) == ""
    assert credit.refused(29, again_s)
    assert credit.problem(again_s + SPARE_S[0])
    assert credit.problem(again_s + SPARE_S[1]) == ""


def test_a_text_that_went_pays_all(make, context):
    credit = make()
    for _ in range(3):
        credit.refused(8, 0.0)
    told = context.conditions["modem sim1 credit"]
    assert told == "modem sim1: it has no credit, or is barred: the operator refused 3 texts in a row"
    assert credit.problem(SPARE_S[0]) == ""
    assert context.conditions["modem sim1 credit"] == told, "a try is no recovery"
    credit.sent()
    assert context.conditions["modem sim1 credit"] == ""
    assert credit.problem(0.0) == ""
    assert not credit.refused(8, 0.0)


@pytest.mark.parametrize(
    ("answer", "balance", "condition", "event"),
    [
        ("Your balance is SGD 12,50", 12.5, "", ""),
        ("Credit: 0.30", 0.3, "modem sim1: its credit is 0.3, less than 5", "its credit is 0.3"),
        ("Ihr Guthaben ist leer", None, "", "its balance cannot be read: the operator answered 'Ihr"),
        ("", None, "", "the operator did not answer"),
        (RefusedError("not supported"), None, "", "its balance cannot be asked for: not supported"),
    ],
)
async def test_balance(make, context, answer, balance, condition, event):
    credit = make(credit_ussd="*100#", credit_least=5)
    for _ in range(2):
        await credit.ask(Operator(answer), 0.0)
    assert credit.balance == balance
    assert context.conditions == {"modem sim1 credit": condition}
    assert [event in told.text for told in context.events] == ([True] if event else [])


async def test_a_question_that_was_stopped_is_asked_again_soon(make, context):
    credit = make(credit_ussd="*100#")
    await credit.ask(Operator(None), 0.0)
    assert credit.balance is None
    assert not context.events
    assert not credit.is_due(SUSPECT_BALANCE_S - 1)
    assert credit.is_due(SUSPECT_BALANCE_S)


async def test_a_low_balance_is_told_after_a_text_that_went_too(make, context):
    credit = make(credit_ussd="*100#", credit_least=5)
    await credit.ask(Operator("1.00"), 0.0)
    credit.sent()
    assert context.conditions == {"modem sim1 credit": "modem sim1: its credit is 1, less than 5"}


async def test_its_own_pattern(make):
    credit = make(credit_ussd="*100#", credit_pattern=r"EUR (\d+\.\d+)")
    await credit.ask(Operator("On 24.12. you have EUR 7.25 until 31.12."), 0.0)
    assert credit.balance == 7.25


async def test_when_the_balance_is_due(make):
    assert not make().is_due(0.0)
    credit = make(credit_ussd="*100#")
    assert credit.is_due(0.0)
    await credit.ask(Operator("12"), 0.0)
    assert not credit.is_due(BALANCE_S - 1)
    assert credit.is_due(BALANCE_S)
    credit.refused(21, 1.0)
    assert not credit.is_due(SUSPECT_BALANCE_S - 1)
    assert credit.is_due(SUSPECT_BALANCE_S)
