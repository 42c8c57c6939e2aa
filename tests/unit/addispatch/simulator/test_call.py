"""The words for calls."""

from addispatch.simulator.call import CallState, Progress


def test_what_ends_a_call() -> None:
    assert {progress for progress in Progress if progress.ends} == {"BUSY", "NO CARRIER", "NO ANSWER"}


def test_states_have_the_numbers_of_clcc() -> None:
    assert (CallState.ACTIVE, CallState.DIALLING, CallState.ALERTING, CallState.INCOMING) == (0, 2, 3, 4)
