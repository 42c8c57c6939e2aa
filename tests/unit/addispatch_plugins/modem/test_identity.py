import pytest

from addispatch.sdk.testing import RecordingContext
from addispatch_plugins.modem.identity import Claims, Identity, WrongDeviceError


@pytest.fixture
async def context(tmp_path):
    async with RecordingContext(tmp_path) as context:
        yield context


def identity(context, name="sim1", *, imei="", claims=None):
    return Identity(context, name, imei, claims or Claims())


async def test_another_sim_and_another_device_are_told_after_a_restart_too(context):
    identity(context).seen("1" * 15, "52501")
    identity(context).seen("1" * 15, "52501")
    assert not context.events
    identity(context).seen("1" * 15, "52502")
    identity(context).seen("2" * 15, "52502")
    identity(context).seen("2" * 15, "")
    assert [event.text for event in context.events] == [
        "Modem sim1 has another SIM card than before: IMSI 52502 instead of 52501",
        f"Modem sim1 has another device than before: IMEI {'2' * 15} instead of {'1' * 15}",
    ]


async def test_a_trial_leaves_nothing(context):
    context.is_trial = True
    identity(context).seen("1" * 15, "52501")
    assert not context.marks


async def test_a_note_that_is_damaged_is_made_anew(context):
    context.marks["modem:sim1:identity"] = b"\xff["
    identity(context).seen("1" * 15, "52501")
    assert not context.events
    assert context.marks["modem:sim1:identity"].startswith(b"{")


async def test_another_device_than_configured_is_not_used(context):
    with pytest.raises(WrongDeviceError, match=r"has the IMEI 2+ and not 1+"):
        identity(context, imei="1" * 15).seen("2" * 15, "52501")
    identity(context, imei="1" * 15).seen("1" * 15, "52501")
    identity(context, imei="1" * 15).seen("", "52501")


async def test_one_device_under_two_names(context):
    claims = Claims()
    first, second = (identity(context, name, claims=claims) for name in ("sim1", "sim2"))
    first.seen("1" * 15, "52501")
    with pytest.raises(WrongDeviceError, match="the same device as modem sim1"):
        second.seen("1" * 15, "52501")
    second.seen("1" * 15, "52502")  # a stick of the cheap kind that all have one IMEI: another SIM is another stick
    first.gone()
    second.seen("1" * 15, "52501")


async def test_what_does_not_tell_who_it_is_is_not_compared(context):
    claims = Claims()
    for imei, imsi in (("0" * 15, "52501"), ("", "52501"), ("1" * 15, "")):
        for name in ("sim1", "sim2"):
            known = identity(context, name, claims=claims)
            known.seen(imei, imsi)
            assert (known.imei, known.imsi) == (imei, imsi)
